import { useQuery } from "@tanstack/react-query";
import * as api from "../api.ts";
import { Chart, type Line } from "./Chart.tsx";
import { Failure, Skeleton } from "./Parts.tsx";

/** Told apart also by people who see few colours (Okabe and Ito). */
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a7fd1", "#b8a800"];

/** Most charts drawn at once; the names of the rest are said. */
const MAX_CHARTS = 60;

export function colour(index: number): string {
  return COLOURS[index % COLOURS.length] as string;
}

/** A chart for each metric, with a line for each run. */
export function Charts({ runs, names }: { runs: { id: string; label: string }[]; names: string[] }) {
  const shown = names.slice(0, MAX_CHARTS);
  const ids = runs.map((run) => run.id);
  const query = useQuery({
    queryKey: ["runs", "series", ids, shown],
    queryFn: () => api.series(ids, shown),
    enabled: ids.length > 0 && shown.length > 0,
    placeholderData: (previous) => previous,
  });
  if (shown.length === 0) return <p className="quiet">No metrics yet.</p>;
  if (query.error) return <Failure error={query.error} retry={query.refetch} />;
  if (query.data === undefined) return <Skeleton />;

  const items = query.data.items;
  const charts = shown.map((name): [string, Line[]] => [
    name,
    items
      .filter((series) => series.name === name)
      .map((series) => {
        const index = runs.findIndex((run) => run.id === series.run_id);
        const run = runs[index];
        const context = api.seriesLabel({ ...series, name: "" });
        return { label: `${run?.label ?? ""}${context}`, colour: colour(index), series };
      }),
  ]);
  return (
    <>
      <div className="charts">
        {charts
          .filter(([, lines]) => lines.length > 0)
          .map(([name, lines]) => (
            <Chart key={name} title={name} lines={lines} />
          ))}
      </div>
      {names.length > shown.length && (
        <p className="quiet">{names.length - shown.length} more metrics are not drawn.</p>
      )}
    </>
  );
}
