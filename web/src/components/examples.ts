/** Tables of examples, as runs log them: what was asked, what came out, what it scored. */

import * as api from "../api/index.ts";

export type Example = Record<string, unknown>;

/** The rows of a table: a list of objects, columns and data as pandas writes them, or the columns by name. */
export function examplesOf(value: unknown): Example[] | undefined {
  const isRow = (row: unknown) => typeof row === "object" && row !== null && !Array.isArray(row);
  if (Array.isArray(value) && value.length > 0 && value.every(isRow)) return value as Example[];
  const { columns, data } = (value ?? {}) as { columns?: string[] | Record<string, unknown[]>; data?: unknown[][] };
  if (isRow(columns)) {
    const all = Object.entries(columns as Record<string, unknown[]>);
    if (!all.every(([, values]) => Array.isArray(values))) return undefined;
    return Array.from({ length: all[0]?.[1].length ?? 0 }, (_, i) =>
      Object.fromEntries(all.map(([name, values]) => [name, values[i]])),
    );
  }
  if (!Array.isArray(columns) || !Array.isArray(data)) return undefined;
  return data.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])));
}

/** A value that a client logged with what it is; large ones are kept as an artifact of the run. */
export interface Media {
  type?: string;
  artifact?: string;
  text?: string;
  caption?: string;
}

/** The rows of a value, read from the artifact that it names where they are there. */
export async function loadExamples(run: string, value: unknown): Promise<Example[] | undefined> {
  const { type, artifact } = (value ?? {}) as Media;
  if (type !== "table" || artifact === undefined) return examplesOf(value);
  return examplesOf(JSON.parse(new TextDecoder().decode(await api.artifactNamed(run, artifact))));
}

export function cellText(value: unknown): string {
  return typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
}

/** The columns that say which example a row is: those that hold what both sides have, and never twice. */
function keyOf(left: Example[], right: Example[]): string | undefined {
  const names = Object.keys(left[0] ?? {});
  return names.find((name) => {
    const texts = left.map((row) => cellText(row[name]));
    const others = new Set(right.map((row) => cellText(row[name])));
    return new Set(texts).size === texts.length && texts.filter((text) => others.has(text)).length > texts.length / 2;
  });
}

export interface ExamplePair {
  key: string;
  left: Example | undefined;
  right: Example | undefined;
  /** The columns in which the sides differ. */
  differing: string[];
}

/** The same examples of two runs beside one another, by a column that names them, or by their place. */
export function paired(left: Example[], right: Example[]): ExamplePair[] {
  const key = keyOf(left, right);
  const name = (row: Example, i: number) => (key === undefined ? `#${i + 1}` : cellText(row[key]));
  const rights = new Map(right.map((row, i) => [name(row, i), row]));
  const pairs = left.map((row, i): [string, Example | undefined, Example | undefined] => {
    const other = rights.get(name(row, i));
    rights.delete(name(row, i));
    return [name(row, i), row, other];
  });
  const rest = [...rights].map(([key, row]): [string, Example | undefined, Example | undefined] => [
    key,
    undefined,
    row,
  ]);
  return [...pairs, ...rest].map(([key, left, right]) => {
    const names = [...new Set([...Object.keys(left ?? {}), ...Object.keys(right ?? {})])];
    return { key, left, right, differing: names.filter((one) => cellText(left?.[one]) !== cellText(right?.[one])) };
  });
}
