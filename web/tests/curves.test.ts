import assert from "node:assert/strict";
import { test } from "node:test";
import { band, smooth, withoutOutliers } from "../src/charts/curves.ts";
import { complete } from "../src/components/completion.ts";
import { field, parse, title } from "../src/fields.ts";
import { duration, number, size } from "../src/format.ts";
import { joined, separated } from "../src/url.ts";

const near = (actual: number[], expected: number[]) =>
  actual.forEach((value, i) => {
    assert.ok(Math.abs(value - (expected[i] as number)) < 1e-9, `${actual} is not ${expected}`);
  });

test("an exponential average begins at the first value and leaves gaps as they are", () => {
  near(smooth([1, 0, 0], 0.5, "ema"), [1, 0.25 / 0.75, 0.125 / 0.875]);
  assert.deepEqual(smooth([1, Number.NaN, 1], 0.9, "ema"), [1, Number.NaN, 1]);
  assert.deepEqual(smooth([1, 2], 0, "ema"), [1, 2]);
});

test("a Gaussian keeps a constant and is the same from both sides", () => {
  near(smooth([2, 2, 2, 2], 0.8, "gauss"), [2, 2, 2, 2]);
  const there = smooth([0, 0, 1, 5, 0], 0.6, "gauss");
  near(smooth([0, 5, 1, 0, 0], 0.6, "gauss").reverse(), there);
});

test("a band lies between its runs and spans only where they are", () => {
  const curves = [
    { xs: [0, 2, 4], ys: [0, 2, 4] },
    { xs: [0, 1, 2], ys: [2, 3, 4] },
  ];
  const range = band(curves, "range");
  assert.deepEqual(range.xs, [0, 1, 2, 4]);
  assert.deepEqual(range.low, [0, 1, 2, 4]);
  assert.deepEqual(range.high, [2, 3, 4, 4]);
  assert.deepEqual(band(curves, "deviation").mid, [1, 2, 3, 4]);
  const interval = band(curves, "interval");
  assert.ok(Math.abs((interval.high[0] as number) - 1 - 12.706) < 0.01);
});

test("one value far out does not set the range", () => {
  const ys = Array.from({ length: 100 }, (_, i) => i / 100);
  ys[50] = 1e9;
  const [low, high] = withoutOutliers([{ label: "", colour: "", xs: ys.map((_, i) => i), ys }]) ?? [];
  assert.ok((high ?? 0) < 2 && (low ?? 0) > -1);
});

const NAMES = { params: ["lr", "odd name"], metrics: ["loss"], tags: ["team"], differing: [] };
const options = (text: string) =>
  complete(text, text.length, NAMES, () => ["'nlp'"]).options.map((option) => option.text);

test("a filter is completed by field, operator, value and conjunction", () => {
  assert.ok(options("").includes("metrics.loss"));
  assert.deepEqual(options("odd"), ["params.`odd name`"]);
  assert.ok(options("metrics.loss ").includes("<"));
  assert.ok(options("status = r").includes("running"));
  assert.deepEqual(options("tags.team = "), ["'nlp'"]);
  assert.deepEqual(options("metrics.loss < 3 "), ["and", "or"]);
  assert.ok(options("metrics.loss < 3 and ").includes("status"));
  assert.ok(options("params.`odd name` ").includes("="));
});

test("fields are written and read as the query language does", () => {
  for (const name of ["lr", "a/b-c.d_e", "odd name", "tick`tick", "Größe"]) {
    assert.deepEqual(parse(field("params", name)), { family: "params", name, statistic: "last" });
  }
  assert.equal(title("min(metrics.loss)"), "min loss");
});

test("lists survive in an address", () => {
  for (const texts of [["a", "b"], ["a,b", "c~1", "50%"], []]) assert.deepEqual(separated(joined(texts)), texts);
});

test("numbers, sizes and times are short", () => {
  assert.deepEqual(
    [number(0.1 + 0.2), number(1e-9), number("NaN"), number("Infinity"), number(null)],
    ["0.3", "1.0000e-9", "NaN", "∞", ""],
  );
  assert.deepEqual([size(0), size(1536), size(2 ** 40)], ["0 B", "1.5 KiB", "1 TiB"]);
  assert.equal(duration("2026-01-01T00:00:00Z", "2026-01-01T01:02:03Z", 0), "1 h 2 min");
});
