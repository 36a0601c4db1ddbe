import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type Bench, check, ink, until } from "./browser.ts";
import { falling, type Lab } from "./lab.ts";

async function curve(lab: Lab, more: Record<string, number[]> = {}): Promise<string> {
  const run = await lab.run(await lab.experiment("tiny-lm"), { name: "one" });
  await lab.log(run, { loss: falling(400, 1), ...more });
  return run;
}

const drawn = (bench: Bench, name = "loss") =>
  until(`${name} is drawn`, async () => (await ink(bench.page, name)) > 0.001);
const params = ({ page }: Bench) => new URL(page.url()).searchParams;

/** The names of the metrics that the page asked points of. */
function asked({ page }: Bench): { names: string[]; from_step?: number }[] {
  const bodies: { names: string[]; from_step?: number }[] = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/api/v1/series")) bodies.push(request.postDataJSON());
  });
  return bodies;
}

/** Drags over a part of a chart, from and to shares of its width. */
async function zoom({ page }: Bench, name: string, from: number, to: number): Promise<void> {
  const box = await page.locator(`[data-chart="${name}"] .u-over`).boundingBox();
  assert.ok(box);
  await page.mouse.move(box.x + box.width * from, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * to, box.y + box.height / 2, { steps: 5 });
  await page.mouse.up();
}

check("charts are grouped by prefix and read when they come into sight", async (bench) => {
  const { lab, page, open } = bench;
  const many = Object.fromEntries(
    Array.from({ length: 120 }, (_, i) => [`layer${Math.floor(i / 40)}/norm${i % 40}`, [3, 2, 1]]),
  );
  const run = await curve(lab, many);
  const bodies = asked(bench);
  await open(`/runs/${run}`);
  await drawn(bench, "layer0/norm0");
  const names = () => new Set(bodies.flatMap((body) => body.names));
  assert.ok(names().size < 30, `${names().size} metrics were read`);
  await page.locator('[data-chart="layer2/norm9"]').scrollIntoViewIfNeeded();
  await drawn(bench, "layer2/norm9");
  assert.ok(names().size < 80, `${names().size} metrics were read`);
  await page.getByLabel("Find metrics").fill("layer1/norm7");
  await until("one is left", async () => (await page.locator("[data-chart]").count()) === 1);
});

check("smoothing draws the raw curve behind, and the address keeps it", async (bench) => {
  const run = await curve(bench.lab);
  await bench.open(`/runs/${run}`);
  await drawn(bench);
  const before = await ink(bench.page, "loss");
  await bench.page.getByLabel("Smooth").fill("90");
  await until("it looks different", async () => Math.abs((await ink(bench.page, "loss")) - before) > 0.0005);
  assert.equal(params(bench).get("smooth"), "90");
  const exponential = await ink(bench.page, "loss");
  await bench.page.getByLabel("Kernel").selectOption("gauss");
  await until("the other kernel differs", async () => (await ink(bench.page, "loss")) !== exponential);
  await bench.page.reload();
  await drawn(bench);
  assert.equal(await bench.page.getByLabel("Smooth").inputValue(), "90");
});

check("zooming asks for finer points, lasts while points come in, and ends at a double click", async (bench) => {
  const { lab, page, open } = bench;
  const run = await lab.run(await lab.experiment("tiny-lm"));
  await lab.log(run, { loss: falling(20_000, 1) });
  const bodies = asked(bench);
  await open(`/runs/${run}`);
  await drawn(bench);
  await page.getByText("thinned").waitFor();
  await zoom(bench, "loss", 0.5, 0.52);
  await until("a part is asked for", async () => bodies.some((body) => (body.from_step ?? 0) > 9000));
  await until("all points of it are there", async () => (await page.getByText("thinned").count()) === 0);
  const range = params(bench).get("zoom");
  assert.match(range ?? "", /^\d+(\.\d+)?:\d+(\.\d+)?$/);
  await lab.log(run, { loss: falling(50, 2) }, 20_000);
  await page.waitForTimeout(1500);
  assert.equal(params(bench).get("zoom"), range);
  await page.locator('[data-chart="loss"] .u-over').dblclick();
  await until("all is shown", async () => params(bench).get("zoom") === null);
});

check("zooming along time or another metric asks for finer points too", async (bench) => {
  const { lab, page, open } = bench;
  const run = await lab.run(await lab.experiment("tiny-lm"));
  const count = 20_000;
  await lab.log(run, { loss: falling(count, 1), tokens: Array.from({ length: count }, (_, i) => 64 * i) });
  for (const x of ["time", "metric:tokens"]) {
    const bodies = asked(bench);
    await open(`/runs/${run}?x=${x}`);
    await drawn(bench);
    await zoom(bench, "loss", 0.5, 0.52);
    await until(`a part is asked for along ${x}`, async () =>
      bodies.some((body) => body.names.includes("loss") && (body.from_step ?? 0) > 9000),
    );
    await until("all points of it are there", async () => (await page.getByText("thinned").count()) < 2);
    await drawn(bench);
  }
});

check("the x axis is the step, the time, the time since the start, or another metric", async (bench) => {
  const run = await curve(bench.lab, { tokens: Array.from({ length: 400 }, (_, i) => i * i) });
  await bench.open(`/runs/${run}`);
  await drawn(bench);
  for (const x of ["time", "relative", "metric:tokens"]) {
    await bench.page.getByRole("combobox", { name: "x", exact: true }).selectOption(x);
    await until(`the address says ${x}`, async () => params(bench).get("x") === x);
    await drawn(bench);
  }
});

check("a logarithmic axis and clipped outliers change the picture", async (bench) => {
  const loss = falling(400, 1);
  loss[200] = 1e6;
  const run = await bench.lab.run(await bench.lab.experiment("tiny-lm"));
  await bench.lab.log(run, { loss });
  await bench.open(`/runs/${run}`);
  await drawn(bench);
  const before = await ink(bench.page, "loss");
  await bench.page.getByLabel("clip outliers").check();
  await until("clipping shows more", async () => (await ink(bench.page, "loss")) > before * 1.1);
  await bench.page.getByLabel("clip outliers").uncheck();
  await bench.page.getByLabel("log y").check();
  await until("the axis is another", async () => (await ink(bench.page, "loss")) !== before);
});

check("what is not finite is counted and marked", async (bench) => {
  const { lab, page, open } = bench;
  const run = await curve(lab);
  await lab.points(run, [
    { name: "broken", value: 1, step: 0 },
    { name: "broken", value: "NaN", step: 1 },
    { name: "broken", value: "Infinity", step: 2 },
    { name: "broken", value: "-Infinity", step: 3 },
  ]);
  await open(`/runs/${run}`);
  await page.getByText("3 not finite").waitFor();
  await drawn(bench, "broken");
});

check("the values at the cursor are listed, on every chart at the same place", async (bench) => {
  const { page, lab, open } = bench;
  const run = await curve(lab, { accuracy: falling(400, 2) });
  await open(`/runs/${run}`);
  await drawn(bench);
  await page.locator('[data-chart="loss"] .u-over').hover();
  await page
    .locator(".tip:visible")
    .getByText(/step \d+/)
    .waitFor();
  const other = page.locator('[data-chart="accuracy"] .u-cursor-x');
  await until("the other chart follows", async () => !(await other.getAttribute("class"))?.includes("u-off"));
});

check("a chart is saved as CSV, as PNG and as SVG, and enlarged", async (bench) => {
  const { page, lab, open } = bench;
  const run = await curve(lab);
  await open(`/runs/${run}`);
  await drawn(bench);
  const save = async (label: string) => {
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByLabel(label).click({ force: true })]);
    return readFileSync(await file.path());
  };
  const csv = (await save("loss as CSV")).toString();
  assert.match(csv, /^run,metric,step,time,value\r\n#1 one,loss,0,/);
  assert.equal(csv.trim().split("\r\n").length, 401);
  assert.equal((await save("loss as PNG")).subarray(1, 4).toString(), "PNG");
  const svg = (await save("loss as SVG")).toString();
  const said = await page.evaluate((text) => {
    const drawing = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    const longest = Math.max(
      ...[...drawing.querySelectorAll("g path")].map((path) => path.getAttribute("d")?.length ?? 0),
    );
    return {
      name: drawing.nodeName,
      texts: [...drawing.querySelectorAll("text")].map((one) => one.textContent),
      longest,
    };
  }, svg);
  assert.equal(said.name, "svg");
  assert.ok(
    ["loss", "#1 one", "0", "300"].every((text) => said.texts.includes(text)),
    said.texts.join(),
  );
  assert.ok(said.longest > 3000, "the curve has all its points");
  await page.getByLabel("Enlarge loss").click({ force: true });
  await page.getByRole("dialog").locator("canvas").waitFor();
  await page.keyboard.press("Escape");
  await until("it is closed", async () => (await page.getByRole("dialog").count()) === 0);
});

check("scrolling and opening stay as they are while points come in", async (bench) => {
  const { page, lab, open } = bench;
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`m${i}`, [3, 2, 1]]));
  const run = await curve(lab, many);
  await open(`/runs/${run}`);
  await drawn(bench, "m0");
  await page.mouse.move(400, 400);
  await page.mouse.wheel(0, 900);
  await until("it is scrolled", async () => (await page.evaluate(() => scrollY)) > 500);
  await page.waitForTimeout(300);
  const before = await page.evaluate(() => scrollY);
  for (let i = 0; i < 5; i++) {
    await lab.log(run, { loss: [1, 2], m5: [i] }, 400 + i * 2);
    await page.waitForTimeout(200);
  }
  assert.equal(await page.evaluate(() => scrollY), before);
});

check("distributions, confusion matrices and examples are shown", async ({ page, lab, open }) => {
  const run = await curve(lab);
  const time = new Date().toISOString();
  const histogram = (step: number) => ({
    name: "grads",
    step,
    time,
    value: { kind: "distribution", form: "histogram", boundaries: [-1, 0, 1], counts: [step, 5], sum: 1, count: 100 },
  });
  await lab.post(`/runs/${run}/values`, {
    values: [
      histogram(1),
      histogram(2),
      {
        name: "confusion",
        step: 1,
        time,
        value: {
          kind: "confusion_matrix",
          labels: ["cat", "dog"],
          counts: [
            [50, 3],
            [7, 40],
          ],
        },
      },
      {
        name: "examples",
        step: 1,
        time,
        value: {
          kind: "custom",
          value: [
            { prompt: "Once", output: "upon" },
            { prompt: "The", output: "end" },
          ],
        },
      },
    ],
  });
  await open(`/runs/${run}`);
  await page.getByRole("img", { name: /grads: distributions at 2 steps/ }).waitFor();
  await page.getByRole("row", { name: "dog 7 40" }).waitFor();
  await page.getByLabel("Find examples").fill("upon");
  await page.getByText("1 of 2 examples").waitFor();
});

const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

check("pictures, texts and tables that a client keeps as files are shown where they were logged", async (bench) => {
  const { page, lab, open } = bench;
  const run = await curve(lab);
  const time = new Date().toISOString();
  await lab.artifact(run, "media/sample/1.png", new Uint8Array(PIXEL), "visualization");
  await lab.artifact(
    run,
    "media/outputs/1.table.json",
    JSON.stringify({ columns: { prompt: ["a", "b"], output: ["x", "y"] } }),
    "table",
  );
  const custom = (name: string, value: object) => ({ name, step: 1, time, value: { kind: "custom", value } });
  await lab.post(`/runs/${run}/values`, {
    values: [
      custom("sample", { type: "image", artifact: "media/sample/1.png", caption: "a pixel" }),
      custom("outputs", {
        type: "table",
        artifact: "media/outputs/1.table.json",
        columns: ["prompt", "output"],
        rows: 2,
      }),
      custom("said", { type: "text", text: "once upon a time" }),
    ],
  });
  await open(`/runs/${run}`);
  await page.getByText("a pixel").waitFor();
  await until("the picture is there", () =>
    page.locator("img.picture").evaluate((image: HTMLImageElement) => image.naturalWidth === 1),
  );
  await page.getByRole("row", { name: "b y" }).waitFor();
  await page.getByText("once upon a time").waitFor();
});
