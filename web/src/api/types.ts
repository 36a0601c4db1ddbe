/** What the native API answers. */

/** A float as JSON carries it: NaN and the infinities are texts. */
export type Float = number | "NaN" | "Infinity" | "-Infinity";

export type ExperimentStatus = "draft" | "active" | "paused" | "completed" | "archived" | "failed";
export type RunStatus = "pending" | "queued" | "running" | "completed" | "failed" | "cancelled" | "timed_out";
export type Tags = Record<string, string>;
export type Context = Record<string, string>;

export interface Threshold {
  value: number;
  direction: "above" | "below";
}

export interface MetricConfig {
  name: string;
  direction?: "maximize" | "minimize";
  warning?: Threshold;
  critical?: Threshold;
}

export interface Experiment {
  id: string;
  name: string;
  description?: string;
  hypothesis?: string;
  owner?: string;
  tags: Tags;
  status: ExperimentStatus;
  config: { metrics?: MetricConfig[] };
  metadata?: Record<string, unknown>;
  created_at: string;
  updated_at: string;
  revision: number;
  runs: Partial<Record<RunStatus, number>>;
}

export interface SeriesKey {
  name: string;
  context?: Context;
}

export interface SeriesSummary extends SeriesKey {
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
  time: string;
  recoverable?: boolean;
  context?: Record<string, string>;
}

export type LogLevel = "debug" | "info" | "warning" | "error" | "critical";

export interface LogLine {
  level: LogLevel;
  time: string;
  text: string;
}

export interface LogPart {
  first: number;
  lines: LogLine[];
  total_lines: number;
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
  logs: { lines: number; errors: number; warnings: number; highlights?: (LogLine & { line: number })[] };
  parent_run_id?: string;
  created_at: string;
  started_at?: string;
  ended_at?: string;
  heartbeat_at?: string;
  metrics: SeriesSummary[];
}

export interface Artifact {
  id: string;
  name: string;
  type: string;
  size_bytes: number;
  content_hash: string;
  created_at: string;
}

export interface Package {
  ecosystem: string;
  name: string;
  version: string;
  origin?: string;
}

export interface GitState {
  root?: string;
  commit?: string;
  branch?: string;
  remote?: string;
  dirty?: boolean;
  diff?: string;
  diff_truncated?: boolean;
  untracked?: string[];
}

export interface Environment {
  captured_at: string;
  hostname?: string;
  git?: GitState;
  dependencies?: { packages?: Package[]; files?: string[] };
  command?: { arguments?: string[]; working_dir?: string; entry_point?: string };
  not_seen?: { field: string; reason: string }[];
  [part: string]: unknown;
}

export interface RunDetail extends Run {
  artifacts: Artifact[];
  created_by_name?: string;
  environment_snapshot?: Environment;
  child_run_ids?: string[];
}

export interface RunSeries extends SeriesKey {
  run_id: string;
  values: Float[];
  steps: (number | null)[];
  times_micros: number[];
  is_sampled: boolean;
  total_points: number;
}

export type LoggedValue = SeriesKey & {
  step?: number;
  time: string;
  value:
    | { kind: "distribution"; form: "histogram"; boundaries: number[]; counts: number[]; count: number }
    | { kind: "distribution"; form: "summary"; percentiles: [number, number][]; count: number }
    | { kind: "confusion_matrix"; labels: string[]; counts: number[][] }
    | { kind: "custom"; value: unknown };
};

export interface LabEvent {
  seq: number;
  at: string;
  type: string;
  experiment_id: string;
  run_id?: string;
  [detail: string]: unknown;
}

export interface LineageNode {
  id: string;
  label: string;
  metadata?: Record<string, unknown>;
  created_at: string;
}

export interface LineageGraph {
  nodes: LineageNode[];
  edges: { from: string; type: string; to: string }[];
  truncated: boolean;
}

export type Verdict = "better" | "worse" | "different" | "no_evidence" | "too_few_samples";

export interface Sample {
  label: string;
  n: number;
  excluded: number;
  mean: number | null;
  std_dev: number | null;
  interval: [number, number] | null;
  min: number | null;
  max: number | null;
  values: (Float | null)[];
}

export interface Pair {
  label: string;
  verdict: Verdict;
  sentence: string;
  difference: number | null;
  interval: [number, number] | null;
  relative: number | null;
  effect: { name: string; value: number; interval: [number, number] | null } | null;
  test: string | null;
  p_value: number | null;
  p_adjusted: number | null;
  runs_needed: number | null;
  /** Whether the difference is more than repetitions differ by. */
  noise: "signal" | "noise" | "unknown";
  /** The hypothesis that asked for it before the runs began. */
  planned?: string;
}

/** How much runs vary that differ only in their seed. */
export interface NoiseFloor {
  std_dev: number;
  runs: number;
  groups: number;
  /** What two single runs must differ by to be more than noise. */
  smallest_signal: number;
}

export interface MetricComparison {
  name: string;
  better: "lower" | "higher" | null;
  samples: Sample[];
  best: string | null;
  best_run: { id: string; address: string; label: string; value: number } | null;
  noise: NoiseFloor | null;
  pairs: Pair[];
}

export interface HypothesisReport {
  statement: { name: string };
  frozen_at?: string;
  revisions: { at: string }[];
  sentence: string;
  judgement?: { outcome: "supported" | "refuted" | "tied" | "underpowered" };
}

export interface Difference {
  path: string;
  values: string[][];
}

export interface ComparedRun {
  id: string;
  experiment_name: string;
  number: number;
  name: string;
  status: RunStatus;
}

export interface Comparison {
  groups: { label: string; runs: ComparedRun[] }[];
  baseline: string;
  alpha: number;
  metrics: MetricComparison[];
  /** The weighted improvement over the baseline, where metrics have weights. */
  score: { weights: Record<string, number>; comparison: MetricComparison } | null;
  parameters: Difference[];
  datasets: Difference[];
  configuration: Difference[];
  environment: Difference[];
  warnings: { code: string; sentence: string }[];
}

export interface CompareRequest {
  runs?: string[];
  experiments?: string[];
  query?: string;
  group_by?: string[];
  metrics?: string[];
  reduction?: { kind: string };
  baseline?: string;
  better?: Record<string, "lower" | "higher">;
}

export interface Paged<T> {
  items: T[];
  total_count: number;
  has_more: boolean;
  next_cursor?: string;
}

export interface RunSearch {
  experiments: string[];
  query?: string | undefined;
  sort?: string | undefined;
  limit: number;
  cursor?: string | undefined;
  metrics?: string[] | undefined;
}
