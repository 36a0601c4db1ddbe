/** Chromium on a lab of its own, for one test at a time. */

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { launch } from "./chromium.ts";
import { Lab } from "./lab.ts";

const RESULTS = fileURLToPath(new URL("../test-results/", import.meta.url));

let browser: Browser | undefined;

after(() => browser?.close());

export interface Bench {
  lab: Lab;
  page: Page;
  /** Opens a path of the page. */
  open(path?: string): Promise<void>;
  /** Keeps a picture of the page. */
  picture(name: string): Promise<void>;
}

interface Options extends BrowserContextOptions {
  /** Complaints of the browser that the test provokes. */
  complaints?: RegExp;
}

/** A test on an empty lab. It fails too if the browser complains of anything. */
export function check(name: string, body: (bench: Bench) => Promise<void>, options: Options = {}): void {
  test(name, async () => {
    const { complaints, ...context } = options;
    browser ??= await launch();
    const lab = await Lab.start();
    const window = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...context });
    const page = await window.newPage();
    page.setDefaultTimeout(30_000);
    const complained: string[] = [];
    page.on("console", (message) => {
      const isOurs = !message.text().startsWith("Canvas2D: Multiple readback");
      if (["error", "warning"].includes(message.type()) && isOurs) complained.push(message.text());
    });
    page.on("pageerror", (error) => complained.push(String(error)));
    const picture = async (title: string) => {
      mkdirSync(RESULTS, { recursive: true });
      await page.screenshot({ path: `${RESULTS}${title.replaceAll(/[^a-z0-9]+/gi, "-")}.png` });
    };
    try {
      await body({
        lab,
        page,
        picture,
        open: async (path = "/") => {
          await page.goto(lab.url + path);
        },
      });
      await picture(name);
      const unexpected = complained.filter((text) => complaints === undefined || !complaints.test(text));
      assert.deepEqual(unexpected, []);
    } catch (error) {
      await picture(`failed ${name}`).catch(() => undefined);
      if (error instanceof Error && complained.length > 0)
        error.message += `\nthe browser said: ${complained.join("; ")}`;
      throw error;
    } finally {
      await window.close();
      await lab.stop();
    }
  });
}

/** Share of a chart's pixels that its lines cover. */
export function ink(page: Page, chart: string): Promise<number> {
  return page.evaluate((title) => {
    const canvas = document.querySelector<HTMLCanvasElement>(`[data-chart="${CSS.escape(title)}"] canvas`);
    const pixels =
      canvas?.getContext("2d", { willReadFrequently: true })?.getImageData(0, 0, canvas.width, canvas.height).data ??
      [];
    let coloured = 0;
    for (let i = 0; i < pixels.length; i += 4) {
      const [r = 0, g = 0, b = 0, a = 0] = pixels.slice(i, i + 4);
      if (a > 128 && Math.max(r, g, b) - Math.min(r, g, b) > 60) coloured += 1;
    }
    return pixels.length === 0 ? 0 : coloured / (pixels.length / 4);
  }, chart);
}

/** Waits until something holds. */
export async function until(what: string, holds: () => Promise<boolean>, millis = 10_000): Promise<void> {
  const end = Date.now() + millis;
  while (!(await holds())) {
    if (Date.now() > end) assert.fail(`it did not happen within ${millis} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
