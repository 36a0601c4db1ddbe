/** The native API: how to ask it. */

import type * as t from "./types.ts";

export type * from "./types.ts";

/** A refusal by the server, as it explains it. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly field?: string,
  ) {
    super(detail);
  }
}

async function ask<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      ...(signal === undefined ? {} : { signal }),
      ...(body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refusal(0, "The server cannot be reached. Is `lab serve` still running?");
  }
  const text = await response.text();
  if (response.ok) return (text === "" ? undefined : JSON.parse(text)) as T;
  let problem: { detail?: string; field?: string } = {};
  try {
    problem = JSON.parse(text);
  } catch {
    // Something between the page and the server answered.
  }
  throw new Refusal(response.status, problem.detail ?? `The server answered ${response.status}.`, problem.field);
}

function query(fields: Record<string, string | number | undefined>): string {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined && value !== "");
  return present.length === 0 ? "" : `?${new URLSearchParams(present.map(([name, value]) => [name, String(value)]))}`;
}

const enc = encodeURIComponent;

export const experiments = (search: { query?: string | undefined; sort?: string | undefined; limit?: number } = {}) =>
  ask<t.Paged<t.Experiment>>("GET", `/experiments${query({ limit: 1000, ...search })}`);
export const experiment = (id: string) => ask<t.Experiment>("GET", `/experiments/${enc(id)}`);
export const moveExperiment = (id: string, status: t.ExperimentStatus) =>
  ask<t.Experiment>("POST", `/experiments/${enc(id)}/status`, { status });
export const updateExperiment = (id: string, patch: object, revision?: number) =>
  ask<t.Experiment>("PATCH", `/experiments/${enc(id)}${query({ revision })}`, patch);

export const searchRuns = (search: t.RunSearch, signal?: AbortSignal) =>
  ask<t.Paged<t.Run>>("POST", "/runs/search", search, signal);
export const run = (id: string) => ask<t.RunDetail>("GET", `/runs/${enc(id)}`);
export const updateRun = (id: string, patch: { name?: string; tags?: Record<string, string | null> }) =>
  ask<t.Run>("PATCH", `/runs/${enc(id)}`, patch);
export const deleteRun = (id: string) => ask<void>("DELETE", `/runs/${enc(id)}`);
export const moveRun = (id: string, action: "cancel" | "resume") =>
  ask<t.Run>("POST", `/runs/${enc(id)}/status`, { action });

export const metrics = (run: string) => ask<{ items: t.SeriesSummary[] }>("GET", `/runs/${enc(run)}/metrics`);
export const values = (run: string) => ask<{ items: t.LoggedValue[] }>("GET", `/runs/${enc(run)}/values`);
export const log = (run: string, first: number, limit: number) =>
  ask<t.LogPart>("GET", `/runs/${enc(run)}/log${query({ first, limit })}`);
export const events = (run: string, after: number) =>
  ask<{ items: t.LabEvent[]; after: number; last: number }>(
    "GET",
    `/events${query({ run_id: run, after, limit: 1000 })}`,
  );

export interface SeriesRequest {
  runs: string[];
  names: string[];
  from_step?: number | undefined;
  to_step?: number | undefined;
  max_points?: number;
}
export const series = (request: SeriesRequest, signal?: AbortSignal) =>
  ask<{ items: t.RunSeries[] }>("POST", "/series", request, signal);

export const compare = (request: t.CompareRequest, signal?: AbortSignal) =>
  ask<t.Comparison>("POST", "/compare", request, signal);
export const hypotheses = (experiment: string) =>
  ask<t.HypothesisReport[]>("GET", `/experiments/${enc(experiment)}/hypotheses`);
export const lineage = (node: string, direction: "ancestors" | "descendants" | "both", depth: number) =>
  ask<t.LineageGraph>("GET", `/lineage/${enc(node)}${query({ direction, depth, limit: 500 })}`);

export const artifactUrl = (id: string) => `/api/v1/artifacts/${id}/content`;

/** The beginning of an artifact, and whether that is all of it. */
export async function artifactStart(
  artifact: t.Artifact,
  bytes: number,
): Promise<{ bytes: Uint8Array; isAll: boolean }> {
  const isAll = artifact.size_bytes <= bytes;
  return { bytes: await content(artifactUrl(artifact.id), isAll ? {} : { Range: `bytes=0-${bytes - 1}` }), isAll };
}

/** The latest artifact of that name. */
export const artifactNamed = (run: string, name: string) =>
  content(`/api/v1/runs/${enc(run)}/artifacts/content${query({ name })}`, {});

async function content(path: string, headers: Record<string, string>): Promise<Uint8Array> {
  const response = await fetch(path, { headers });
  if (!response.ok) throw new Refusal(response.status, `The server answered ${response.status}.`);
  return new Uint8Array(await response.arrayBuffer());
}

/** What tells a series apart from others of its name. */
export function contextLabel(context: t.Context | undefined): string {
  const pairs = Object.entries(context ?? {}).map(([name, value]) => `${name}=${value}`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

export const seriesLabel = (key: t.SeriesKey) => key.name + contextLabel(key.context);
