import assert from "node:assert/strict";
import { check, until } from "./browser.ts";
import { falling, type Lab } from "./lab.ts";

const start = async (lab: Lab, more: object = {}) =>
  lab.run(await lab.experiment("tiny-lm", more), { name: "one", parameters: { model: { layers: 4 }, lr: 0.5 } });

const ENVIRONMENT = {
  captured_at: "2026-01-01T00:00:00Z",
  hostname: "node-7",
  os: { name: "Debian GNU/Linux" },
  hardware: { memory_bytes: 2 ** 34, gpus: [{ name: "NVIDIA H100" }] },
  dependencies: {
    packages: [
      { ecosystem: "pypi", name: "torch", version: "2.9.0" },
      { ecosystem: "pypi", name: "numpy", version: "2.3.0" },
    ],
  },
  git: {
    commit: "a".repeat(40),
    branch: "wide",
    remote: "git@github.com:ada/tiny-lm.git",
    dirty: true,
    diff: "--- a/train.py\n+++ b/train.py\n@@ -1 +1 @@\n-lr = 1\n+lr = 2\n",
  },
  command: { arguments: ["train.py", "--lr", "2"] },
};

/** A picture of one pixel. */
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

check("the overview tells what a run is, what it was given and what came out", async ({ lab, page, open }) => {
  const run = await start(lab, {
    hypothesis: "More layers help",
    config: { metrics: [{ name: "loss", critical: { value: 0.1, direction: "above" } }] },
  });
  await lab.send("PUT", `/runs/${run}/environment`, ENVIRONMENT);
  await lab.log(run, { loss: [3, 0.25] });
  await lab.complete(run);
  await open(`/runs/${run}/overview`);
  for (const text of ["More layers help", "node-7", "train.py --lr 2", "aaaaaaaaaa", "model.layers"]) {
    await page.getByText(text, { exact: false }).first().waitFor();
  }
  await page.getByText("loss is 0.25, above the critical threshold of 0.1.").waitFor();
  assert.equal(
    await page.getByRole("link", { name: "aaaaaaaaaa" }).getAttribute("href"),
    `https://github.com/ada/tiny-lm/commit/${"a".repeat(40)}`,
  );
  await page.getByLabel("Find parameters").fill("lr");
  await until("others are left out", async () => (await page.getByText("model.layers").count()) === 0);
  await page.getByRole("row", { name: /^loss 0.25 0.25 3 / }).waitFor();
});

check("the environment is shown with its packages and the changes to the code", async ({ lab, page, open }) => {
  const run = await start(lab);
  await lab.send("PUT", `/runs/${run}/environment`, ENVIRONMENT);
  await open(`/runs/${run}/environment`);
  await page.getByText("NVIDIA H100").waitFor();
  await page.getByText("16 GiB").waitFor();
  await page.getByLabel("Find packages").fill("torch");
  await page.getByRole("row", { name: /torch 2.9.0/ }).waitFor();
  assert.equal(await page.getByRole("row", { name: /numpy/ }).count(), 0);
  await page.locator(".diff .added", { hasText: "lr = 2" }).waitFor();
});

check("a log is followed live, searched, and filtered by level, in its colours", async ({ lab, page, open }) => {
  const run = await start(lab);
  await lab.print(
    run,
    Array.from({ length: 3000 }, (_, i) => ({
      level: i % 100 === 0 ? "error" : "info",
      text: `\u001b[32mstep ${i}\u001b[0m ok`,
    })),
  );
  await open(`/runs/${run}/logs`);
  await page.locator(".fg-ansi-green", { hasText: "step 2999" }).waitFor();
  assert.ok((await page.locator(".log-line").count()) < 150);
  await lab.print(run, [{ level: "warning", text: "almost done" }]);
  await page.getByText("almost done").waitFor({ timeout: 3000 });
  await page.getByLabel("From level").selectOption("error");
  await page.getByText("30 of 3,001 lines").waitFor();
  await page.getByLabel("Search the log").fill("step 2900");
  await page.getByText("1 of 3,001 lines").waitFor();
});

check("artifacts are browsed, looked into, and downloaded", async ({ lab, page, open, picture }) => {
  const run = await start(lab);
  await lab.artifact(run, "notes/README.md", "# Findings\n\n- **wider** is better\n\n<script>window.stolen=1</script>");
  await lab.artifact(run, "results.csv", 'step,said\n1,"a, b"\n2,c');
  await lab.artifact(run, "config.json", '{"a":{"b":[1,2]}}');
  await lab.artifact(run, "rows.jsonl", '{"q":"one","a":1}\n{"q":"two","a":2}\n');
  await lab.artifact(
    run,
    "run.ipynb",
    JSON.stringify({
      cells: [
        { cell_type: "markdown", source: "# Plan" },
        {
          cell_type: "code",
          execution_count: 3,
          source: ["print('hello notebook')"],
          outputs: [
            { output_type: "stream", name: "stdout", text: ["what it\n", "printed"] },
            {
              output_type: "display_data",
              data: {
                "image/png": `${PIXEL}\n`,
                "text/plain": "<Figure>",
                "text/html": "<script>window.stolen=1</script>",
              },
            },
            {
              output_type: "error",
              ename: "ValueError",
              evalue: "x",
              traceback: ["\u001b[31mValueError\u001b[0m: broken"],
            },
          ],
        },
      ],
    }),
  );
  await lab.artifact(
    run,
    "plot.svg",
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><script>window.stolen=1</script><rect width="40" height="30"/></svg>',
  );
  await lab.artifact(run, "weights.bin", new Uint8Array([0, 1, 2, 0]));
  await lab.artifact(run, "big.txt", "x".repeat(3_000_000));
  await open(`/runs/${run}`);
  await page.getByRole("link", { name: /Artifacts 8/ }).click();
  const look = async (name: string) => page.getByRole("button", { name: new RegExp(`^${name} `) }).click();
  const preview = page.getByRole("region", { name: "Preview" });
  await look("README.md");
  await preview.getByRole("heading", { name: "Findings" }).waitFor();
  await look("results.csv");
  await preview.getByRole("cell", { name: "a, b" }).waitFor();
  await look("config.json");
  await preview.getByText('"b": [').waitFor();
  await look("rows.jsonl");
  await preview.getByRole("row", { name: "two 2" }).waitFor();
  await look("run.ipynb");
  await preview.getByText("hello notebook").waitFor();
  await preview.getByRole("heading", { name: "Plan" }).waitFor();
  await preview.getByText("what it printed").waitFor();
  await preview.getByText("ValueError: broken").waitFor();
  await until("the figure is there", () =>
    preview.getByAltText("<Figure>").evaluate((image: HTMLImageElement) => image.naturalWidth === 1),
  );
  await picture("a notebook");
  await look("plot.svg");
  await until("the picture is there", () =>
    preview.locator("img").evaluate((image: HTMLImageElement) => image.naturalWidth === 40),
  );
  await look("weights.bin");
  await preview.getByText("This is not text").waitFor();
  await look("big.txt");
  await preview.getByText(/The first 1 MiB of/).waitFor();
  assert.equal(await page.evaluate("window.stolen"), undefined);
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    preview.getByRole("link", { name: "Download" }).click(),
  ]);
  assert.equal(file.suggestedFilename(), "big.txt");
});

check(
  "runs beyond a threshold and runs that failed are listed as alerts, as it happens",
  async ({ lab, page, open }) => {
    const experiment = await lab.experiment("tiny-lm", {
      config: { metrics: [{ name: "loss", critical: { value: 3, direction: "above" } }] },
    });
    const run = await lab.run(experiment, { name: "calm" });
    await open("/");
    await page.getByRole("link", { name: "Alerts" }).click();
    await page.getByText("No metric is beyond a threshold.").waitFor();
    await lab.log(run, { loss: [1, 9] });
    const beyond = page.getByRole("region", { name: "Beyond a threshold" });
    await beyond.getByText("loss is 9, above the critical threshold of 3.").waitFor();
    await lab.log(run, { loss: [2] }, 2);
    await page.getByText("No metric is beyond a threshold.").waitFor();
    await lab.fail(run, { type: "OutOfMemory", message: "no room" });
    await page.getByText("OutOfMemory: no room").waitFor();
    await open(`/runs/${run}/events`);
    await page.getByText("loss was 9 at step 1, above the critical threshold of 3").waitFor();
  },
);

check("a hypothesis is shown with what came of it, beside the comparison it asked for", async ({ lab, page, open }) => {
  const hypothesis = {
    name: "deep",
    metric: "loss",
    treatment: "params.layers = 4",
    baseline: "params.layers = 2",
    direction: "lower",
    smallest_effect: 0.1,
    planned_runs: 3,
  };
  const experiment = await lab.experiment("tiny-lm", { config: { hypotheses: [hypothesis] } });
  for (let seed = 0; seed < 3; seed++) {
    for (const layers of [2, 4]) {
      const run = await lab.run(experiment, { parameters: { layers, seed } });
      await lab.log(run, { loss: [4 - layers / 2 + 0.01 * seed * layers] });
      await lab.complete(run);
    }
  }
  await lab.post(`/experiments/${experiment}/status`, { status: "completed" });
  await open(`/compare?experiments=${experiment}&by=params.layers`);
  await page.getByText(/^deep is supported|deep is supported: /).waitFor();
  await page.getByText("planned as deep").waitFor();
});

check("events are told in order, measurements together", async ({ lab, page, open }) => {
  const run = await start(lab);
  for (let i = 0; i < 5; i++) await lab.log(run, { loss: [1, 2] }, i * 2);
  await lab.artifact(run, "a.txt", "a");
  await lab.complete(run);
  await open(`/runs/${run}/events`);
  await page.getByText("logged 10 points").waitFor();
  const told = await page.locator(".events li").allTextContents();
  assert.match(told[0] ?? "", /completed/);
  assert.match(told.at(-1) ?? "", /started/);
  assert.equal(told.length, 4);
});

check("an error is shown with its stack trace, and the run can be resumed", async ({ lab, page, open }) => {
  const run = await start(lab);
  await lab.fail(run, {
    type: "torch.OutOfMemoryError",
    message: "CUDA out of memory",
    stack_trace: 'File "train.py", line 7',
  });
  await open(`/runs/${run}`);
  await page.getByText("CUDA out of memory").waitFor();
  await page.getByText("Stack trace").click();
  await page.getByText('File "train.py", line 7').waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByText("running", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Cancel the run" }).click();
  await page.getByText("cancelled", { exact: true }).waitFor();
});

check("tags and name of a run are changed on its page", async ({ lab, page, open }) => {
  const run = await start(lab);
  await open(`/runs/${run}`);
  await page.getByRole("button", { name: "Tags" }).click();
  await page.getByLabel("Tag", { exact: true }).fill("kind=ablation");
  await page.getByRole("button", { name: "Add" }).click();
  await page.getByText("kind=ablation").first().waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Rename" }).click();
  await page.getByLabel("Name", { exact: true }).fill("two");
  await page.getByRole("dialog").getByRole("button", { name: "Rename" }).click();
  await page.getByRole("heading", { name: "#1 two" }).waitFor();
});

check("lineage is a graph that is filtered, followed and expanded", async ({ lab, page, open }) => {
  const experiment = await lab.experiment("tiny-lm");
  const [first, second] = [await lab.run(experiment, { name: "first" }), await lab.run(experiment, { name: "second" })];
  for (const run of [first, second])
    await lab.post(`/runs/${run}/inputs`, { kind: "dataset", name: "tinystories", metadata: { split: "train" } });
  await lab.post(`/runs/${first}/inputs`, { kind: "model", name: "gpt2" });
  await lab.artifact(first, "model.bin", "weights");
  await open(`/runs/${first}/lineage`);
  const node = (name: string) => page.locator(".react-flow__node", { hasText: name });
  for (const name of ["tinystories", "gpt2", "model.bin", "second"]) await node(name).waitFor();
  await page.getByLabel("model", { exact: true }).uncheck();
  await until("models are left out", async () => (await node("gpt2").count()) === 0);
  await node("tinystories").click();
  await page.getByRole("complementary", { name: "Chosen" }).getByRole("heading", { name: "tinystories" }).waitFor();
  await page.getByRole("button", { name: "What came from it" }).click();
  await node("second").click();
  await page.getByRole("link", { name: "Open the run" }).click();
  await page.waitForURL(`**/runs/${second}`);
});

check(
  "two configurations are compared in sentences, with effects, and with what else differs",
  async ({ lab, page, open }) => {
    const experiment = await lab.experiment("tiny-lm", {
      config: { metrics: [{ name: "loss", direction: "minimize" }] },
    });
    for (let seed = 0; seed < 5; seed++) {
      for (const layers of [2, 4]) {
        const run = await lab.run(experiment, { parameters: { layers, seed, model: { width: layers * 8, depth: 3 } } });
        await lab.log(run, {
          loss: [3, 2 / layers + 0.01 * falling(seed + 2, seed * layers + 1).reduce((a, b) => a + b, 0)],
          noise: [falling(3, seed)[2] ?? 0],
        });
        if (seed < 4) await lab.complete(run);
      }
    }
    await open(`/experiments/${experiment}?group=params.layers`);
    await page.getByRole("link", { name: "Compare" }).click();
    const metric = page.getByRole("region", { name: "loss", exact: true });
    await metric.getByText("better", { exact: true }).first().waitFor();
    await metric
      .getByText(/layers=4 is better than layers=2.*p </)
      .first()
      .waitFor();
    await metric.getByRole("img", { name: /difference from layers=2/ }).waitFor();
    await page.getByRole("region", { name: "Parameters that differ", exact: true }).getByText("model.width").waitFor();
    await page.getByRole("region", { name: "Warnings" }).waitFor();
    await page.getByLabel("Baseline").selectOption("layers=4");
    await metric.getByText("worse", { exact: true }).waitFor();
    await page.getByLabel("Each run is its").selectOption("min");
    await metric
      .getByText(/\(min\)/)
      .first()
      .waitFor();
    await metric.getByText("exploratory").waitFor();
    await metric.getByText(/^Repetitions have a standard deviation of/).waitFor();
    await metric.getByRole("cell", { name: "more than noise" }).waitFor();
    const runs = page.getByRole("region", { name: "Every run" });
    await runs.getByText("3 of 4 parameters differ").waitFor();
    assert.equal(await runs.getByRole("row").count(), 11);
    await page.getByRole("heading", { name: "Comparison" }).click();
    await page.keyboard.press("d");
    await page.getByRole("region", { name: "noise", exact: true }).waitFor();
    await runs.getByText("all 4 parameters").waitFor();
    await runs.getByRole("columnheader", { name: "model.depth" }).waitFor();
    await runs.getByRole("button", { name: "model.width", exact: true }).click();
    await until("the runs are sorted", async () => /model\.width.asc/.test(decodeURIComponent(page.url())));
    await runs.scrollIntoViewIfNeeded();
  },
);

check("runs are chosen in a table and compared one by one", async ({ lab, page, open }) => {
  const experiment = await lab.experiment("tiny-lm");
  for (const lr of [0.1, 0.2]) {
    const run = await lab.run(experiment, { name: `lr-${lr}`, parameters: { lr } });
    await lab.log(run, { loss: [3, lr] });
    await lab.complete(run);
  }
  await open(`/experiments/${experiment}?view=table`);
  await page.getByLabel("Select all that are loaded").check();
  await page.getByRole("region", { name: "Selection" }).getByRole("button", { name: "Compare" }).click();
  await page
    .getByText(/too few runs to tell/)
    .first()
    .waitFor();
  await page.getByRole("region", { name: "Parameters that differ", exact: true }).getByText("lr").first().waitFor();
});

check("an experiment's status, hypothesis and notes are changed where they stand", async ({ lab, page, open }) => {
  const id = await lab.experiment("tiny-lm");
  await lab.run(id);
  await open(`/experiments/${id}`);
  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("Hypothesis").fill("Wider is better");
  await page
    .getByLabel("Notes, in Markdown")
    .fill(
      '# Plan\n\n<script>window.stolen=1</script>\n\n<img src=x onerror="window.stolen=1">\n\n[bad](javascript:window.stolen=1) ![far](https://evil.example/x.png)',
    );
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Wider is better").waitFor();
  await page.getByText("Notes", { exact: true }).click();
  await page.getByRole("heading", { name: "Plan" }).waitFor();
  assert.equal(await page.locator(".markdown img, .markdown script").count(), 0);
  assert.doesNotMatch((await page.getByText("bad", { exact: true }).getAttribute("href")) ?? "", /javascript/);
  await page.getByRole("button", { name: /^Status: active/ }).click();
  await page.getByRole("button", { name: "Make it completed" }).click();
  await page.getByRole("button", { name: /^Status: completed/ }).waitFor();
  await until(
    "the server has it",
    async () => (await lab.get<{ status: string }>(`/experiments/${id}`)).status === "completed",
  );
  assert.equal(await page.evaluate("window.stolen"), undefined);
});

check("experiments are filtered, and their best values drawn", async ({ lab, page, open }) => {
  for (const name of ["alpha", "beta"]) {
    const id = await lab.experiment(name);
    for (const loss of [0.5, 0.25, 0.75]) {
      const run = await lab.run(id);
      await lab.log(run, { "val/loss": [3, loss] });
    }
  }
  await open();
  await page.getByRole("img", { name: "val/loss of 3 runs, best 0.25" }).first().waitFor();
  await page.getByLabel("Filter experiments").fill("name = 'beta'");
  await page.keyboard.press("Enter");
  await until("one is left", async () => (await page.getByRole("link", { name: "alpha" }).count()) === 0);
  await page.getByRole("link", { name: "beta" }).waitFor();
});

check("what two runs made of the same examples stands side by side", async ({ lab, page, open }) => {
  const experiment = await lab.experiment("tiny-lm", { hypothesis: "Warmer is wilder" });
  const time = new Date().toISOString();
  const ids: string[] = [];
  for (const [temperature, outputs] of [
    [0, ["the cat sat down", "same"]],
    [1, ["the dog sat down", "same"]],
  ] as const) {
    const run = await lab.run(experiment, { parameters: { temperature } });
    const rows = outputs.map((output, i) => ({ prompt: `prompt ${i}`, output }));
    await lab.post(`/runs/${run}/values`, {
      values: [{ name: "outputs", step: 1, time, value: { kind: "custom", value: rows } }],
    });
    await lab.log(run, { loss: [1] });
    await lab.complete(run);
    ids.push(run);
  }
  await open(`/compare?runs=${ids.join(",")}`);
  await page.getByText("Warmer is wilder").waitFor();
  const examples = page.getByRole("region", { name: "Examples" });
  await examples.getByText("1 of 2").waitFor();
  const marks = await examples.locator("mark").allTextContents();
  assert.deepEqual(marks.toSorted(), ["cat", "dog"]);
  await examples.getByLabel("only what differs").uncheck();
  await examples.getByText("2 of 2").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("heading", { name: "Comparison" }).click();
  await page.keyboard.press("d");
  await until("all metrics are shown", async () => new URL(page.url()).searchParams.get("all") === "1");
});
