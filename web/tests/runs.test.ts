import assert from "node:assert/strict";
import { type Bench, check, ink, until } from "./browser.ts";
import type { Lab } from "./lab.ts";

/** Runs with two parameters, a loss that grows with their number, and an end. */
async function sweep(lab: Lab, count: number): Promise<string> {
  const id = await lab.experiment("sweep");
  await lab.many(count, async (i) => {
    const parameters = { layers: [2, 4][i % 2], optimizer: { lr: 0.001 * (1 + (i % 3)) }, seed: i };
    const run = await lab.run(id, { name: `r${i}`, parameters });
    await lab.log(run, { loss: [3, 2, i / 10], accuracy: [0, i / 100] });
    await lab.complete(run);
  });
  return id;
}

const rows = ({ page }: Bench) => page.locator(".grid-body [role=row]:not(.waiting)");
const names = async (bench: Bench) =>
  (await rows(bench).locator(".name").allTextContents()).map((text) => text.replace(/^#\d+ /, ""));
const params = ({ page }: Bench) => new URL(page.url()).searchParams;

check("a table of thousands of runs holds only what is in sight, and reaches its end", async (bench) => {
  const { lab, page, open } = bench;
  const id = await lab.experiment("many");
  await lab.many(2500, async (i) => lab.run(id, { name: `r${i}`, parameters: { seed: i } }));
  await open(`/experiments/${id}?view=table&sort=number+asc`);
  await page.getByText("2,500 runs").waitFor();
  await until("rows are there", async () => (await rows(bench).count()) > 10);
  assert.ok((await rows(bench).count()) < 80);
  await page.locator(".grid").evaluate((grid) => {
    grid.scrollTop = grid.scrollHeight;
  });
  await page.getByRole("link", { name: /^#2500 / }).waitFor();
  assert.ok((await rows(bench).count()) < 80);
});

check("columns in the hundreds are drawn as they come into sight", async (bench) => {
  const { lab, page, open } = bench;
  const id = await lab.experiment("wide");
  const parameters = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`p${String(i).padStart(3, "0")}`, i]));
  await lab.run(id, { parameters });
  const cols = Object.keys(parameters).map((name) => `params.${name}`);
  await open(`/experiments/${id}?view=table&cols=${cols.join(",")}`);
  await page.getByRole("columnheader", { name: /p000/ }).waitFor();
  assert.ok((await page.getByRole("columnheader").count()) < 40);
  await page.locator(".grid").evaluate((grid) => {
    grid.scrollLeft = grid.scrollWidth;
  });
  await page.getByRole("columnheader", { name: /p299/ }).waitFor();
  await page.getByRole("cell", { name: "299", exact: true }).waitFor();
});

check("runs are sorted by the server at a click on a column, and the address tells", async (bench) => {
  const { lab, page, open } = bench;
  const id = await sweep(lab, 12);
  await open(`/experiments/${id}?view=table`);
  await page.getByRole("button", { name: "loss", exact: true }).click();
  await until("the least comes first", async () => (await names(bench))[0] === "r0");
  await page.getByRole("button", { name: "loss", exact: false }).first().click();
  await until("the greatest comes first", async () => (await names(bench))[0] === "r11");
  assert.equal(params(bench).get("sort"), "metrics.loss desc");
  await page.reload();
  await until("it stays so", async () => (await names(bench))[0] === "r11");
  await page.goBack();
  await until("going back undoes it", async () => (await names(bench))[0] === "r0");
});

check("the filter completes fields and values, and finds", async (bench) => {
  const { lab, page, open } = bench;
  const id = await sweep(lab, 12);
  await open(`/experiments/${id}?view=table`);
  await page.getByText("12 runs").waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("lay");
  await page.getByRole("option", { name: /params\.layers/ }).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.keyboard.type("= ");
  await page.getByRole("option", { name: /^4/ }).click();
  await page.keyboard.press("Enter");
  await page.getByText("6 runs").waitFor();
  assert.equal(params(bench).get("where"), "params.layers = 4");
  await page.getByRole("button", { name: "Clear" }).click();
  await page.getByText("12 runs").waitFor();
});

check(
  "what is wrong with a filter is said where it is",
  async ({ lab, page, open }) => {
    const id = await sweep(lab, 3);
    await open(`/experiments/${id}?view=table&where=${encodeURIComponent("status = running and bogus < 3")}`);
    const alert = page.getByRole("alert");
    await alert.getByText(/no field `bogus`/).waitFor();
    assert.match((await alert.locator("mark").textContent()) ?? "", /^bogus/);
    assert.equal(await page.getByLabel("Filter runs").getAttribute("aria-invalid"), "true");
  },
  { complaints: /422/ },
);

check("columns are chosen, moved, pinned, resized and hidden, and the address keeps it", async (bench) => {
  const { lab, page, open } = bench;
  const id = await sweep(lab, 4);
  await open(`/experiments/${id}?view=table`);
  const heads = async () =>
    (await page.getByRole("columnheader").locator(".label").allTextContents()).map((text) => text.trim());
  await page.getByRole("columnheader", { name: "seed" }).waitFor();
  await page.getByRole("button", { name: "Columns" }).click();
  await page.getByLabel("Find columns").fill("started");
  await page.getByLabel("Started", { exact: true }).check();
  await page.keyboard.press("Escape");
  await page.getByRole("columnheader", { name: "Started" }).waitFor();

  const menu = async (column: string, item: string) => {
    await page.getByRole("button", { name: `Column ${column}` }).click({ force: true });
    await page.getByRole("button", { name: item, exact: true }).click();
  };
  await menu("seed", "Pin");
  await until("it stands first", async () => (await heads())[1] === "seed");
  await menu("Status", "Hide");
  await until("it is gone", async () => !(await heads()).includes("Status"));
  await menu("loss", "Show the min");
  await page.getByRole("columnheader", { name: "min loss" }).waitFor();
  const before = await heads();
  await menu("accuracy", "Move right");
  await until("it moved", async () => (await heads()).indexOf("accuracy") === before.indexOf("accuracy") + 1);

  const head = page.getByRole("columnheader", { name: "accuracy" });
  const box = await head.boundingBox();
  assert.ok(box);
  await page.mouse.move(box.x + box.width - 2, box.y + 14);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width + 78, box.y + 14, { steps: 4 });
  await page.mouse.up();
  await until("it is wider", async () => ((await head.boundingBox())?.width ?? 0) > box.width + 60);
  await until("the address tells the width", async () => /metrics\.accuracy~\d+/.test(params(bench).get("cols") ?? ""));
  const after = await heads();
  await page.reload();
  await page.getByRole("columnheader", { name: "accuracy" }).waitFor();
  assert.deepEqual(await heads(), after);
});

check("a column is dragged to another place", async ({ lab, page, open }) => {
  const id = await sweep(lab, 2);
  await open(`/experiments/${id}?view=table`);
  const heads = async () =>
    (await page.getByRole("columnheader").locator(".label").allTextContents()).map((text) => text.trim());
  await page.getByRole("columnheader", { name: "seed" }).dragTo(page.getByRole("columnheader", { name: "accuracy" }));
  await until(
    "it stands before",
    async () => (await heads()).indexOf("seed") === (await heads()).indexOf("accuracy") - 1,
  );
});

check("runs are grouped by a parameter, with mean and interval, and drawn as bands", async (bench) => {
  const { lab, page, open } = bench;
  const id = await sweep(lab, 8);
  await open(`/experiments/${id}`);
  await page.getByRole("button", { name: "Group" }).click();
  await page.getByLabel("layers", { exact: true }).check();
  await page.keyboard.press("Escape");
  const row = page.getByRole("row", { name: /layers=2/ });
  await row.getByText(/0\.3 ±/).waitFor();
  await row.getByRole("cell", { name: "4", exact: true }).waitFor();
  await until("bands are drawn", async () => (await ink(page, "loss")) > 0.002);
  await row
    .getByRole("button", { name: /layers=2/ })
    .last()
    .click();
  await page.getByRole("link", { name: /r0/ }).waitFor();
  assert.equal(params(bench).get("group"), "params.layers");
  const before = await ink(page, "loss");
  await page.getByRole("button", { name: "Draw layers=2" }).click();
  await until("hiding a group changes the chart", async () => (await ink(page, "loss")) !== before);
});

check("a run is hidden and shown in the charts beside the table", async (bench) => {
  const { lab, page, open } = bench;
  const id = await sweep(lab, 3);
  await open(`/experiments/${id}`);
  await until("curves are drawn", async () => (await ink(page, "loss")) > 0.001);
  for (const number of [1, 2]) await page.getByRole("button", { name: `Draw run ${number}` }).click();
  await page.getByText("3 runs, 1 drawn").waitFor();
  const one = await ink(page, "loss");
  await page.getByRole("button", { name: "Draw run 3" }).click();
  await page.getByText("No run is drawn").waitFor();
  await page.getByRole("button", { name: "Draw run 3" }).click();
  await until("it is drawn again", async () => Math.abs((await ink(page, "loss")) - one) < 0.001);
  assert.match(params(bench).get("show") ?? "", /^[0-9a-f]{12}$/);
});

check("a run is given a colour, which its curves and its page have too", async (bench) => {
  const { lab, page, open } = bench;
  const id = await sweep(lab, 2);
  await open(`/experiments/${id}`);
  await until("curves are drawn", async () => (await ink(page, "loss")) > 0.001);
  await page.getByLabel("Select run 2").check();
  await page.getByRole("button", { name: "Colour", exact: true }).click();
  await page.getByLabel("Another colour").fill("#ff0080");
  await page.getByRole("button", { name: "Use it" }).click();
  const dot = page.getByRole("button", { name: "Draw run 2" }).locator("circle");
  await until("its mark has it", async () => (await dot.getAttribute("fill")) === "#ff0080");
  const { tags } = await lab.get<{ tags: Record<string, string> }>(
    `/runs/${(await lab.get<{ items: { id: string; number: number }[] }>("/runs")).items.find((run) => run.number === 2)?.id}`,
  );
  assert.equal(tags["lab.colour"], "#ff0080");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Colour", exact: true }).click();
  await page.getByRole("button", { name: "By its number" }).click();
  await until("it has its own again", async () => (await dot.getAttribute("fill")) !== "#ff0080");
});

check("runs are tagged in bulk, and the way back is open", async (bench) => {
  const { lab, page, open } = bench;
  const id = await sweep(lab, 3);
  await open(`/experiments/${id}?view=table`);
  await page.getByLabel("Select all that are loaded").check();
  await page.getByRole("button", { name: "Tag", exact: true }).click();
  await page.getByLabel("Tag", { exact: true }).fill("team=nlp");
  await page.getByRole("button", { name: "Add" }).click();
  await page.getByText("Tagged 3 runs").waitFor();
  const tagged = async () =>
    (await lab.get<{ total_count: number }>(`/runs?query=${encodeURIComponent("tags.team = 'nlp'")}`)).total_count;
  await until("the server has it", async () => (await tagged()) === 3);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Undo" }).click();
  await until("it is taken back", async () => (await tagged()) === 0);
});

check("runs are archived, left out, and found again", async (bench) => {
  const { lab, page, open } = bench;
  const id = await sweep(lab, 3);
  await open(`/experiments/${id}?view=table`);
  await page.getByLabel("Select run 2").check();
  await page.getByRole("button", { name: "Archive" }).click();
  await page.getByText("2 runs").waitFor();
  await page.getByLabel("archived").check();
  await page.getByText("3 runs").waitFor();
});

check("runs are deleted when the time to take it back is over", async (bench) => {
  const { lab, page, open } = bench;
  const id = await sweep(lab, 4);
  const total = async () => (await lab.get<{ total_count: number }>("/runs")).total_count;
  await open(`/experiments/${id}?view=table`);
  await page.getByLabel("Select run 1").check();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByText("3 runs").waitFor();
  assert.equal(await total(), 4);
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("4 runs").waitFor();
  await page.getByLabel("Select run 1").check();
  await page.getByRole("button", { name: "Delete" }).click();
  await until("the server has deleted it", async () => (await total()) === 3, 15_000);
});

check("a run that goes on cannot be deleted, and a rename shows everywhere", async ({ lab, page, open }) => {
  const id = await lab.experiment("tiny-lm");
  const run = await lab.run(id, { name: "before" });
  await open(`/experiments/${id}?view=table`);
  await page.getByLabel("Select run 1").check();
  assert.ok(await page.getByRole("button", { name: "Delete" }).isDisabled());
  await page.getByRole("button", { name: "Rename" }).click();
  await page.getByLabel("Name", { exact: true }).fill("after");
  await page.getByRole("dialog").getByRole("button", { name: "Rename" }).click();
  await page.getByRole("link", { name: "#1 after" }).waitFor();
  await until("the server has it", async () => (await lab.get<{ name: string }>(`/runs/${run}`)).name === "after");
});

check(
  "what the server refuses is taken back on the page",
  async ({ lab, page, open }) => {
    const id = await sweep(lab, 2);
    await open(`/experiments/${id}?view=table`);
    await page.route("**/api/v1/runs/*", (route) =>
      route.request().method() === "PATCH"
        ? route.fulfill({
            status: 409,
            contentType: "application/problem+json",
            body: JSON.stringify({ detail: "it is frozen" }),
          })
        : route.fallback(),
    );
    await page.getByLabel("Select run 1").check();
    await page.getByRole("button", { name: "Rename" }).click();
    await page.getByLabel("Name", { exact: true }).fill("after");
    await page.getByRole("dialog").getByRole("button", { name: "Rename" }).click();
    await page.getByText(/keeps its name. it is frozen/).waitFor();
    await page.getByRole("link", { name: /#1 r/ }).waitFor();
  },
  { complaints: /409/ },
);

check("a view is kept under a name and found by others", async ({ lab, page, open }) => {
  const id = await sweep(lab, 4);
  await open(`/experiments/${id}?view=table&where=params.layers+%3D+2`);
  await page.getByText("2 runs").waitFor();
  await page.getByRole("button", { name: "Views" }).click();
  await page.getByLabel("Name of the view").fill("shallow");
  await page.getByRole("button", { name: "Keep" }).click();
  await page.getByText("Kept the view shallow").waitFor();
  await open(`/experiments/${id}?view=table`);
  await page.getByText("4 runs").waitFor();
  await page.getByRole("button", { name: "Views" }).click();
  await page.getByRole("button", { name: "shallow", exact: true }).click();
  await page.getByText("2 runs").waitFor();
});

check("the runs of all experiments are grouped and compared at once", async ({ lab, page, open }) => {
  for (const name of ["first", "second"]) {
    const id = await lab.experiment(name);
    for (const layers of [2, 2, 4]) {
      const run = await lab.run(id, { parameters: { layers } });
      await lab.log(run, { loss: [1 / layers] });
    }
  }
  await open("/runs?group=params.layers");
  await page
    .getByRole("row", { name: /layers=2/ })
    .getByRole("cell", { name: "4", exact: true })
    .waitFor();
  await page
    .getByRole("row", { name: /layers=4/ })
    .getByRole("cell", { name: "2", exact: true })
    .waitFor();
  await page.getByRole("link", { name: "Compare" }).click();
  await page.getByRole("region", { name: "Groups" }).getByText("4 runs:").waitFor();
});

check("runs of several experiments stand in one table", async ({ lab, page, open }) => {
  for (const name of ["first", "second", "third"]) {
    const id = await lab.experiment(name);
    await lab.run(id, { name: `of-${name}` });
  }
  await open("/");
  await page.getByLabel("Choose first").check();
  await page.getByLabel("Choose third").check();
  await page.getByRole("button", { name: "Runs of 2 together" }).click();
  await page.getByRole("link", { name: /of-first/ }).waitFor();
  await page.getByRole("link", { name: /of-third/ }).waitFor();
  assert.equal(await page.getByRole("link", { name: /of-second/ }).count(), 0);
});

check("new runs and new values come into the table by themselves", async (bench) => {
  const { lab, page, open } = bench;
  const id = await sweep(lab, 2);
  await open(`/experiments/${id}?view=table`);
  await page.getByText("2 runs").waitFor();
  const run = await lab.run(id, { name: "fresh" });
  await page.getByRole("link", { name: /fresh/ }).waitFor({ timeout: 3000 });
  await lab.log(run, { loss: [1, 0.125] });
  await page.getByRole("row", { name: /fresh/ }).getByText("0.125").waitFor({ timeout: 3000 });
});

check("runs are set against one another as points, bars and lines over many axes", async (bench) => {
  const { lab, page, open } = bench;
  const id = await sweep(lab, 9);
  await open(`/experiments/${id}`);
  await page.getByText("plots", { exact: true }).click();
  await page.getByRole("img", { name: "loss over layers of 9 runs" }).waitFor();
  await page.getByRole("img", { name: "loss of 9 runs, from the least" }).waitFor();
  await page.getByRole("img", { name: /^9 runs over layers, optimizer.lr, seed, loss/ }).waitFor();
  await page.getByLabel("Horizontal").selectOption("params.seed");
  await page.getByRole("img", { name: "loss over seed of 9 runs" }).waitFor();
  assert.equal(params(bench).get("px"), "params.seed");
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByLabel("loss over seed as SVG").click({ force: true }),
  ]);
  assert.equal(file.suggestedFilename(), "loss over seed.svg");
  await open(`/experiments/${id}?view=plots&group=params.layers&px=params.seed`);
  await page
    .getByRole("img", { name: "Mean loss of 2 groups with 95% intervals" })
    .locator(".whisker")
    .first()
    .waitFor();
  await page.getByRole("img", { name: "loss over seed of 9 runs" }).locator("circle").first().click();
  await page.waitForURL("**/runs/*");
});
