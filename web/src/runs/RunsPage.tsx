import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import { Link, useParams } from "react-router";
import * as api from "../api/index.ts";
import type { Line } from "../charts/Chart.tsx";
import { Charts } from "../charts/Charts.tsx";
import { groupColour, runColour } from "../colours.ts";
import { literal } from "../components/completion.ts";
import { FilterBox } from "../components/FilterBox.tsx";
import { Empty, Failure, Skeleton, SNIPPET, useTitle } from "../components/Parts.tsx";
import { download } from "../download.ts";
import { ExperimentHead } from "../experiments/ExperimentHead.tsx";
import { parametersOf, parse } from "../fields.ts";
import { joined, separated, useUrl } from "../url.ts";
import { type Column, defaultColumns, readColumns, text, writeColumns } from "./columns.tsx";
import { GroupTable } from "./GroupTable.tsx";
import { RunsTable } from "./RunsTable.tsx";
import { ColumnsMenu, GroupMenu, SelectionBar, ViewsMenu } from "./Toolbar.tsx";
import { useNames, useRuns, whereOf } from "./useRuns.ts";

const Plots = lazy(() => import("../plots/Plots.tsx"));

/** Runs that plots are made of, as far as there are so many. */
const PLOTTED = 2000;
/** Runs drawn where the reader did not choose. */
const DRAWN = 10;
/** Most runs of a group that its band is made of. */
const BANDED = 60;
const EVERY_RUN = "number >= 1";
const NONE: ReadonlySet<string> = new Set();

export function ExperimentPage() {
  const { experiment = "" } = useParams();
  const query = useQuery({ queryKey: ["experiment", experiment], queryFn: () => api.experiment(experiment) });
  useTitle(query.data?.name);
  const experiments = useMemo(() => [experiment], [experiment]);
  if (query.error) return <Failure error={query.error} retry={query.refetch} />;
  return (
    <div className="runs-page">
      {query.data === undefined ? <Skeleton rows={1} /> : <ExperimentHead experiment={query.data} />}
      <Runs experiments={experiments} experiment={query.data} />
    </div>
  );
}

/** Runs of several experiments, or of all. */
export function ManyRunsPage() {
  useTitle("Runs");
  const among = useUrl().get("experiments");
  const experiments = useMemo(() => separated(among), [among]);
  return (
    <div className="runs-page">
      <nav className="crumbs">
        <Link to="/">Experiments</Link>
      </nav>
      <h1>{experiments.length === 0 ? "All runs" : `Runs of ${experiments.length} experiments`}</h1>
      <Runs experiments={experiments} experiment={undefined} />
    </div>
  );
}

const key = (id: string) => id.slice(-12);

function Runs({ experiments, experiment }: { experiments: string[]; experiment: api.Experiment | undefined }) {
  const url = useUrl();
  const names = useNames(experiments);
  const where = url.get("where") ?? "";
  const sort = url.get("sort") ?? "";
  const group = useMemo(() => separated(url.get("group")), [url]);
  const view = url.get("view") ?? "both";
  const withArchived = url.get("archived") === "1";
  const columns = useMemo(
    () => (names === undefined ? [] : (readColumns(url.get("cols")) ?? defaultColumns(names))),
    [names, url],
  );
  const metrics = useMemo(
    () => [...new Set(columns.flatMap(({ id }) => (parse(id).family === "metrics" ? [parse(id).name] : [])))].sort(),
    [columns],
  );
  const runs = useRuns({ experiments, where, sort, metrics, withArchived }, names !== undefined);
  const { rows, total, fetchNextPage, isFetchingNextPage, hasNextPage } = runs;
  const loadMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);

  useEffect(() => {
    if (view === "plots" && rows.length < Math.min(total, PLOTTED)) loadMore();
  }, [view, rows.length, total, loadMore]);

  const [selected, setSelected] = useState(NONE);
  const isGrouped = group.length > 0;
  const chosen = url.get("show");
  const drawn = useMemo(() => {
    const wanted = chosen === undefined ? undefined : new Set(separated(chosen));
    return wanted === undefined ? rows.slice(0, DRAWN) : rows.filter((run) => wanted.has(key(run.id)));
  }, [rows, chosen]);
  const shown = useMemo(() => new Set(drawn.map((run) => run.id)), [drawn]);
  const draw = (ids: string[]) => url.set({ show: ids.map(key).join(",") || "none" });
  const toggle = (run: api.Run) =>
    draw(shown.has(run.id) ? drawn.filter((one) => one.id !== run.id).map((one) => one.id) : [...shown, run.id]);

  const groups = useGroups(experiments, where, withArchived, group, metrics, isGrouped);
  const hidden = useMemo(() => new Set(separated(url.get("hide"))), [url]);
  const lines = useMemo((): Line[] => {
    if (!isGrouped) {
      return drawn.map((run) => ({
        id: run.id,
        label: `#${run.number} ${run.name}`,
        colour: runColour(run),
        started_at: run.started_at,
      }));
    }
    return (groups.data?.groups ?? []).flatMap(({ label, runs }, i) =>
      hidden.has(label)
        ? []
        : runs.slice(0, BANDED).map((run) => ({
            id: run.id,
            label: `#${run.number} ${run.name}`,
            colour: groupColour(i),
            group: { label, colour: groupColour(i) },
          })),
    );
  }, [isGrouped, drawn, groups.data, hidden]);

  const setColumns = useCallback(
    (next: Column[] | undefined) => url.set({ cols: next === undefined ? undefined : writeColumns(next) }),
    [url],
  );
  const valuesOf = useCallback((field: string) => knownValues(rows, field), [rows]);
  const refusal = isGrouped ? groups.error : runs.error;
  const problem =
    refusal instanceof api.Refusal && refusal.status === 422 && where !== "" ? refusal.message : undefined;

  if (names === undefined) return <Skeleton />;
  const isEmpty = runs.data !== undefined && total === 0 && where === "";
  const picked = rows.filter((run) => selected.has(run.id));
  const exportCsv = () =>
    download.csv(experiment?.name ?? "runs", [
      ["experiment", "number", "name", "id", ...columns.map(({ id }) => id)],
      ...rows.map((run) => [
        run.experiment_name,
        run.number,
        run.name,
        run.id,
        ...columns.map(({ id }) => text(run, id, Date.now())),
      ]),
    ]);

  if (isEmpty && !withArchived && runs.isSuccess) {
    return (
      <>
        <Empty snippet={SNIPPET.replace("tiny-lm", experiment?.name ?? "tiny-lm")}>
          {experiment?.status === "draft"
            ? "A draft takes no runs: make it active first. Then log one from Python:"
            : "No runs yet. Log one from Python:"}
        </Empty>
        <p className="empty">
          <button type="button" className="bare" onClick={() => url.set({ archived: "1" })}>
            Look among the archived
          </button>
        </p>
      </>
    );
  }
  return (
    <>
      <div className="toolbar">
        <FilterBox
          value={where}
          names={names}
          valuesOf={valuesOf}
          problem={problem}
          onChange={(next) => url.set({ where: next }, true)}
        />
        <ColumnsMenu names={names} columns={columns} onChange={setColumns} />
        <GroupMenu
          names={names}
          group={group}
          onChange={(next) => url.set({ group: joined(next), hide: undefined }, true)}
        />
        {experiment !== undefined && <ViewsMenu experiment={experiment} />}
        <button type="button" onClick={exportCsv} title="The runs that are loaded, as CSV">
          CSV
        </button>
        <Link className="button" to={compareLink(experiments, where, group)}>
          Compare
        </Link>
        <label className="check">
          <input
            type="checkbox"
            checked={withArchived}
            onChange={() => url.set({ archived: withArchived ? undefined : "1" })}
          />{" "}
          archived
        </label>
        <fieldset className="switch">
          <legend className="unseen">Show</legend>
          {["table", "both", "charts", "plots"].map((one) => (
            <label key={one}>
              <input
                type="radio"
                name="view"
                checked={view === one}
                onChange={() => url.set({ view: one === "both" ? undefined : one })}
              />
              <span>{one}</span>
            </label>
          ))}
        </fieldset>
      </div>
      {picked.length > 0 && (
        <SelectionBar
          runs={picked}
          onDraw={() => draw(picked.map((run) => run.id))}
          onClear={() => setSelected(NONE)}
        />
      )}
      <div className={`split view-${view}`}>
        {view === "plots" && rows.length > 0 && (
          <section className="right" tabIndex={0} aria-label="Runs against one another">
            <Suspense fallback={<Skeleton />}>
              <Plots
                runs={rows}
                names={names}
                fields={columns.map(({ id }) => id)}
                comparison={isGrouped ? groups.data : undefined}
              />
            </Suspense>
          </section>
        )}
        {(view === "table" || view === "both") && (
          <div className="left">
            {refusal !== null && problem === undefined && (
              <Failure error={refusal} retry={isGrouped ? groups.refetch : runs.refetch} />
            )}
            <p className="count quiet" aria-live="polite">
              {isGrouped
                ? `${groups.data?.groups.length ?? "…"} groups`
                : `${total.toLocaleString()} runs${shown.size < total ? `, ${shown.size} drawn` : ""}`}
              {runs.isFetching && !runs.isFetchingNextPage && rows.length === 0 ? " …" : ""}
            </p>
            {isGrouped && groups.data !== undefined && (
              <GroupTable
                comparison={groups.data}
                metrics={metrics}
                hidden={hidden}
                onShow={(label) =>
                  url.set({
                    hide: joined(hidden.has(label) ? [...hidden].filter((one) => one !== label) : [...hidden, label]),
                  })
                }
              />
            )}
            {isGrouped && groups.isPending && <Skeleton />}
            {!isGrouped && runs.data === undefined && runs.error === null && <Skeleton />}
            {!isGrouped && runs.data !== undefined && total === 0 && problem === undefined && (
              <p className="empty">
                No run matches the filter.{" "}
                <button type="button" className="bare" onClick={() => url.set({ where: undefined })}>
                  Clear it
                </button>
              </p>
            )}
            {!isGrouped && total > 0 && (
              <RunsTable
                rows={rows}
                total={total}
                columns={columns}
                pinned={separated(url.get("pin"))}
                sort={sort}
                shown={shown}
                selected={selected}
                hasExperiments={experiment === undefined}
                loadMore={loadMore}
                onColumns={setColumns}
                onPin={(next) => url.set({ pin: joined(next), cols: writeColumns(columns) })}
                onSort={(next) => url.set({ sort: next }, true)}
                onGroup={(id) => url.set({ group: joined([...group, id]) }, true)}
                onShow={toggle}
                onSelect={setSelected}
              />
            )}
          </div>
        )}
        {(view === "charts" || view === "both") && (
          <div className="right" tabIndex={0} role="region" aria-label="Charts of the runs drawn">
            {lines.length === 0 && runs.isSuccess && (
              <p className="quiet empty">No run is drawn: click the circle before one.</p>
            )}
            {lines.length > 0 && <Charts lines={lines} names={names.metrics} />}
          </div>
        )}
      </div>
    </>
  );
}

function useGroups(
  experiments: string[],
  where: string,
  withArchived: boolean,
  group: string[],
  metrics: string[],
  isGrouped: boolean,
) {
  // Where no experiment is named, a filter must be, if only one that holds of every run.
  const query = whereOf({ where, withArchived }) || EVERY_RUN;
  return useQuery({
    queryKey: ["comparison", experiments, query, group, metrics],
    queryFn: ({ signal }) =>
      api.compare({ experiments, query, group_by: group, metrics: metrics.slice(0, 20) }, signal),
    enabled: isGrouped,
    placeholderData: keepPreviousData,
  });
}

function compareLink(experiments: string[], where: string, group: string[]): string {
  const all = experiments.length === 0 && where === "" ? EVERY_RUN : where;
  const fields = { experiments: experiments.join(","), where: all, by: joined(group) };
  return `/compare?${new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== ""))}`;
}

/** Values that a parameter or a tag has among the runs that are loaded. */
function knownValues(rows: api.Run[], asked: string): string[] {
  const { family, name } = parse(asked);
  const values = rows.slice(0, 2000).flatMap((run) => {
    const value =
      family === "params"
        ? parametersOf(run).get(name)
        : family === "tags"
          ? run.tags[name]
          : asked === "name"
            ? run.name
            : undefined;
    return value === undefined ? [] : [value];
  });
  return [...new Set(values)].slice(0, 50).map(literal);
}
