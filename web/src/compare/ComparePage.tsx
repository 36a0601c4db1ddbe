import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo } from "react";
import { Link } from "react-router";
import * as api from "../api/index.ts";
import { Failure, Skeleton, Status, useTitle } from "../components/Parts.tsx";
import { useKeys } from "../components/useKeys.ts";
import { field } from "../fields.ts";
import { number } from "../format.ts";
import { Mean } from "../runs/GroupTable.tsx";
import { useNames } from "../runs/useRuns.ts";
import { joined, separated, useUrl } from "../url.ts";
import { EveryRun } from "./EveryRun.tsx";
import { Forest } from "./Forest.tsx";

const Examples = lazy(() => import("./Examples.tsx"));

/** Most experiments whose hypotheses are said. */
const SAID = 3;

const REDUCTIONS: Record<string, string> = {
  last: "last value",
  best: "best value",
  min: "least value",
  max: "greatest value",
  mean: "mean of all values",
  area_under_curve: "area under the curve",
};

const NOISE: Record<api.Pair["noise"], string> = {
  signal: "more than noise",
  noise: "within noise",
  unknown: "noise not known",
};

const VERDICTS: Record<api.Verdict, string> = {
  better: "better",
  worse: "worse",
  different: "different",
  no_evidence: "no evidence of a difference",
  too_few_samples: "too few runs to tell",
};

/** Which differences between runs are real, said in sentences, and what else differs. */
export function ComparePage() {
  useTitle("Comparison");
  const url = useUrl();
  const runs = separated(url.get("runs"));
  const experiments = separated(url.get("experiments"));
  const where = url.get("where");
  const by = separated(url.get("by"));
  const metrics = separated(url.get("metrics"));
  const reduction = url.get("reduce") ?? "last";
  const baseline = url.get("baseline");
  const lower = separated(url.get("lower"));
  const higher = separated(url.get("higher"));
  const onlyDiffering = url.get("all") !== "1";
  const names = useNames(experiments);
  const keys = useMemo(() => ({ d: () => url.set({ all: onlyDiffering ? "1" : undefined }) }), [url, onlyDiffering]);
  useKeys(keys);
  const request: api.CompareRequest = {
    runs,
    experiments,
    ...(where === undefined ? {} : { query: where }),
    group_by: by,
    metrics,
    reduction: { kind: reduction },
    ...(baseline === undefined ? {} : { baseline }),
    better: Object.fromEntries([
      ...lower.map((name) => [name, "lower"] as const),
      ...higher.map((name) => [name, "higher"] as const),
    ]),
  };
  const isAsked = runs.length > 0 || experiments.length > 0 || where !== undefined;
  const query = useQuery({
    queryKey: ["comparison", request],
    queryFn: ({ signal }) => api.compare(request, signal),
    enabled: isAsked,
    placeholderData: keepPreviousData,
  });
  if (!isAsked) {
    return (
      <p className="empty">
        Nothing is chosen. Select runs in a table of runs, and press Compare there: <Link to="/">Experiments</Link>.
      </p>
    );
  }
  const fields = [
    ...(names?.params ?? []).map((name) => field("params", name)),
    ...(names?.tags ?? []).map((name) => field("tags", name)),
    "experiment",
    "name",
  ];
  const comparison = query.data;
  return (
    <div className="compare">
      <nav className="crumbs" aria-label="Where this is">
        <Link to="/">Experiments</Link>
        {experiments.length === 1 && (
          <>
            {" "}
            / <Link to={`/experiments/${experiments[0]}`}>runs</Link>
          </>
        )}
      </nav>
      <h1>Comparison</h1>
      <div className="controls">
        <label>
          Group by{" "}
          <select
            value={by[0] ?? ""}
            onChange={(event) =>
              url.set({ by: joined([event.target.value].filter(Boolean)), baseline: undefined }, true)
            }
          >
            <option value="">all but the seed</option>
            {[...new Set([...by, ...fields])].map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          Each run is its{" "}
          <select value={reduction} onChange={(event) => url.set({ reduce: event.target.value }, true)}>
            {Object.entries(REDUCTIONS).map(([kind, said]) => (
              <option key={kind} value={kind}>
                {said}
              </option>
            ))}
          </select>
        </label>
        <label>
          Baseline{" "}
          <select
            value={comparison?.baseline ?? ""}
            onChange={(event) => url.set({ baseline: event.target.value }, true)}
          >
            {comparison?.groups.map((group) => (
              <option key={group.label}>{group.label}</option>
            ))}
          </select>
        </label>
        <label>
          <input
            type="checkbox"
            checked={!onlyDiffering}
            onChange={() => url.set({ all: onlyDiffering ? "1" : undefined })}
          />{" "}
          also what does not differ <kbd>d</kbd>
        </label>
      </div>
      {query.error !== null && <Failure error={query.error} retry={query.refetch} />}
      {query.isPending && <Skeleton rows={10} />}
      {comparison !== undefined && query.error === null && (
        <Result
          comparison={comparison}
          onlyDiffering={onlyDiffering}
          onBetter={(name, way) => {
            url.set({
              lower: joined([...lower.filter((one) => one !== name), ...(way === "lower" ? [name] : [])]),
              higher: joined([...higher.filter((one) => one !== name), ...(way === "higher" ? [name] : [])]),
            });
          }}
        />
      )}
    </div>
  );
}

interface ResultProps {
  comparison: api.Comparison;
  onlyDiffering: boolean;
  onBetter: (name: string, way: string) => void;
}

function Result({ comparison, onlyDiffering, onBetter }: ResultProps) {
  const { groups, baseline, warnings } = comparison;
  const hasFinding = (metric: api.MetricComparison) =>
    metric.pairs.some((pair) => !["no_evidence", "too_few_samples"].includes(pair.verdict));
  const found = comparison.metrics.filter(hasFinding);
  const shown = onlyDiffering && found.length > 0 ? found : comparison.metrics;
  const quiet = comparison.metrics.length - shown.length;
  const score = comparison.score?.comparison;
  const experiments = [...new Set(groups.flatMap((group) => group.runs.map((run) => run.experiment_name)))];
  return (
    <>
      {experiments.slice(0, SAID).map((name) => (
        <Hypothesis key={name} experiment={name} />
      ))}
      {warnings.length > 0 && (
        <section aria-label="Warnings" className="warnings">
          {warnings.map((warning) => (
            <p key={warning.code + warning.sentence} className="alert warning">
              {warning.sentence}
            </p>
          ))}
        </section>
      )}
      <section aria-label="Groups">
        <ul className="group-list">
          {groups.map((group) => (
            <li key={group.label}>
              <strong>{group.label}</strong>
              {group.label === baseline && <span className="tag">baseline</span>}{" "}
              <span className="quiet">
                {group.runs.length} {group.runs.length === 1 ? "run" : "runs"}:
              </span>{" "}
              {group.runs.slice(0, 12).map((run) => (
                <Link key={run.id} to={`/runs/${run.id}`} title={`${run.experiment_name} ${run.name}`}>
                  #{run.number}
                </Link>
              ))}
              {group.runs.length > 12 && <span className="quiet"> and {group.runs.length - 12} more</span>}
            </li>
          ))}
        </ul>
      </section>
      {comparison.metrics.length === 0 && <p className="quiet">The groups have no metric in common.</p>}
      {shown.map((metric) => (
        <Metric key={metric.name} metric={metric} baseline={baseline} onBetter={onBetter} />
      ))}
      {score !== undefined && <Metric metric={score} baseline={baseline} />}
      {quiet > 0 && <p className="quiet">{quiet} metrics do not show a difference.</p>}
      <Differences title="Parameters that differ" items={comparison.parameters} groups={groups} />
      <EveryRun groups={groups} onlyDiffering={onlyDiffering} />
      <Differences title="Datasets that differ" items={comparison.datasets} groups={groups} />
      <Differences title="Configuration that differs" items={comparison.configuration} groups={groups} />
      <Differences title="Environment that differs" items={comparison.environment} groups={groups} />
      <Suspense>
        <Examples key={groups.flatMap((group) => group.runs.map((run) => run.id)).join()} groups={groups} />
      </Suspense>
    </>
  );
}

function Hypothesis({ experiment }: { experiment: string }) {
  const query = useQuery({ queryKey: ["experiment", experiment], queryFn: () => api.experiment(experiment) });
  const stated = useQuery({ queryKey: ["hypotheses", experiment], queryFn: () => api.hypotheses(experiment) });
  return (
    <>
      {query.data?.hypothesis !== undefined && (
        <p className="hypothesis">
          <span className="quiet">
            Hypothesis of {experiment} (<Status status={query.data.status} />
            ):
          </span>{" "}
          {query.data.hypothesis}
        </p>
      )}
      {(stated.data ?? []).map((one) => (
        <p key={one.statement.name} className="hypothesis">
          <span className={`badge ${one.judgement?.outcome ?? ""}`}>
            {one.judgement?.outcome ?? (one.frozen_at === undefined ? "draft" : "open")}
          </span>{" "}
          {one.sentence}
          {one.revisions.length > 1 && (
            <span className="quiet"> It was worded anew {one.revisions.length - 1} times since it was frozen.</span>
          )}
        </p>
      ))}
    </>
  );
}

function Metric({
  metric,
  baseline,
  onBetter,
}: {
  metric: api.MetricComparison;
  baseline: string;
  onBetter?: ResultProps["onBetter"];
}) {
  return (
    <section className="metric" aria-label={metric.name}>
      <h2>
        {metric.name}{" "}
        {onBetter === undefined ? (
          <span className="quiet">weighted improvement over the baseline</span>
        ) : (
          <label className="quiet">
            better is{" "}
            <select value={metric.better ?? ""} onChange={(event) => onBetter(metric.name, event.target.value)}>
              <option value="">not known</option>
              <option value="lower">lower</option>
              <option value="higher">higher</option>
            </select>
          </label>
        )}
      </h2>
      {metric.pairs.map((pair) => (
        <p key={pair.label} className="verdict">
          <span className={`badge ${pair.verdict}`}>{VERDICTS[pair.verdict]}</span>{" "}
          <span className="tag" title="Asked for by a hypothesis before the runs began, or not">
            {pair.planned === undefined ? "exploratory" : `planned as ${pair.planned}`}
          </span>{" "}
          {pair.sentence}
        </p>
      ))}
      <p className="quiet">
        {metric.noise === null
          ? "How much a repetition varies is not known: no two completed runs differ only in their seed."
          : `Repetitions have a standard deviation of ${number(metric.noise.std_dev)} (${metric.noise.runs} runs); two single runs differ by more than noise from ${number(metric.noise.smallest_signal)} on.`}
        {metric.best_run !== null && (
          <>
            {" "}
            Best run: <Link to={`/runs/${metric.best_run.id}`}>{metric.best_run.address}</Link> with{" "}
            {number(metric.best_run.value)}; the best of many is too good.
          </>
        )}
      </p>
      <div className="metric-body">
        <Forest metric={metric} baseline={baseline} />
        <section className="scroll" tabIndex={0} aria-label={`${metric.name} by group`}>
          <table>
            <thead>
              <tr>
                <th>Group</th>
                <th className="figure">n</th>
                <th className="figure">Mean, 95% interval</th>
                <th className="figure">Deviation</th>
                <th className="figure">Min</th>
                <th className="figure">Max</th>
                <th className="figure">p, adjusted</th>
                <th>Against noise</th>
              </tr>
            </thead>
            <tbody>
              {metric.samples.map((sample) => {
                const pair = metric.pairs.find((one) => one.label === sample.label);
                return (
                  <tr key={sample.label}>
                    <th scope="row">{sample.label}</th>
                    <td
                      className="figure"
                      title={sample.excluded > 0 ? `${sample.excluded} runs have no finite value` : undefined}
                    >
                      {sample.n}
                      {sample.excluded > 0 && ` (−${sample.excluded})`}
                    </td>
                    <td className="figure">
                      <Mean sample={sample} isBest={metric.best === sample.label} />
                    </td>
                    <td className="figure">{number(sample.std_dev)}</td>
                    <td className="figure">{number(sample.min)}</td>
                    <td className="figure">{number(sample.max)}</td>
                    <td className="figure" title={pair?.test ?? undefined}>
                      {number(
                        pair?.p_adjusted === null || pair?.p_adjusted === undefined
                          ? null
                          : Number(pair.p_adjusted.toPrecision(3)),
                      )}
                    </td>
                    <td>{pair !== undefined && NOISE[pair.noise]}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </section>
      </div>
    </section>
  );
}

function Differences({
  title,
  items,
  groups,
}: {
  title: string;
  items: api.Difference[];
  groups: api.Comparison["groups"];
}) {
  if (items.length === 0) return null;
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      <section className="scroll" tabIndex={0} aria-label={`${title}, by group`}>
        <table className="data">
          <thead>
            <tr>
              <th>What</th>
              {groups.map((group) => (
                <th key={group.label}>{group.label}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {items.map((item) => (
              <tr key={item.path}>
                <th scope="row" className="prose">
                  {item.path}
                </th>
                {groups.map((group, i) => (
                  <td key={group.label} className="prose">
                    {(item.values[i] ?? []).join(", ")}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}
