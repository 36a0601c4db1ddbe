import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams, useSearchParams } from "react-router";
import * as api from "../api.ts";
import { Charts, colour } from "../components/Charts.tsx";
import { Empty, Failure, Skeleton, SNIPPET, Status, TagList, Time, useNow } from "../components/Parts.tsx";
import { duration, flatten, number } from "../format.ts";

const PAGE = 100;
/** Runs drawn where the reader did not choose. */
const DRAWN = 8;

export function ExperimentPage() {
  const { experiment: id = "" } = useParams();
  const now = useNow();
  const [search, setSearch] = useSearchParams();
  const filter = search.get("where") ?? "";
  const [draft, setDraft] = useState(filter);
  const chosen = search.get("runs")?.split(",");

  const experiment = useQuery({ queryKey: ["experiments", id], queryFn: () => api.experiment(id) });
  const runs = useInfiniteQuery({
    queryKey: ["runs", "search", id, filter],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      api.searchRuns({
        experiments: [id],
        limit: PAGE,
        ...(filter === "" ? {} : { query: filter }),
        ...(pageParam === undefined ? {} : { cursor: pageParam }),
      }),
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: (previous) => previous,
  });

  if (experiment.error) return <Failure error={experiment.error} retry={experiment.refetch} />;
  if (experiment.data === undefined) return <Skeleton />;
  const rows = runs.data?.pages.flatMap((page) => page.items) ?? [];
  const drawn = chosen === undefined ? rows.slice(0, DRAWN) : rows.filter((run) => chosen.includes(run.id));
  const metrics = [...new Set(rows.flatMap((run) => run.metrics.map((metric) => metric.name)))].sort();
  const parameters = differing(rows);

  const change = (name: string, value: string | undefined) => {
    setSearch((before) => {
      const after = new URLSearchParams(before);
      if (value === undefined) after.delete(name);
      else after.set(name, value);
      return after;
    });
  };
  const toggle = (run: api.Run) => {
    const ids = new Set(drawn.map((one) => one.id));
    if (!ids.delete(run.id)) ids.add(run.id);
    change("runs", [...ids].join(","));
  };

  return (
    <>
      <nav className="crumbs">
        <Link to="/">Experiments</Link>
      </nav>
      <h1>
        {experiment.data.name} <Status status={experiment.data.status} />
      </h1>
      {experiment.data.hypothesis !== undefined && <p className="prose">{experiment.data.hypothesis}</p>}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          change("where", draft.trim() === "" ? undefined : draft.trim());
        }}
      >
        <input
          aria-label="Filter runs"
          placeholder="Filter, as  metrics.loss < 0.5 and params.layers = 4"
          value={draft}
          onChange={(event) => setDraft(event.target.value)}
          spellCheck={false}
        />
        <button type="submit">Filter</button>
      </form>
      {runs.error !== null && <Failure error={runs.error} retry={runs.refetch} />}
      {runs.data === undefined && runs.error === null && <Skeleton />}
      {runs.data !== undefined && rows.length === 0 && filter === "" && (
        <Empty snippet={SNIPPET.replace("tiny-lm", experiment.data.name)}>No runs yet. Log one from Python:</Empty>
      )}
      {runs.data !== undefined && rows.length === 0 && filter !== "" && (
        <p className="empty">No run of this experiment matches the filter.</p>
      )}
      {rows.length > 0 && (
        <>
          <div className="scroll">
            <table>
              <thead>
                <tr>
                  <th>
                    <span className="unseen">Drawn</span>
                  </th>
                  <th>Run</th>
                  <th>Status</th>
                  <th className="figure">Time</th>
                  <th>Created</th>
                  {parameters.map((name) => (
                    <th key={name} className="figure">
                      {name}
                    </th>
                  ))}
                  {metrics.slice(0, 8).map((name) => (
                    <th key={name} className="figure">
                      {name}
                    </th>
                  ))}
                  <th>Tags</th>
                </tr>
              </thead>
              <tbody>
                {rows.map((run) => {
                  const place = drawn.indexOf(run);
                  const values = new Map(flatten(run.parameters));
                  return (
                    <tr key={run.id}>
                      <td>
                        <label>
                          <input type="checkbox" checked={place >= 0} onChange={() => toggle(run)} />
                          <Dot colour={place >= 0 ? colour(place) : undefined} />
                          <span className="unseen">Draw run {run.number}</span>
                        </label>
                      </td>
                      <td>
                        <Link to={`/runs/${run.id}`}>
                          #{run.number} {run.name}
                        </Link>
                      </td>
                      <td>
                        <Status status={run.status} />
                      </td>
                      <td className="figure">{duration(run.started_at, run.ended_at, now)}</td>
                      <td>
                        <Time time={run.created_at} now={now} />
                      </td>
                      {parameters.map((name) => (
                        <td key={name} className="figure">
                          {values.get(name)}
                        </td>
                      ))}
                      {metrics.slice(0, 8).map((name) => (
                        <td key={name} className="figure">
                          {number(run.metrics.find((metric) => metric.name === name)?.last)}
                        </td>
                      ))}
                      <td>
                        <TagList tags={run.tags} />
                      </td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
          {runs.hasNextPage && (
            <button type="button" onClick={() => void runs.fetchNextPage()} disabled={runs.isFetchingNextPage}>
              Show more
            </button>
          )}
          <Charts runs={drawn.map((run) => ({ id: run.id, label: `#${run.number} ${run.name}` }))} names={metrics} />
        </>
      )}
    </>
  );
}

/** The colour of a run's lines, drawn as SVG because the page allows no inline styles. */
function Dot({ colour }: { colour: string | undefined }) {
  return (
    <svg width="10" height="10" aria-hidden="true">
      <circle cx="5" cy="5" r="5" fill={colour ?? "transparent"} />
    </svg>
  );
}

/** Up to six parameters that the runs do not share. */
function differing(runs: api.Run[]): string[] {
  const seen = new Map<string, Set<string>>();
  const counts = new Map<string, number>();
  for (const run of runs) {
    for (const [name, value] of flatten(run.parameters)) {
      seen.set(name, (seen.get(name) ?? new Set()).add(value));
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  const names = [...seen].filter(([name, values]) => values.size > 1 || (counts.get(name) ?? 0) < runs.length);
  return names
    .map(([name]) => name)
    .sort()
    .slice(0, 6);
}
