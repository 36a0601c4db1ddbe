import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Bench, check, until } from "./browser.ts";
import { fill } from "./screenshots.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What keeps the page from being used by all, by WCAG up to AA. */
async function barriers({ page }: Bench): Promise<string[]> {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: {
        run(
          root: Document,
          options: object,
        ): Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }>;
      };
    };
    return (await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] })).violations;
  });
  return found.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html.slice(0, 200)} ${node.failureSummary ?? ""}`),
  );
}

for (const colorScheme of ["light", "dark"] as const) {
  check(
    `every page is accessible when ${colorScheme}`,
    async (bench) => {
      const { lab, page, open, picture } = bench;
      const { experiment, runs } = await fill(lab);
      const run = runs[9] ?? "";
      await lab.print(run, [
        { level: "error", text: "\u001b[33moh\u001b[0m no" },
        { level: "debug", text: "quiet" },
      ]);
      await lab.artifact(run, "notes/a.md", "# a");
      await lab.post(`/runs/${run}/inputs`, { kind: "dataset", name: "tinystories" });
      await lab.send("PATCH", `/experiments/${experiment}`, { description: "# Plan" });
      await lab.fail(run, { type: "Error", message: "broken", stack_trace: "here" });
      const pages: Record<string, string> = {
        experiments: "/",
        alerts: "/alerts",
        runs: `/experiments/${experiment}`,
        groups: `/experiments/${experiment}?group=params.hidden`,
        "a wrong filter": `/experiments/${experiment}?where=bogus`,
        charts: `/runs/${run}`,
        overview: `/runs/${run}/overview`,
        logs: `/runs/${run}/logs`,
        artifacts: `/runs/${run}/artifacts?file=notes%2Fa.md`,
        environment: `/runs/${run}/environment`,
        lineage: `/runs/${run}/lineage`,
        events: `/runs/${run}/events`,
        comparison: `/compare?experiments=${experiment}&by=params.hidden`,
      };
      const found: string[] = [];
      for (const [name, path] of Object.entries(pages)) {
        await open(path);
        await page.waitForLoadState("networkidle").catch(() => undefined);
        await page.waitForTimeout(400);
        await picture(`${name} ${colorScheme}`);
        found.push(...(await barriers(bench)).map((barrier) => `${name}: ${barrier}`));
      }
      await open("/");
      await page.getByRole("link", { name: "tiny-lm" }).waitFor();
      await page.keyboard.press("Control+k");
      await page.getByRole("dialog").waitFor();
      found.push(...(await barriers(bench)).map((barrier) => `palette: ${barrier}`));
      assert.deepEqual(found, []);
    },
    { colorScheme, complaints: /422/ },
  );
}

check("the palette finds experiments, runs and pages by a few letters", async ({ lab, page, open }) => {
  const { runs } = await fill(lab);
  await open("/");
  await page.getByRole("link", { name: "tiny-lm" }).waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("64-seed-3");
  await page.getByRole("option", { name: /hidden-64-seed-3/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/runs/${runs[7]}`);
  await page.keyboard.press("Control+k");
  await page.keyboard.type("tiny");
  await page.getByRole("option", { name: /tiny-lm experiment/ }).click();
  await page.waitForURL("**/experiments/**");
});

check("keys filter, help and lead on, but not while something is written", async ({ lab, page, open }) => {
  await lab.experiment("tiny-lm");
  await open("/");
  await page.getByRole("link", { name: "tiny-lm" }).waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  assert.ok(await page.getByLabel("Filter experiments").evaluate((input) => input === document.activeElement));
  await page.keyboard.type("?/t");
  assert.equal(await page.getByLabel("Filter experiments").inputValue(), "?/t");
  await page.getByRole("heading", { name: "Experiments" }).click();
  await page.keyboard.press("g");
  await page.keyboard.press("r");
  await page.waitForURL("**/runs");
});

check("dark and light are chosen, and stay", async ({ page, open }) => {
  await open("/");
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  assert.equal(await theme(), "light");
  await page.getByRole("button", { name: "Theme: system" }).click();
  await page.getByRole("button", { name: "Theme: light" }).click();
  assert.equal(await theme(), "dark");
  await page.reload();
  await page.getByRole("button", { name: "Theme: dark" }).waitFor();
  assert.equal(await theme(), "dark");
});

check(
  "a phone shows every page without scrolling sideways",
  async ({ lab, page, open, picture }) => {
    const { experiment, runs } = await fill(lab);
    const pages = [
      "/",
      `/experiments/${experiment}`,
      `/runs/${runs[0]}`,
      `/runs/${runs[0]}/overview`,
      `/runs/${runs[0]}/lineage`,
      `/compare?experiments=${experiment}&by=params.hidden`,
    ];
    for (const [i, path] of pages.entries()) {
      await open(path);
      await page.waitForLoadState("networkidle").catch(() => undefined);
      await page.waitForTimeout(300);
      await picture(`phone ${i}`);
      const width = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(width <= 0, `${path} is ${width} px too wide`);
    }
  },
  { viewport: { width: 390, height: 800 } },
);

check("exact times are at hand", async ({ lab, page, open }) => {
  await lab.experiment("tiny-lm");
  await open("/");
  const time = page.locator("time").first();
  await time.waitFor();
  assert.match((await time.getAttribute("title")) ?? "", /20\d\d.*:\d\d:\d\d/);
});

check("skeletons stand in for what is being read", async ({ lab, page, open }) => {
  await lab.experiment("tiny-lm");
  await page.route("**/api/v1/experiments?*", async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    await route.fallback();
  });
  await open("/");
  await page.getByRole("status", { name: "Loading" }).waitFor();
  await page.getByRole("link", { name: "tiny-lm" }).waitFor();
});

check(
  "a server that is gone is said, with what to do, and its return brings all up to date",
  async ({ lab, page, open }) => {
    await lab.experiment("tiny-lm");
    await open("/");
    await page.getByRole("link", { name: "tiny-lm" }).waitFor();
    await lab.halt();
    await page.getByText("reconnecting…").waitFor();
    await page.getByRole("link", { name: "tiny-lm" }).click();
    await page
      .getByRole("alert")
      .getByText(/Is `lab serve` still running/)
      .waitFor();
    await lab.resume();
    await page.getByText("live", { exact: true }).waitFor({ timeout: 20_000 });
    await until("the page is there again", async () => (await page.getByText(/No runs yet/).count()) === 1, 20_000);
  },
  { complaints: /ERR_CONNECTION|Failed to load/ },
);
