/** Makes the pictures of the README and the docs: `npm run screenshots`. */

import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { launch } from "./chromium.ts";
import { falling, Lab } from "./lab.ts";

const DOCS = fileURLToPath(new URL("../../docs/", import.meta.url));

/** Ten runs in two configurations, one of them still going. */
export async function fill(lab: Lab): Promise<{ experiment: string; runs: string[] }> {
  const experiment = await lab.experiment("tiny-lm", {
    hypothesis: "A wider hidden layer lowers the validation loss by more than the noise between seeds.",
    tags: { team: "nlp" },
    config: {
      metrics: [
        { name: "val/loss", direction: "minimize" },
        { name: "val/accuracy", direction: "maximize" },
        { name: "val/perplexity", direction: "minimize" },
        { name: "train/loss", direction: "minimize" },
      ],
    },
  });
  const runs: string[] = [];
  for (let seed = 0; seed < 5; seed++) {
    for (const hidden of [16, 64]) {
      const run = await lab.run(experiment, {
        name: `hidden-${hidden}-seed-${seed}`,
        parameters: { hidden, seed, lr: 0.003, optimizer: { name: "adamw", weight_decay: 0.01 } },
        tags: hidden === 16 ? { baseline: "" } : {},
      });
      const floor = (hidden === 16 ? 0.9 : 0.6) + 0.06 * Math.sin(seed * 2.4 + hidden);
      const loss = falling(600, seed * 7 + hidden, floor);
      await lab.log(run, {
        "train/loss": loss,
        "train/grad_norm": loss.map((value, i) => value * (1 + 0.3 * Math.sin(i / 9))),
        "train/lr": loss.map((_, i) => 0.003 * Math.cos((i / 600) * 1.5)),
        "val/loss": falling(60, seed + hidden, floor + 0.1),
        "val/accuracy": falling(60, seed * 3 + hidden, floor + 0.1).map((value) => 1 / (1 + value)),
        "val/perplexity": falling(60, seed * 5 + hidden, floor).map((value) => Math.exp(value)),
      });
      if (runs.length < 9) await lab.complete(run);
      runs.push(run);
    }
  }
  return { experiment, runs };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(DOCS, { recursive: true });
  const lab = await Lab.start();
  const browser = await launch();
  try {
    const { experiment } = await fill(lab);
    const pictures: Record<string, string> = {
      page: `/experiments/${experiment}?smooth=80&cols=status,metrics.val/loss,params.hidden,params.seed,metrics.val/accuracy`,
      groups: `/experiments/${experiment}?smooth=60&group=params.hidden&cols=metrics.val/loss,metrics.val/accuracy`,
      comparison: `/compare?experiments=${experiment}&by=params.hidden&metrics=val/loss,val/accuracy`,
    };
    for (const [name, path] of Object.entries(pictures)) {
      const page = await browser.newPage({ viewport: { width: 1440, height: 860 } });
      await page.goto(lab.url + path);
      await page
        .locator(name === "comparison" ? ".forest" : "[data-chart] canvas")
        .first()
        .waitFor();
      await page.waitForTimeout(1000);
      await page.screenshot({ path: `${DOCS}${name}.png` });
      await page.close();
    }
  } finally {
    await browser.close();
    await lab.stop();
  }
}
