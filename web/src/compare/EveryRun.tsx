import { useQuery } from "@tanstack/react-query";
import { type CSSProperties, useMemo } from "react";
import * as api from "../api/index.ts";
import { Failure } from "../components/Parts.tsx";
import { field, namesOf, quoted } from "../fields.ts";
import { valueIn } from "../plots/axis.ts";
import { readColumns, writeColumns } from "../runs/columns.tsx";
import { RunsTable } from "../runs/RunsTable.tsx";
import { joined, separated, useUrl } from "../url.ts";

/** Runs asked for at a time: a filter may not be longer. */
const ASKED = 200;
const NONE: ReadonlySet<string> = new Set();
const nothing = () => undefined;

/** The parameters of each run that is compared, nested ones too: those that differ, or all. */
export function EveryRun({ groups, onlyDiffering }: { groups: api.Comparison["groups"]; onlyDiffering: boolean }) {
  const url = useUrl();
  const ids = useMemo(() => groups.flatMap((group) => group.runs.map((run) => run.id)), [groups]);
  const query = useQuery({ queryKey: ["every run", ids], queryFn: ({ signal }) => runsOf(ids, signal) });
  const runs = query.data;
  const names = useMemo(() => namesOf(runs ?? []), [runs]);
  const sort = url.get("sort") ?? "";
  const rows = useMemo(() => sorted(runs ?? [], sort), [runs, sort]);
  const params = onlyDiffering ? names.differing : names.params;
  const widths = url.get("cols");
  const columns = useMemo(() => {
    const known = new Map((readColumns(widths) ?? []).map((column) => [column.id, column.width]));
    return params.map((name) => ({ id: field("params", name), width: known.get(field("params", name)) }));
  }, [params, widths]);
  if (query.error !== null) return <Failure error={query.error} retry={query.refetch} />;
  if (names.params.length === 0) return null;
  return (
    <section aria-label="Every run" className="every-run" style={rowsShown(rows.length)}>
      <h2>
        Every run{" "}
        <span className="quiet">
          {onlyDiffering
            ? `${params.length} of ${names.params.length} parameters differ`
            : `all ${params.length} parameters`}
        </span>
      </h2>
      <RunsTable
        rows={rows}
        total={rows.length}
        columns={columns}
        pinned={separated(url.get("pin"))}
        sort={sort}
        shown={NONE}
        selected={NONE}
        hasExperiments={new Set(rows.map((run) => run.experiment_id)).size > 1}
        loadMore={nothing}
        onColumns={(next) => url.set({ cols: writeColumns(next) })}
        onPin={(next) => url.set({ pin: joined(next) })}
        onSort={(next) => url.set({ sort: next })}
        onGroup={(id) => url.set({ by: joined([id]) })}
      />
    </section>
  );
}

/** Room for all rows of a short list, or for as many as are seen at a time. */
const rowsShown = (rows: number) => ({ "--rows": Math.min(rows, 13) }) as CSSProperties;

async function runsOf(ids: string[], signal: AbortSignal): Promise<api.Run[]> {
  const found = new Map<string, api.Run>();
  for (let from = 0; from < ids.length; from += ASKED) {
    const some = ids.slice(from, from + ASKED);
    const query = `id in (${some.map(quoted).join(", ")})`;
    const { items } = await api.searchRuns({ experiments: [], query, limit: some.length, metrics: [] }, signal);
    for (const run of items) found.set(run.id, run);
  }
  return ids.flatMap((id) => found.get(id) ?? []);
}

function sorted(runs: api.Run[], sort: string): api.Run[] {
  const [, id, direction] = /^(.*) (asc|desc)$/s.exec(sort) ?? [];
  if (id === undefined) return runs;
  const sign = direction === "asc" ? 1 : -1;
  return runs.toSorted((one, other) => {
    const [a, b] = [valueIn(one, id), valueIn(other, id)];
    // What has no value stands last either way.
    if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
    return sign * (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
  });
}
