import assert from "node:assert/strict";
import { check, ink, until } from "./browser.ts";
import { falling } from "./lab.ts";

check("an empty lab says how to fill it", async ({ page, open }) => {
  await open();
  await page.getByText("No experiments yet").waitFor();
  assert.match((await page.locator("pre").textContent()) ?? "", /import llm_research_lab/);
});

check("experiments are listed with their runs counted", async ({ lab, page, open }) => {
  const id = await lab.experiment("tiny-lm", { hypothesis: "Wider is better", tags: { team: "nlp" } });
  await lab.run(id);
  await lab.run(id);
  await open();
  const row = page.getByRole("row", { name: "tiny-lm" });
  await row.getByText("Wider is better").waitFor();
  await row.getByText("active").waitFor();
  await row.getByRole("cell", { name: "2", exact: true }).waitFor();
  await row.getByRole("link", { name: "tiny-lm" }).click();
  await page.waitForURL(`**/experiments/${id}**`);
});

check("the runs of an experiment are listed with parameters and last values", async ({ lab, page, open }) => {
  const id = await lab.experiment("tiny-lm");
  for (const layers of [2, 4]) {
    const run = await lab.run(id, { name: `l${layers}`, parameters: { model: { layers } } });
    await lab.log(run, { "train/loss": [2, 1 / layers] });
    await lab.complete(run);
  }
  await open(`/experiments/${id}`);
  const row = page.getByRole("row", { name: /l4/ });
  await row.getByText("0.25").waitFor();
  await row.getByText("completed").waitFor();
  await page.getByRole("columnheader", { name: "model.layers" }).waitFor();
});

check("a run's curves are drawn", async ({ lab, page, open }) => {
  const id = await lab.experiment("tiny-lm");
  const run = await lab.run(id, { parameters: { lr: 0.001 } });
  await lab.log(run, { "train/loss": falling(500, 1), "train/accuracy": falling(500, 2).map((loss) => 1 / loss) });
  await open(`/runs/${run}`);
  for (const name of ["train/loss", "train/accuracy"]) {
    await until(`${name} is drawn`, async () => (await ink(page, name)) > 0.002);
  }
});

check(
  "a run that does not exist is said so",
  async ({ page, open }) => {
    await open("/runs/0192f0c1-2a3b-7c4d-8e5f-60718293a4b5");
    await page
      .getByRole("alert")
      .getByText(/no run/i)
      .waitFor();
  },
  { complaints: /404/ },
);

check("what is logged shows without a reload", async ({ lab, page, open }) => {
  await open();
  await page.getByText("No experiments yet").waitFor();
  const id = await lab.experiment("tiny-lm");
  await page.getByRole("link", { name: "tiny-lm" }).click();
  const run = await lab.run(id, { name: "live" });
  await page.getByRole("link", { name: /live/ }).first().click();
  await lab.log(run, { loss: falling(50, 1) });
  await until("the first points are drawn", async () => (await ink(page, "loss")) > 0.001);
  const before = await ink(page, "loss");
  await lab.log(run, { loss: falling(50, 2).map((value) => 3 - value) }, 50);
  const start = performance.now();
  await until("later points are drawn", async () => Math.abs((await ink(page, "loss")) - before) > 0.0005);
  assert.ok(performance.now() - start < 3000, `${performance.now() - start} ms`);
});

const HOSTILE = [
  "<script>window.stolen=1</script>",
  '"><img src=x onerror="window.stolen=1">',
  "\u202Eevil\u202C \u05E9\u05DC\u05D5\u05DD",
  "🧪👩🏽‍🔬 loss",
  "../../etc/passwd",
  "javascript:alert(1)",
  "x".repeat(250),
];

check("hostile names are text", async ({ lab, page, open }) => {
  let last = "";
  let experiment = "";
  for (const name of HOSTILE) {
    experiment = await lab.experiment(name, { hypothesis: name, description: `**${name}**`, tags: { [name]: name } });
    last = await lab.run(experiment, {
      name,
      parameters: { [name]: { [name]: name.repeat(40) } },
      tags: { [name]: name },
    });
    await lab.log(last, { [name]: [1, 2, 3] });
    await lab.print(last, [{ level: "error", text: name.repeat(40) }]);
    await lab.fail(last, { type: name, message: name.repeat(40), stack_trace: name });
    for (const path of ["/", `/experiments/${experiment}`, `/runs/${last}`]) {
      await open(path);
      await page.getByText(name.slice(0, 60)).first().waitFor();
    }
    assert.equal(await page.locator('script:not([type="module"]), main img[src="x"]').count(), 0);
    assert.equal(await page.evaluate("window.stolen"), undefined);
  }
  await open("/");
  const width = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(width <= 0, `the page is ${width} px too wide`);
});

check(
  "the content security policy holds",
  async ({ lab, page, open }) => {
    await open();
    const response = await fetch(lab.url);
    const policy = response.headers.get("content-security-policy") ?? "";
    for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"]) {
      assert.ok(policy.includes(part), policy);
    }
    assert.doesNotMatch(policy, /unsafe/);
    await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "window.stolen = 1";
      document.head.append(script);
    });
    assert.equal(await page.evaluate("window.stolen"), undefined);
  },
  { complaints: /Content Security Policy/ },
);

check("nothing comes from elsewhere", async ({ lab, page, open }) => {
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  const id = await lab.experiment("tiny-lm");
  const run = await lab.run(id);
  await lab.log(run, { loss: [3, 2, 1] });
  await open(`/runs/${run}`);
  await until("the curve is drawn", async () => (await ink(page, "loss")) > 0.001);
  assert.deepEqual(
    asked.filter((url) => !url.startsWith(lab.url) && !url.startsWith("data:")),
    [],
  );
});

check("the first view is small, and is sent compressed", async ({ page, open }) => {
  await open();
  await page.getByText("No experiments yet").waitFor();
  const files = await page.evaluate(() =>
    performance.getEntries().flatMap((entry) => {
      const { name, encodedBodySize, decodedBodySize } = entry as PerformanceResourceTiming;
      return decodedBodySize === undefined || name.includes("/api/")
        ? []
        : [{ name, encodedBodySize, decodedBodySize }];
    }),
  );
  const sum = files.reduce((bytes, file) => bytes + file.encodedBodySize, 0);
  assert.ok(sum > 50_000 && sum < 400_000, `${sum} bytes`);
  const script = files.find((file) => file.name.endsWith(".js"));
  assert.ok(script !== undefined && script.encodedBodySize < script.decodedBodySize / 2);
});
