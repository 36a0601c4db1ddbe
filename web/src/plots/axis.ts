/** Where values of runs stand on an axis: numbers by size, texts in order. */

import type { Run } from "../api/index.ts";
import { metricOf, parametersOf, parse } from "../fields.ts";
import { number } from "../format.ts";

export interface Axis {
  field: string;
  /** Texts in the order they stand in, where the values are not all numbers. */
  texts?: string[];
  low: number;
  high: number;
  isLog: boolean;
}

export function valueIn(run: Run, field: string): number | string | undefined {
  const parsed = parse(field);
  if (parsed.family === "metrics") {
    const value = metricOf(run, parsed);
    return typeof value === "number" ? value : undefined;
  }
  if (parsed.family === "params") {
    const text = parametersOf(run).get(parsed.name);
    return text === undefined || text === "" || Number.isNaN(Number(text)) ? text : Number(text);
  }
  if (parsed.family === "tags") return run.tags[parsed.name];
  if (field === "duration_secs") {
    return run.started_at === undefined
      ? undefined
      : (Date.parse(run.ended_at ?? new Date().toISOString()) - Date.parse(run.started_at)) / 1000;
  }
  const value = (run as unknown as Record<string, unknown>)[field];
  if (field.endsWith("_at")) return typeof value === "string" ? Date.parse(value) / 1000 : undefined;
  return typeof value === "number" || typeof value === "string" ? value : undefined;
}

export function axisOf(runs: Run[], field: string): Axis {
  const values = runs.flatMap((run) => valueIn(run, field) ?? []);
  const numbers = values.filter((value) => typeof value === "number" && Number.isFinite(value)) as number[];
  if (numbers.length < values.length || numbers.length === 0) {
    const texts = [...new Set(values.map(String))].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
    return { field, texts, low: -0.5, high: texts.length - 0.5, isLog: false };
  }
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of numbers) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  // Learning rates and the like are spread over powers of ten.
  const isLog = low > 0 && high / low >= 100;
  if (low === high) return { field, low: low - 0.5, high: high + 0.5, isLog: false };
  return { field, low, high, isLog };
}

/** 0 at the low end of the axis, 1 at the high end. */
export function share(axis: Axis, value: number | string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const at = axis.texts === undefined ? Number(value) : axis.texts.indexOf(String(value));
  if (!Number.isFinite(at)) return undefined;
  if (axis.isLog) return Math.log(at / axis.low) / Math.log(axis.high / axis.low);
  return (at - axis.low) / (axis.high - axis.low);
}

/** A few places of an axis with what they are called. */
export function ticks(axis: Axis, count = 5): { at: number; label: string }[] {
  if (axis.texts !== undefined) {
    const every = Math.ceil(axis.texts.length / 12);
    return axis.texts.flatMap((text, i) =>
      i % every === 0 ? [{ at: share(axis, text) ?? 0, label: text.length > 16 ? `${text.slice(0, 15)}…` : text }] : [],
    );
  }
  return Array.from({ length: count }, (_, i) => {
    const at = i / (count - 1);
    const value = axis.isLog ? axis.low * (axis.high / axis.low) ** at : axis.low + (axis.high - axis.low) * at;
    const isTime = axis.field.endsWith("_at");
    return { at, label: isTime ? new Date(value * 1000).toLocaleDateString() : number(Number(value.toPrecision(3))) };
  });
}
