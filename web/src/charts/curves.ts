/** From series to what a chart draws: which x, smoothing, bands over runs. */

import type { RunSeries } from "../api/index.ts";
import { toNumber } from "../format.ts";

/** What lies along the x axis; any other metric is `metric:NAME`. */
export type XAxis = "step" | "time" | "relative" | `metric:${string}`;
export type Kernel = "ema" | "gauss";
export type Spread = "interval" | "deviation" | "quartiles" | "range";

/** A curve. Where `ys` is NaN the line has a gap. */
export interface Curve {
  label: string;
  colour: string;
  xs: number[];
  ys: number[];
  /** Drawn thin behind the smoothed one. */
  isFaint?: boolean;
  /** Drawn in dashes, to be told from others of its colour. */
  dash?: number[];
  /** Drawn to bound a band around the curve of that place. */
  isEdge?: boolean;
}

/** Where the points of a series stand along an axis. */
export function placeOf(
  series: RunSeries,
  x: XAxis,
  other: ReadonlyMap<number, number> | undefined,
  start: number | undefined,
): (i: number) => number | undefined {
  const begin = start ?? (series.times_micros[0] ?? 0) / 1e6;
  return (i) => {
    if (i < 0 || i >= series.values.length) return undefined;
    if (x === "time") return (series.times_micros[i] as number) / 1e6;
    if (x === "relative") return (series.times_micros[i] as number) / 1e6 - begin;
    const step = series.steps[i] ?? i;
    return x === "step" ? step : other?.get(step);
  };
}

/** The points of a series along an axis, rising in x. */
export function points(
  series: RunSeries,
  x: XAxis,
  other: ReadonlyMap<number, number> | undefined,
  start: number | undefined,
): { xs: number[]; ys: number[] } {
  const at = placeOf(series, x, other, start);
  const pairs: [number, number][] = [];
  for (let i = 0; i < series.values.length; i++) {
    const place = at(i);
    if (place !== undefined && Number.isFinite(place)) pairs.push([place, toNumber(series.values[i] ?? "NaN")]);
  }
  if (x !== "step") pairs.sort((a, b) => a[0] - b[0]);
  return { xs: pairs.map((pair) => pair[0]), ys: pairs.map((pair) => pair[1]) };
}

/** Smooths by a weight of 0 to 1; gaps stay gaps. Both kernels look back or around by `weight / (1 − weight)` points. */
export function smooth(ys: number[], weight: number, kernel: Kernel): number[] {
  if (weight <= 0) return ys;
  return kernel === "ema" ? exponential(ys, weight) : gaussian(ys, weight / (1 - weight));
}

/** As TensorBoard does it: without the pull of the first point towards zero. */
function exponential(ys: number[], weight: number): number[] {
  let sum = 0;
  let scale = 0;
  return ys.map((y) => {
    if (!Number.isFinite(y)) return y;
    sum = sum * weight + (1 - weight) * y;
    scale = scale * weight + (1 - weight);
    return sum / scale;
  });
}

function gaussian(ys: number[], sigma: number): number[] {
  const reach = Math.min(ys.length, Math.ceil(3 * sigma));
  const kernel = Array.from({ length: reach + 1 }, (_, i) => Math.exp(-0.5 * (i / sigma) ** 2));
  return ys.map((y, at) => {
    if (!Number.isFinite(y)) return y;
    let sum = 0;
    let scale = 0;
    for (let i = Math.max(0, at - reach); i <= Math.min(ys.length - 1, at + reach); i++) {
      const value = ys[i] as number;
      const part = kernel[Math.abs(i - at)] as number;
      if (Number.isFinite(value)) {
        sum += part * value;
        scale += part;
      }
    }
    return sum / scale;
  });
}

/** Places along x at which a band is worked out. */
const BAND_POINTS = 300;

/** Centre and edges over curves of one group, at common places; each curve counts only within its own range. */
export function band(
  curves: Pick<Curve, "xs" | "ys">[],
  spread: Spread,
): { xs: number[]; mid: number[]; low: number[]; high: number[] } {
  const filled = curves.map(({ xs, ys }) => {
    const kept = xs.map((_, i) => i).filter((i) => Number.isFinite(ys[i]));
    return { xs: kept.map((i) => xs[i] as number), ys: kept.map((i) => ys[i] as number) };
  });
  const present = filled.filter(({ xs }) => xs.length > 0);
  const all = [...new Set(present.flatMap(({ xs }) => xs))].sort((a, b) => a - b);
  const [first = 0, last = 0] = [all[0], all[all.length - 1]];
  const xs =
    all.length <= BAND_POINTS
      ? all
      : Array.from({ length: BAND_POINTS }, (_, i) => first + ((last - first) * i) / (BAND_POINTS - 1));
  const places = present.map(() => 0);
  const out = { xs, mid: [] as number[], low: [] as number[], high: [] as number[] };
  for (const x of xs) {
    const values: number[] = [];
    present.forEach((curve, c) => {
      const y = interpolated(curve, x, places, c);
      if (y !== undefined) values.push(y);
    });
    const { mid, low, high } = spreadOf(values, spread);
    out.mid.push(mid);
    out.low.push(low);
    out.high.push(high);
  }
  return out;
}

function interpolated(
  { xs, ys }: { xs: number[]; ys: number[] },
  x: number,
  places: number[],
  c: number,
): number | undefined {
  let i = places[c] as number;
  while (i + 1 < xs.length && (xs[i + 1] as number) <= x) i++;
  places[c] = i;
  const [x0, y0] = [xs[i] as number, ys[i] as number];
  if (x < x0) return undefined;
  if (x === x0) return y0;
  if (i + 1 >= xs.length) return undefined;
  const [x1, y1] = [xs[i + 1] as number, ys[i + 1] as number];
  return y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
}

function spreadOf(values: number[], spread: Spread): { mid: number; low: number; high: number } {
  const n = values.length;
  if (n === 0) return { mid: Number.NaN, low: Number.NaN, high: Number.NaN };
  if (spread === "quartiles" || spread === "range") {
    const sorted = values.toSorted((a, b) => a - b);
    const at = (share: number) => {
      const place = share * (n - 1);
      const [low, high] = [sorted[Math.floor(place)] as number, sorted[Math.ceil(place)] as number];
      return low + (high - low) * (place - Math.floor(place));
    };
    return spread === "range"
      ? { mid: at(0.5), low: at(0), high: at(1) }
      : { mid: at(0.5), low: at(0.25), high: at(0.75) };
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { mid: mean, low: mean, high: mean };
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  const half = spread === "deviation" ? deviation : (student(n - 1) * deviation) / Math.sqrt(n);
  return { mid: mean, low: mean - half, high: mean + half };
}

const STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

/** The 97.5% quantile of Student's t: by table where few runs make it matter, else by Cornish and Fisher. */
function student(freedom: number): number {
  const z = 1.959964;
  return (
    STUDENT[freedom - 1] ?? z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2)
  );
}

/** The range of nearly all values: what lies further out than 1.5 times the middle 96% are wide is left out of it. */
export function withoutOutliers(curves: Curve[]): [number, number] | undefined {
  const values = curves.flatMap(({ ys }) => ys.filter(Number.isFinite)).sort((a, b) => a - b);
  if (values.length < 20) return undefined;
  const low = values[Math.floor(0.02 * values.length)] as number;
  const high = values[Math.ceil(0.98 * values.length) - 1] as number;
  const margin = (high - low) * 0.25;
  return high > low ? [low - margin, high + margin] : undefined;
}
