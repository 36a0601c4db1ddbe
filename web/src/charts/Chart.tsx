import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type RefObject, useEffect, useMemo, useRef } from "react";
import * as api from "../api/index.ts";
import { useIsSeen } from "../components/useIsSeen.ts";
import { download } from "../download.ts";
import { useIsDark } from "../theme.ts";
import { band, type Curve, points, smooth, withoutOutliers } from "./curves.ts";
import { Plot } from "./plot.ts";
import type { useSettings } from "./settings.ts";

/** A run of a chart. */
export interface Line {
  id: string;
  label: string;
  colour: string;
  started_at?: string | undefined;
  /** The group it is one of, where runs are drawn by group. */
  group?: { label: string; colour: string };
}

/** Most points of a chart, over all its runs. */
const POINTS = 24_000;

interface Props {
  name: string;
  lines: Line[];
  settings: ReturnType<typeof useSettings>;
  isLarge?: boolean;
  onEnlarge?: () => void;
}

/** A metric of some runs. It reads its points and draws them while it is in sight. */
export function Chart({ name, lines, settings, isLarge = false, onEnlarge }: Props) {
  const figure = useRef<HTMLElement>(null);
  const isSeen = useIsSeen(figure);
  const { series, others, error, isPending } = useSeries(name, lines, settings, isSeen);
  const curves = useMemo(() => curvesOf(lines, series, others, settings), [lines, series, others, settings]);
  const plot = useRef<Plot>(null);
  const isEmpty = curves.every((curve) => curve.xs.length === 0);

  const odd = series.reduce((sum, one) => sum + one.values.filter((value) => typeof value === "string").length, 0);
  const thinned = series.some((one) => one.is_sampled);
  const csv = () => {
    const labels = new Map(lines.map((line) => [line.id, line.label]));
    const rows = series.flatMap((one) =>
      one.values.map((value, i) => [
        labels.get(one.run_id) ?? one.run_id,
        api.seriesLabel(one),
        one.steps[i] ?? "",
        new Date((one.times_micros[i] as number) / 1000).toISOString(),
        value,
      ]),
    );
    download.csv(name, [["run", "metric", "step", "time", "value"], ...rows]);
  };
  return (
    <figure className={isLarge ? "chart large" : "chart"} ref={figure} aria-label={`${name} of ${lines.length} runs`}>
      <figcaption>
        <strong title={name}>{name}</strong>
        {odd > 0 && <span className="note">▾ {odd} not finite</span>}
        {thinned && (
          <span
            className="note"
            title="There are more points than can be shown. The least and greatest are kept; zoom in for the rest."
          >
            thinned
          </span>
        )}
        <span className="tools">
          <button type="button" className="bare" onClick={csv} aria-label={`${name} as CSV`} disabled={isEmpty}>
            CSV
          </button>
          <button
            type="button"
            className="bare"
            onClick={async () => download.blob(`${name}.png`, await plot.current?.picture(name))}
            aria-label={`${name} as PNG`}
            disabled={isEmpty}
          >
            PNG
          </button>
          {onEnlarge !== undefined && (
            <button type="button" className="bare" onClick={onEnlarge} aria-label={`Enlarge ${name}`}>
              ⤢
            </button>
          )}
        </span>
      </figcaption>
      <div className="plot" data-chart={name} data-empty={isEmpty}>
        {isSeen && !isEmpty && <Canvas plot={plot} curves={curves} settings={settings} />}
        {isSeen && isPending && <div className="waiting" />}
        {error !== null && <p className="quiet">{error.message}</p>}
        {isSeen && isEmpty && !isPending && error === null && <p className="quiet">No points here.</p>}
      </div>
    </figure>
  );
}

function Canvas({
  plot,
  curves,
  settings,
}: {
  plot: RefObject<Plot | null>;
  curves: Curve[];
  settings: Props["settings"];
}) {
  const host = useRef<HTMLDivElement>(null);
  const isDark = useIsDark();
  const { x, isLog, isClipped, zoom, url } = settings;
  const clip = useMemo(() => (isClipped ? withoutOutliers(curves) : undefined), [curves, isClipped]);
  const look = useMemo(
    () => ({
      x,
      isLog,
      zoom,
      clip,
      onZoom: (range: readonly [number, number] | undefined) =>
        url.set({ zoom: range?.map((end) => Number(end.toPrecision(10))).join(":") }),
    }),
    [x, isLog, zoom, clip, url],
  );
  const shape = JSON.stringify([x, isLog, isDark, curves.map((curve) => [curve.label, curve.colour, curve.isFaint])]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: new points go into the plot there is, below; only another shape needs a new one
  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const made = new Plot(element, curves, look);
    plot.current = made;
    const resize = new ResizeObserver(() => made.resize());
    resize.observe(element);
    return () => {
      resize.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => plot.current?.update(curves, look), [plot, curves, look]);
  return <div ref={host} className="canvas" />;
}

/** The points of the metric, and of the metric along the x axis where there is one. */
function useSeries(name: string, lines: Line[], { x, zoom }: Props["settings"], isSeen: boolean) {
  const ids = useMemo(() => lines.map((line) => line.id), [lines]);
  const max_points = Math.max(100, Math.min(1500, Math.floor(POINTS / Math.max(1, ids.length))));
  // Only steps can be asked for in part. One more on each side lets the lines run to the edges.
  const from_step = x === "step" && zoom !== undefined ? Math.floor(zoom[0]) - 1 : undefined;
  const to_step = x === "step" && zoom !== undefined ? Math.ceil(zoom[1]) + 1 : undefined;
  const ask = (name: string) => ({
    queryKey: ["series", ids, name, from_step, to_step],
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      api.series({ runs: ids, names: [name], max_points, from_step, to_step }, signal),
    placeholderData: keepPreviousData,
    enabled: isSeen && ids.length > 0,
  });
  const main = useQuery(ask(name));
  const along = x.startsWith("metric:") ? x.slice("metric:".length) : undefined;
  const other = useQuery({ ...ask(along ?? ""), enabled: isSeen && ids.length > 0 && along !== undefined });
  const series = useMemo(() => main.data?.items ?? [], [main.data]);
  const others = useMemo(() => {
    if (along === undefined) return undefined;
    const maps = new Map<string, Map<number, number>>();
    for (const one of other.data?.items ?? []) {
      maps.set(one.run_id, new Map(one.steps.map((step, i) => [step ?? i, Number(one.values[i])])));
    }
    return maps;
  }, [along, other.data]);
  const isPending = ids.length > 0 && (main.isPending || (along !== undefined && other.isPending));
  return { series, others, error: main.error ?? other.error, isPending };
}

function curvesOf(
  lines: Line[],
  series: api.RunSeries[],
  others: Map<string, Map<number, number>> | undefined,
  { x, weight, kernel, spread }: Props["settings"],
): Curve[] {
  const byRun = new Map(lines.map((line) => [line.id, line]));
  const contexts = [...new Set(series.map((one) => api.contextLabel(one.context)))].sort();
  const raw = series.flatMap((one) => {
    const line = byRun.get(one.run_id);
    if (line === undefined) return [];
    const start = line.started_at === undefined ? undefined : Date.parse(line.started_at) / 1000;
    const { xs, ys } = points(one, x, others?.get(one.run_id) ?? (others && new Map()), start);
    const context = api.contextLabel(one.context);
    const place = contexts.indexOf(context);
    const dash = place === 0 ? {} : { dash: [2 + 4 * place, 4] };
    return [{ line, label: line.label + context, colour: line.colour, xs, ys, ...dash }];
  });
  const groups = new Map<string, typeof raw>();
  for (const one of raw) {
    const label = one.line.group?.label;
    if (label !== undefined) groups.set(label, [...(groups.get(label) ?? []), one]);
  }
  if (groups.size > 0) {
    return [...groups].flatMap(([label, members]) => {
      const colour = members[0]?.line.group?.colour ?? "#000000";
      const smoothed = members.map(({ xs, ys }) => ({ xs, ys: smooth(ys, weight, kernel) }));
      const { xs, mid, low, high } = band(smoothed, spread);
      return [
        { label, colour, xs, ys: low, isEdge: true },
        { label, colour, xs, ys: high, isEdge: true },
        { label: `${label} (${members.length})`, colour, xs, ys: mid },
      ];
    });
  }
  const curves = raw.map(({ line, ...curve }): Curve => curve);
  if (weight === 0) return curves;
  return curves.flatMap((curve) => [
    { ...curve, isFaint: true },
    { ...curve, ys: smooth(curve.ys, weight, kernel) },
  ]);
}
