import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type RefObject, useEffect, useMemo, useRef } from "react";
import * as api from "../api/index.ts";
import { useIsSeen } from "../components/useIsSeen.ts";
import { download } from "../download.ts";
import { useIsDark } from "../theme.ts";
import { band, type Curve, placeOf, points, smooth, withoutOutliers } from "./curves.ts";
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
          <button
            type="button"
            className="bare"
            onClick={() => download.blob(`${name}.svg`, plot.current?.drawing(name))}
            aria-label={`${name} as SVG`}
            disabled={isEmpty}
          >
            SVG
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
  const along = x.startsWith("metric:") ? x.slice("metric:".length) : undefined;
  const ids = useMemo(() => lines.map((line) => line.id), [lines]);
  const max_points = Math.max(100, Math.min(1500, Math.floor(POINTS / Math.max(1, ids.length))));
  const isReady = isSeen && ids.length > 0;
  const ask = (name: string, steps: Steps | undefined) => ({
    queryKey: ["series", ids, name, steps?.from_step, steps?.to_step],
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      api.series({ runs: ids, names: [name], max_points, ...steps }, signal),
    placeholderData: keepPreviousData,
    enabled: isReady,
  });
  // Only steps can be asked for in part. Along another axis, the points of the whole curve tell which steps are in sight.
  const isOther = x !== "step" && zoom !== undefined;
  const coarse = useQuery({ ...ask(name, undefined), enabled: isReady && isOther });
  const coarseOther = useQuery({ ...ask(along ?? "", undefined), enabled: isReady && isOther && along !== undefined });
  const steps = useMemo(() => {
    if (zoom === undefined) return undefined;
    if (x === "step") return around(zoom[0], zoom[1]);
    return stepsWithin(zoom, x, lines, coarse.data?.items ?? [], byStep(along, coarseOther.data?.items));
  }, [zoom, x, lines, coarse.data, along, coarseOther.data]);
  const main = useQuery(ask(name, steps));
  const other = useQuery({ ...ask(along ?? "", steps), enabled: isReady && along !== undefined });
  const series = useMemo(() => main.data?.items ?? [], [main.data]);
  const others = useMemo(() => byStep(along, other.data?.items), [along, other.data]);
  const isPending = ids.length > 0 && (main.isPending || (along !== undefined && other.isPending));
  return { series, others, error: main.error ?? other.error, isPending };
}

interface Steps {
  from_step: number;
  to_step: number;
}

/** One more step on each side lets the lines run to the edges. */
const around = (low: number, high: number): Steps => ({ from_step: Math.floor(low) - 1, to_step: Math.ceil(high) + 1 });

/** The values of the metric along the x axis, by run and step. */
function byStep(along: string | undefined, items: api.RunSeries[] | undefined) {
  if (along === undefined) return undefined;
  const maps = new Map<string, Map<number, number>>();
  for (const one of items ?? []) {
    maps.set(one.run_id, new Map(one.steps.map((step, i) => [step ?? i, Number(one.values[i])])));
  }
  return maps;
}

/** The steps whose points lie within a range of the x axis, as far as thinned curves tell. */
function stepsWithin(
  zoom: readonly [number, number],
  x: Props["settings"]["x"],
  lines: Line[],
  series: api.RunSeries[],
  others: Map<string, Map<number, number>> | undefined,
): Steps | undefined {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const one of series) {
    // Points without a step cannot be asked for by one.
    if (one.steps.includes(null)) return undefined;
    const started = lines.find((line) => line.id === one.run_id)?.started_at;
    // Without it, time is counted from the first point, which a part of the curve lacks.
    if (x === "relative" && started === undefined) return undefined;
    const at = placeOf(one, x, others?.get(one.run_id), started === undefined ? undefined : Date.parse(started) / 1000);
    const isIn = (i: number) => {
      const place = at(i);
      return place !== undefined && place >= zoom[0] && place <= zoom[1];
    };
    for (let i = 0; i < one.steps.length; i++) {
      // The neighbours of what is in sight bound what thinning left out.
      if (!isIn(i) && !isIn(i - 1) && !isIn(i + 1) && !isAcross(at(i), at(i + 1), zoom)) continue;
      low = Math.min(low, one.steps[i] as number);
      high = Math.max(high, one.steps[Math.min(i + 1, one.steps.length - 1)] as number);
    }
  }
  return low <= high ? around(low, high) : undefined;
}

/** Whether the range lies between two points that follow each other. */
const isAcross = (a: number | undefined, b: number | undefined, [low, high]: readonly [number, number]) =>
  a !== undefined && b !== undefined && Math.min(a, b) < low && Math.max(a, b) > high;

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
