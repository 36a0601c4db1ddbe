/** Columns of a run table, each named as the query language names the field. */

import type { ReactNode } from "react";
import type { Run } from "../api/index.ts";
import { Status, TagList, Time } from "../components/Parts.tsx";
import { field, metricOf, type Names, PLAIN, parametersOf, parse } from "../fields.ts";
import { duration, number } from "../format.ts";
import { joined, separated } from "../url.ts";

export interface Column {
  id: string;
  width: number | undefined;
}

export const TAGS = "tags";

export function defaultColumns(names: Names): Column[] {
  const ids = [
    "status",
    ...names.metrics.slice(0, 6).map((name) => field("metrics", name)),
    ...names.differing.slice(0, 6).map((name) => field("params", name)),
    "duration_secs",
    "created_at",
    ...(names.tags.length > 0 ? [TAGS] : []),
  ];
  return ids.map((id) => ({ id, width: undefined }));
}

export function readColumns(text: string | undefined): Column[] | undefined {
  if (text === undefined) return undefined;
  return separated(text.replaceAll("~", "%7e")).map((part) => {
    const [, id = part, width] = /^(.*)~(\d+)$/s.exec(part) ?? [];
    return { id, width: width === undefined ? undefined : Number(width) };
  });
}

export function writeColumns(columns: Column[]): string {
  return columns.map(({ id, width }) => joined([id]) + (width === undefined ? "" : `~${width}`)).join(",");
}

export function widthOf(id: string): number {
  const { family, name } = parse(id);
  if (family === "metrics") return Math.min(170, Math.max(90, 20 + 7 * name.length));
  if (family === "params" || family === "tags") return Math.min(170, Math.max(80, 24 + 7 * name.length));
  return id === TAGS ? 180 : 105;
}

export const isFigure = (id: string) =>
  ["metrics", "params"].includes(parse(id).family) || id === "duration_secs" || id === "number";

/** What all columns there can be are. */
export function allColumns(names: Names): { title: string; ids: string[] }[] {
  return [
    { title: "Run", ids: [...Object.keys(PLAIN).filter((id) => id !== "owner"), TAGS] },
    { title: "Metrics", ids: names.metrics.map((name) => field("metrics", name)) },
    { title: "Parameters", ids: names.params.map((name) => field("params", name)) },
    { title: "Tags", ids: names.tags.map((name) => field("tags", name)) },
  ];
}

export function text(run: Run, id: string, now: number): string {
  const parsed = parse(id);
  switch (parsed.family) {
    case "metrics":
      return number(metricOf(run, parsed));
    case "params":
      return parametersOf(run).get(parsed.name) ?? "";
    case "tags":
      return run.tags[parsed.name] === "" ? "✓" : (run.tags[parsed.name] ?? "");
  }
  if (id === "duration_secs") return duration(run.started_at, run.ended_at, now);
  if (id === TAGS)
    return Object.entries(run.tags)
      .map(([key, value]) => (value === "" ? key : `${key}=${value}`))
      .join(" ");
  return String((run as unknown as Record<string, unknown>)[id] ?? "");
}

export function cell(run: Run, id: string, now: number): ReactNode {
  if (id === "status") return <Status status={run.status} />;
  if (id === TAGS) return <TagList tags={run.tags} />;
  const time = id.endsWith("_at") ? (run as unknown as Record<string, string | undefined>)[id] : undefined;
  if (time !== undefined) return <Time time={time} now={now} />;
  return text(run, id, now);
}
