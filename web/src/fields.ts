/** Fields of runs, as the query language writes them: `status`, `params.lr`, `min(metrics.loss)`. */

import type { Float, Run } from "./api/index.ts";
import { flatten } from "./format.ts";

export type Family = "params" | "metrics" | "tags";

/** Fields that every run has, and what a table calls them. */
export const PLAIN: Record<string, string> = {
  status: "Status",
  duration_secs: "Duration",
  created_at: "Created",
  started_at: "Started",
  ended_at: "Ended",
  number: "Number",
  owner: "Owner",
};

const BARE = /^[\p{L}\p{N}_./-]+$/u;

export function field(family: Family, name: string): string {
  return `${family}.${BARE.test(name) ? name : `\`${name.replaceAll("`", "``")}\``}`;
}

export interface Parsed {
  family: Family | "plain";
  name: string;
  statistic: "last" | "min" | "max" | "mean";
}

export function parse(text: string): Parsed {
  const inner = /^(last|min|max|mean)\((.*)\)$/s.exec(text);
  const statistic = (inner?.[1] ?? "last") as Parsed["statistic"];
  const path = inner?.[2] ?? text;
  const family = /^(params|metrics|tags)\./.exec(path)?.[1] as Family | undefined;
  if (family === undefined) return { family: "plain", name: path, statistic };
  const rest = path.slice(family.length + 1);
  const name = rest.startsWith("`") ? rest.slice(1, -1).replaceAll("``", "`") : rest;
  return { family, name, statistic };
}

export function title(text: string): string {
  const { family, name, statistic } = parse(text);
  if (family === "plain") return PLAIN[name] ?? name;
  return statistic === "last" ? name : `${statistic} ${name}`;
}

const flattened = new WeakMap<Run, Map<string, string>>();

export function parametersOf(run: Run): Map<string, string> {
  const known = flattened.get(run);
  if (known !== undefined) return known;
  const made = new Map(flatten(run.parameters));
  flattened.set(run, made);
  return made;
}

export function metricOf(run: Run, parsed: Parsed): Float | null | undefined {
  const summary = run.metrics.find((metric) => metric.name === parsed.name && metric.context === undefined);
  return (summary ?? run.metrics.find((metric) => metric.name === parsed.name))?.[parsed.statistic];
}

/** What there is to show of some runs, most common first. */
export interface Names {
  params: string[];
  metrics: string[];
  tags: string[];
  /** Parameters that the runs do not share. */
  differing: string[];
}

const MACHINE = /^(system|process)\//;

/** By name; what the machine was like comes after what was measured. */
export const byName = (a: string, b: string) => Number(MACHINE.test(a)) - Number(MACHINE.test(b)) || a.localeCompare(b);

export function namesOf(runs: Run[]): Names {
  const count = (names: (run: Run) => Iterable<string>) => {
    const counts = new Map<string, number>();
    for (const run of runs) for (const name of new Set(names(run))) counts.set(name, (counts.get(name) ?? 0) + 1);
    return counts;
  };
  const params = count((run) => parametersOf(run).keys());
  const differing = [...params].filter(
    ([name, number]) => number < runs.length || new Set(runs.map((run) => parametersOf(run).get(name))).size > 1,
  );
  const sorted = (counts: Map<string, number>) => [...counts.keys()].sort(byName);
  return {
    params: sorted(params),
    metrics: sorted(count((run) => run.metrics.map((metric) => metric.name))),
    tags: sorted(count((run) => Object.keys(run.tags))),
    differing: differing.map(([name]) => name).sort((a, b) => a.localeCompare(b)),
  };
}

/** A text as the query language quotes it. */
export const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
