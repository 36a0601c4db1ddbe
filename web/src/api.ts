/** The native API: what it answers, and how to ask. */

/** A float as JSON carries it: NaN and the infinities are texts. */
export type Float = number | "NaN" | "Infinity" | "-Infinity";

export type ExperimentStatus = "draft" | "active" | "paused" | "completed" | "archived" | "failed";
export type RunStatus = "pending" | "queued" | "running" | "completed" | "failed" | "cancelled" | "timed_out";
export type Tags = Record<string, string>;

export interface Experiment {
  id: string;
  name: string;
  description?: string;
  hypothesis?: string;
  owner?: string;
  tags: Tags;
  status: ExperimentStatus;
  created_at: string;
  runs: Partial<Record<RunStatus, number>>;
}

export interface SeriesSummary {
  name: string;
  context?: Record<string, string>;
  count: number;
  nan_count?: number;
  infinite_count?: number;
  last: Float;
  last_step?: number;
  min: number | null;
  max: number | null;
  mean: number | null;
}

export interface RunError {
  type: string;
  message: string;
  stack_trace?: string;
}

export interface Run {
  id: string;
  experiment_id: string;
  experiment_name: string;
  number: number;
  name: string;
  status: RunStatus;
  parameters: Record<string, unknown>;
  tags: Tags;
  error?: RunError;
  created_at: string;
  started_at?: string;
  ended_at?: string;
  metrics: SeriesSummary[];
}

export interface Artifact {
  id: string;
  name: string;
  type: string;
  size_bytes: number;
  content_hash: string;
}

export interface RunDetail extends Run {
  artifacts: Artifact[];
}

export interface RunSeries {
  run_id: string;
  name: string;
  context?: Record<string, string>;
  values: Float[];
  steps: (number | null)[];
  times_micros: number[];
  is_sampled: boolean;
  total_points: number;
}

export interface Paged<T> {
  items: T[];
  total_count: number;
  has_more: boolean;
  next_cursor?: string;
}

/** A refusal by the server, as it explains it. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(detail);
  }
}

async function ask<T>(path: string, body?: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(
      path,
      body === undefined
        ? {}
        : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) },
    );
  } catch {
    throw new Refusal(0, "The server cannot be reached. Is `lab serve` still running?");
  }
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) {
    const detail = (answer as { detail?: string } | null)?.detail;
    throw new Refusal(response.status, detail ?? `The server answered ${response.status}.`);
  }
  return answer as T;
}

export const experiments = () => ask<Paged<Experiment>>("/api/v1/experiments?limit=1000");

export const experiment = (id: string) => ask<Experiment>(`/api/v1/experiments/${encodeURIComponent(id)}`);

export interface RunSearch {
  experiments: string[];
  query?: string;
  sort?: string;
  limit: number;
  cursor?: string;
}

export const searchRuns = (search: RunSearch) => ask<Paged<Run>>("/api/v1/runs/search", search);

export const run = (id: string) => ask<RunDetail>(`/api/v1/runs/${encodeURIComponent(id)}`);

export const series = (runs: string[], names: string[], maxPoints = 1000) =>
  ask<{ items: RunSeries[] }>("/api/v1/series", { runs, names, max_points: maxPoints });

export const artifactUrl = (artifact: Artifact) => `/api/v1/artifacts/${artifact.id}/content`;

/** Name of a series with what tells it apart. */
export function seriesLabel(key: { name: string; context?: Record<string, string> }): string {
  const pairs = Object.entries(key.context ?? {}).map(([name, value]) => `${name}=${value}`);
  return pairs.length === 0 ? key.name : `${key.name}{${pairs.join(",")}}`;
}
