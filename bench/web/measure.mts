/**
 * What the page costs, in headless Chromium against a real server: `npm --prefix web run bench [name …]`.
 *
 * Measures with the program that `LAB_BIN` names; a debug build reads points several times slower than a release build.
 */

import { launch } from "../../web/tests/chromium.ts";
import { falling, Lab } from "../../web/tests/lab.ts";

type Browser = Awaited<ReturnType<typeof launch>>;
type Page = Awaited<ReturnType<Browser["newPage"]>>;

interface Figure {
  what: string;
  value: number;
  unit: string;
  /** What it should not exceed, or with `isLeast` not fall below. */
  goal: number;
  isLeast?: boolean;
}

const REPEATS = 5;
const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;

/** Milliseconds from asking for a page in a fresh tab until a condition holds in it; the median of several. */
async function loading(browser: Browser, url: string, isReady: () => boolean): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    await page.goto(url, { waitUntil: "commit" });
    const millis = await page.evaluate<number>(
      `new Promise((resolve) => {
        const look = () => ((${isReady})() ? resolve(performance.now()) : requestAnimationFrame(look));
        look();
      })`,
    );
    times.push(millis);
    await page.close();
  }
  return median(times);
}

/** Frames a second while the table is scrolled from top to bottom, and the longest of them in milliseconds. */
function scrolling(page: Page): Promise<{ perSecond: number; longest: number; frames: number }> {
  return page.evaluate(async () => {
    const grid = document.querySelector(".grid") as HTMLElement;
    const frames: number[] = [];
    const begin = performance.now();
    let last = begin;
    while (last - begin < 4000) {
      const now = await new Promise<number>((resolve) => requestAnimationFrame(resolve));
      frames.push(now - last);
      last = now;
      grid.scrollTop += 60;
    }
    return {
      perSecond: (1000 * frames.length) / (last - begin),
      longest: Math.max(...frames.slice(1)),
      frames: frames.length,
    };
  });
}

async function table(browser: Browser): Promise<Figure[]> {
  const lab = await Lab.start();
  try {
    const id = await lab.experiment("many");
    await lab.many(10_000, async (i) => {
      const run = await lab.run(id, { name: `run-${i}`, parameters: { lr: i / 1e4, layers: i % 8, seed: i } });
      await lab.log(run, { loss: [1 / (i + 1)], accuracy: [i / 1e4] });
    });
    const url = `${lab.url}/experiments/${id}?view=table`;
    const millis = await loading(browser, url, () => document.querySelectorAll(".grid-body [role=row] a").length > 10);
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    await page.goto(url);
    await page.locator(".grid-body a").first().waitFor();
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable");
    const busy = async () => {
      const { metrics } = await session.send("Performance.getMetrics");
      return metrics.find((metric) => metric.name === "TaskDuration")?.value ?? 0;
    };
    const before = await busy();
    const { perSecond, longest, frames } = await scrolling(page);
    const work = (1000 * ((await busy()) - before)) / frames;
    await page.close();
    return [
      { what: "table of 10,000 runs: first rows", value: millis, unit: "ms", goal: 1000 },
      { what: "table of 10,000 runs: scrolling", value: perSecond, unit: "frames/s", goal: 50, isLeast: true },
      { what: "table of 10,000 runs: work for a frame", value: work, unit: "ms", goal: 20 },
      { what: "table of 10,000 runs: longest frame", value: longest, unit: "ms", goal: 100 },
    ];
  } finally {
    await lab.stop();
  }
}

async function metrics(browser: Browser): Promise<Figure[]> {
  const lab = await Lab.start();
  try {
    const run = await lab.run(await lab.experiment("wide"));
    for (let i = 0; i < 200; i++) await lab.log(run, { [`layer${i >> 3}/m${i & 7}`]: falling(100_000, i) });
    const drawn = () =>
      [...document.querySelectorAll(".plot")].slice(0, 6).every((plot) => plot.querySelector("canvas") !== null) &&
      document.querySelector("canvas") !== null;
    const millis = await loading(browser, `${lab.url}/runs/${run}`, drawn);
    return [{ what: "200 metrics × 100,000 points: first charts", value: millis, unit: "ms", goal: 1000 }];
  } finally {
    await lab.stop();
  }
}

async function overlay(browser: Browser): Promise<Figure[]> {
  const lab = await Lab.start();
  try {
    const id = await lab.experiment("long");
    for (let i = 0; i < 20; i++) {
      const run = await lab.run(id, { name: `run-${i}` });
      const values = falling(1_000_000, i);
      for (let from = 0; from < values.length; from += 100_000) {
        await lab.log(run, { loss: values.slice(from, from + 100_000) }, from);
      }
      await lab.complete(run);
    }
    const runs = (await lab.get<{ items: { id: string }[] }>("/runs")).items.map((run) => run.id.slice(-12));
    const url = `${lab.url}/experiments/${id}?view=charts&show=${runs.join(",")}`;
    const millis = await loading(browser, url, () => document.querySelector("canvas") !== null);
    return [{ what: "20 runs × 1,000,000 points: overlaid", value: millis, unit: "ms", goal: 1500 }];
  } finally {
    await lab.stop();
  }
}

async function live(browser: Browser): Promise<Figure[]> {
  const lab = await Lab.start();
  try {
    const run = await lab.run(await lab.experiment("live"));
    const names = Array.from({ length: 8 }, (_, i) => `train/m${i}`);
    await lab.log(run, Object.fromEntries(names.map((name, i) => [name, falling(5000, i)])));
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    await page.goto(`${lab.url}/runs/${run}`);
    await page.locator("canvas").first().waitFor();
    await page.waitForTimeout(1500);
    const system = await browser.newBrowserCDPSession();
    const cpu = async () => {
      const { processInfo } = await system.send("SystemInfo.getProcessInfo");
      return processInfo.filter((one) => one.type !== "browser").reduce((sum, one) => sum + one.cpuTime, 0);
    };
    const before = await cpu();
    const begin = performance.now();
    let sent = 0;
    for (; performance.now() - begin < 15_000; sent++) {
      const due = begin + sent * 10;
      if (due > performance.now()) await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
      await lab.log(run, Object.fromEntries(names.map((name) => [name, [Math.random()]])), 5000 + sent);
    }
    const secs = (performance.now() - begin) / 1000;
    const share = (100 * ((await cpu()) - before)) / secs;
    const late = await page.evaluate(
      async ([path, body]) => {
        const canvas = document.querySelector("canvas");
        await new Promise((resolve) => setTimeout(resolve, 2500));
        const old = canvas?.toDataURL();
        const from = performance.now();
        await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body });
        while (canvas?.toDataURL() === old && performance.now() - from < 5000) {
          await new Promise((resolve) => requestAnimationFrame(resolve));
        }
        return performance.now() - from;
      },
      [
        `/api/v1/runs/${run}/metrics`,
        JSON.stringify({ points: names.map((name) => ({ name, value: 5, step: 90_000 })) }),
      ] as const,
    );
    await page.close();
    return [
      { what: `live at ${(sent / secs).toFixed(0)} updates/s: page`, value: share, unit: "% of a core", goal: 30 },
      { what: "from a log call to the picture", value: late, unit: "ms", goal: 1000 },
    ];
  } finally {
    await lab.stop();
  }
}

async function bundle(browser: Browser): Promise<Figure[]> {
  const lab = await Lab.start();
  try {
    const page = await browser.newPage();
    let bytes = 0;
    const session = await page.context().newCDPSession(page);
    await session.send("Network.enable");
    session.on("Network.loadingFinished", (event) => {
      bytes += event.encodedDataLength;
    });
    await page.goto(lab.url, { waitUntil: "load" });
    await page.waitForTimeout(500);
    await page.close();
    return [{ what: "first view, compressed", value: bytes / 1000, unit: "kB", goal: 400 }];
  } finally {
    await lab.stop();
  }
}

const measures = { bundle, table, metrics, overlay, live };
const asked = process.argv.slice(2);
const browser = await launch();
try {
  for (const [name, measure] of Object.entries(measures)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    for (const { what, value, unit, goal, isLeast = false } of await measure(browser)) {
      const isMet = isLeast ? value >= goal : value <= goal;
      const sign = isLeast ? "≥" : "≤";
      console.log(`${isMet ? "✓" : "✗"} ${what.padEnd(46)} ${value.toFixed(0).padStart(6)} ${unit} (${sign} ${goal})`);
    }
  }
} finally {
  await browser.close();
}
