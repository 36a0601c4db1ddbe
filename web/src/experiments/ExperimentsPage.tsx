import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { Link, useNavigate } from "react-router";
import * as api from "../api/index.ts";
import { Empty, Failure, Skeleton, SNIPPET, Status, TagList, Time, useNow, useTitle } from "../components/Parts.tsx";
import { useIsSeen } from "../components/useIsSeen.ts";
import { field, metricOf, namesOf } from "../fields.ts";
import { number } from "../format.ts";
import { joined, useUrl } from "../url.ts";

/** Runs that the line of an experiment is drawn of. */
const DRAWN = 40;

export function ExperimentsPage() {
  useTitle(undefined);
  const now = useNow();
  const url = useUrl();
  const navigate = useNavigate();
  const where = url.get("where") ?? "";
  const [draft, setDraft] = useState(where);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const withArchived = url.get("archived") === "1";
  const filter = [where === "" ? "" : `(${where})`, withArchived ? "" : "status != 'archived'"]
    .filter(Boolean)
    .join(" and ");
  const query = useQuery({
    queryKey: ["experiments", filter],
    queryFn: () => api.experiments({ query: filter }),
    placeholderData: keepPreviousData,
  });
  const problem = query.error instanceof api.Refusal && query.error.status === 422 ? query.error.message : undefined;
  if (query.error !== null && problem === undefined) return <Failure error={query.error} retry={query.refetch} />;
  if (query.data === undefined && problem === undefined) return <Skeleton />;
  const { items, total_count } = query.data ?? { items: [], total_count: 0 };
  if (items.length === 0 && where === "" && !withArchived) {
    return <Empty snippet={SNIPPET}>No experiments yet. Log a run from Python, and it shows here at once:</Empty>;
  }
  const toggle = (id: string) => {
    const after = new Set(chosen);
    if (!after.delete(id)) after.add(id);
    setChosen(after);
  };
  return (
    <>
      <h1>Experiments</h1>
      <form
        className="toolbar filter"
        onSubmit={(event) => {
          event.preventDefault();
          url.set({ where: draft.trim() }, true);
        }}
      >
        <input
          id="filter"
          aria-label="Filter experiments"
          aria-invalid={problem !== undefined}
          placeholder="Filter, as name like '%lm%' and status = active      /"
          value={draft}
          onChange={(event) => setDraft(event.target.value)}
          spellCheck={false}
        />
        <label className="check">
          <input
            type="checkbox"
            checked={withArchived}
            onChange={() => url.set({ archived: withArchived ? undefined : "1" })}
          />{" "}
          archived
        </label>
        <button
          type="button"
          disabled={chosen.size === 0}
          onClick={() => navigate(`/runs?experiments=${joined([...chosen])}`)}
        >
          Runs of {chosen.size || "…"} together
        </button>
        <Link className="button" to="/runs">
          All runs
        </Link>
      </form>
      {problem !== undefined && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      {items.length === 0 && problem === undefined && <p className="empty">No experiment matches the filter.</p>}
      {items.length > 0 && (
        <section className="scroll" tabIndex={0} aria-label="Experiments">
          <table>
            <thead>
              <tr>
                <th>
                  <span className="unseen">Chosen</span>
                </th>
                <th>Name</th>
                <th>Status</th>
                <th className="figure">Runs</th>
                <th>Latest runs</th>
                <th>Owner</th>
                <th>Created</th>
                <th>Tags</th>
                <th>Hypothesis</th>
              </tr>
            </thead>
            <tbody>
              {items.map((experiment) => (
                <tr key={experiment.id}>
                  <td>
                    <input
                      type="checkbox"
                      aria-label={`Choose ${experiment.name}`}
                      checked={chosen.has(experiment.id)}
                      onChange={() => toggle(experiment.id)}
                    />
                  </td>
                  <td className="long">
                    <Link to={`/experiments/${experiment.id}`} title={experiment.name}>
                      {experiment.name}
                    </Link>
                  </td>
                  <td>
                    <Status status={experiment.status} />
                  </td>
                  <td className="figure">{Object.values(experiment.runs).reduce((sum, count) => sum + count, 0)}</td>
                  <Sparkline experiment={experiment} />
                  <td>{experiment.owner}</td>
                  <td>
                    <Time time={experiment.created_at} now={now} />
                  </td>
                  <td className="long">
                    <TagList tags={experiment.tags} />
                  </td>
                  <td className="hypothesis-cell" title={experiment.hypothesis}>
                    {experiment.hypothesis}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {total_count > items.length && (
        <p className="quiet">
          The newest {items.length} of {total_count}.
        </p>
      )}
    </>
  );
}

const WIDTH = 110;
const HEIGHT = 22;

/** The metric that counts most, run by run, and the best of it. */
function Sparkline({ experiment }: { experiment: api.Experiment }) {
  const cell = useRef<HTMLTableCellElement>(null);
  const isSeen = useIsSeen(cell);
  const query = useQuery({
    queryKey: ["sparkline", experiment.id],
    queryFn: ({ signal }) => api.searchRuns({ experiments: [experiment.id], limit: DRAWN }, signal),
    enabled: isSeen && Object.keys(experiment.runs).length > 0,
  });
  const runs = query.data?.items.toReversed() ?? [];
  const names = namesOf(runs).metrics;
  const config = experiment.config.metrics?.[0];
  const name: string | undefined =
    config?.name ??
    names.find((one) => /val.*loss|eval.*loss/i.test(one)) ??
    names.find((one) => /loss/i.test(one)) ??
    names[0];
  const isMore =
    config?.direction === "maximize" ||
    (config?.direction === undefined && /acc|f1|bleu|rouge|reward|score|auc|win/i.test(name ?? ""));
  const statistic = isMore ? "max" : "min";
  const values = runs.flatMap((run) => {
    const value = name === undefined ? undefined : metricOf(run, { family: "metrics", name, statistic });
    return typeof value === "number" ? [{ value, run }] : [];
  });
  if (name === undefined || values.length === 0) return <td ref={cell} />;
  const numbers = values.map(({ value }) => value);
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const best = isMore ? high : low;
  const x = (i: number) => 3 + (values.length === 1 ? 0 : (i * (WIDTH - 6)) / (values.length - 1));
  const y = (value: number) => HEIGHT - 3 - (high === low ? 0.5 : (value - low) / (high - low)) * (HEIGHT - 6);
  const at = numbers.indexOf(best);
  return (
    <td ref={cell}>
      <Link
        to={`/experiments/${experiment.id}?sort=${encodeURIComponent(`${statistic}(${field("metrics", name)}) ${isMore ? "desc" : "asc"}`)}`}
        className="spark"
        title={`${statistic} ${name} of the latest ${values.length} runs`}
      >
        <svg
          width={WIDTH}
          height={HEIGHT}
          role="img"
          aria-label={`${name} of ${values.length} runs, best ${number(best)}`}
        >
          <polyline points={values.map(({ value }, i) => `${x(i)},${y(value)}`).join(" ")} fill="none" />
          <circle cx={x(at)} cy={y(best)} r="2.5" />
        </svg>
        <span className="quiet">{number(Number(best.toPrecision(4)))}</span>
      </Link>
    </td>
  );
}
