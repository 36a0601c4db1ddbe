/** How values are written for people. */

import type { Float } from "./api/index.ts";

/** At most six significant digits. */
export function number(value: Float | null | undefined): string {
  if (value === null || value === undefined) {
    return "";
  }
  if (typeof value === "string") {
    return value === "Infinity" ? "∞" : value === "-Infinity" ? "−∞" : value;
  }
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-4 || size >= 1e7) ? value.toExponential(4) : String(Number(value.toPrecision(6)));
}

/** The float that JSON carried. */
export function toNumber(value: Float): number {
  return typeof value === "number" ? value : Number(value);
}

/** A time as far from now as a person would say it. */
export function ago(time: string, now: number): string {
  const secs = Math.max(0, Math.floor((now - Date.parse(time)) / 1000));
  if (secs < 60) return `${secs} s ago`;
  if (secs < 3600) return `${Math.floor(secs / 60)} min ago`;
  if (secs < 86_400) return `${Math.floor(secs / 3600)} h ago`;
  if (secs < 30 * 86_400) return `${Math.floor(secs / 86_400)} d ago`;
  return new Date(time).toLocaleDateString();
}

/** The time from start to end, or up to now. */
export function duration(start: string | undefined, end: string | undefined, now: number): string {
  if (start === undefined) return "";
  return span(Math.max(0, ((end === undefined ? now : Date.parse(end)) - Date.parse(start)) / 1000));
}

/** A length of time. */
export function span(secs: number): string {
  if (secs < 10) return `${Number(secs.toFixed(1))} s`;
  if (secs < 60) return `${Math.round(secs)} s`;
  if (secs < 3600) return `${Math.floor(secs / 60)} min ${Math.floor(secs % 60)} s`;
  return `${Math.floor(secs / 3600)} h ${Math.floor((secs % 3600) / 60)} min`;
}

/** A size in binary units. */
export function size(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes === 0 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 2 ** (10 * power)).toPrecision(4))} ${units[power]}`;
}

/** Nested parameters by dotted path. */
export function flatten(value: Record<string, unknown>, prefix = ""): [string, string][] {
  return Object.entries(value).flatMap(([key, inner]): [string, string][] => {
    const path = prefix + key;
    if (inner !== null && typeof inner === "object" && !Array.isArray(inner)) {
      const float = (inner as { $float?: unknown }).$float;
      return typeof float === "string" ? [[path, float]] : flatten(inner as Record<string, unknown>, `${path}.`);
    }
    return [[path, typeof inner === "string" ? inner : JSON.stringify(inner)]];
  });
}
