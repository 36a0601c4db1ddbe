import { type ReactNode, useMemo, useRef } from "react";
import { useNavigate } from "react-router";
import type { Comparison, MetricComparison, Run } from "../api/index.ts";
import { groupColour, runColour } from "../colours.ts";
import { download } from "../download.ts";
import { field, type Names, parse, title } from "../fields.ts";
import { number } from "../format.ts";
import { joined, separated, useUrl } from "../url.ts";
import { axisOf, share, ticks, valueIn } from "./axis.ts";

/** Most runs that a plot shows. */
const SHOWN = 2000;
const WIDTH = 640;
const HEIGHT = 330;
const LEFT = 70;
const RIGHT = 16;
const TOP = 14;
const BOTTOM = 40;

interface Props {
  runs: Run[];
  names: Names;
  fields: string[];
  /** The runs by group, where they are grouped. */
  comparison: Comparison | undefined;
}

/** Runs against one another: one field over another, many fields side by side, and one metric as bars. */
export default function Plots({ runs: all, names, fields, comparison }: Props) {
  const url = useUrl();
  const runs = useMemo(() => all.slice(0, SHOWN), [all]);
  const known = useMemo(
    () => [
      ...new Set([
        ...fields.filter((id) => id !== "tags"),
        ...names.metrics.map((name) => field("metrics", name)),
        ...names.params.map((name) => field("params", name)),
        "duration_secs",
        "number",
        "created_at",
      ]),
    ],
    [fields, names],
  );
  const metric = names.metrics.find((name) => /loss/i.test(name)) ?? names.metrics[0];
  const y = url.get("py") ?? (metric === undefined ? "duration_secs" : field("metrics", metric));
  const x = url.get("px") ?? (names.differing[0] === undefined ? "number" : field("params", names.differing[0]));
  const chosen = separated(url.get("axes"));
  const axes = chosen.length > 0 ? chosen : [...names.differing.slice(0, 5).map((name) => field("params", name)), y];
  const grouped = comparison?.metrics.find((one) => one.name === parse(y).name && parse(y).family === "metrics");
  return (
    <section aria-label="Plots" className="plots">
      <div className="controls">
        <Choice label="Horizontal" value={x} fields={known} onChange={(px) => url.set({ px })} />
        <Choice label="Vertical" value={y} fields={known} onChange={(py) => url.set({ py })} />
        <label>
          Axes{" "}
          <select value="" onChange={(event) => url.set({ axes: joined([...axes, event.target.value]) })}>
            <option value="">add one</option>
            {known
              .filter((id) => !axes.includes(id))
              .map((id) => (
                <option key={id}>{id}</option>
              ))}
          </select>
        </label>
        {axes.map((id) => (
          <button
            key={id}
            type="button"
            className="tag"
            title="Remove the axis"
            onClick={() => url.set({ axes: joined(axes.filter((one) => one !== id)) })}
          >
            {title(id)} ✕
          </button>
        ))}
        {all.length > runs.length && <span className="quiet">The first {runs.length} runs.</span>}
      </div>
      <div className="charts wide">
        <Scatter runs={runs} x={x} y={y} />
        {grouped === undefined ? <Bars runs={runs} y={y} /> : <GroupBars metric={grouped} />}
      </div>
      <Parallel runs={runs} fields={axes} colourBy={y} />
    </section>
  );
}

function Choice({
  label,
  value,
  fields,
  onChange,
}: {
  label: string;
  value: string;
  fields: string[];
  onChange: (field: string) => void;
}) {
  return (
    <label>
      {label}{" "}
      <select value={value} onChange={(event) => onChange(event.target.value)}>
        {[...new Set([value, ...fields])].map((id) => (
          <option key={id}>{id}</option>
        ))}
      </select>
    </label>
  );
}

/** A picture under a title, to be saved as SVG. */
function Figure({
  name,
  label,
  height = HEIGHT,
  width = WIDTH,
  children,
}: {
  name: string;
  label: string;
  height?: number;
  width?: number;
  children: ReactNode;
}) {
  const svg = useRef<SVGSVGElement>(null);
  return (
    <figure className="chart plot-figure">
      <figcaption>
        <strong title={name}>{name}</strong>
        <span className="tools">
          <button
            type="button"
            className="bare"
            aria-label={`${name} as SVG`}
            onClick={() => svg.current !== null && save(name, svg.current)}
          >
            SVG
          </button>
        </span>
      </figcaption>
      <svg ref={svg} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
        {children}
      </svg>
    </figure>
  );
}

/** The picture with the colours it has here, which a file of its own would not know. */
function save(name: string, shown: SVGSVGElement): void {
  const copy = shown.cloneNode(true) as SVGSVGElement;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const originals = shown.querySelectorAll("*");
  copy.querySelectorAll("*").forEach((element, i) => {
    const style = getComputedStyle(originals[i] as Element);
    for (const part of ["fill", "stroke", "stroke-width", "opacity", "font-size", "font-family", "text-anchor"]) {
      element.setAttribute(part, style.getPropertyValue(part));
    }
  });
  download.blob(`${name}.svg`, new Blob([copy.outerHTML], { type: "image/svg+xml" }));
}

function Scatter({ runs, x, y }: { runs: Run[]; x: string; y: string }) {
  const navigate = useNavigate();
  const [across, up] = useMemo(() => [axisOf(runs, x), axisOf(runs, y)], [runs, x, y]);
  const px = (at: number) => LEFT + at * (WIDTH - LEFT - RIGHT);
  const py = (at: number) => HEIGHT - BOTTOM - at * (HEIGHT - TOP - BOTTOM);
  const points = runs.flatMap((run) => {
    const [a, b] = [share(across, valueIn(run, x)), share(up, valueIn(run, y))];
    return a === undefined || b === undefined ? [] : [{ run, a, b }];
  });
  return (
    <Figure name={`${title(y)} over ${title(x)}`} label={`${title(y)} over ${title(x)} of ${points.length} runs`}>
      {ticks(across).map((tick) => (
        <g key={tick.at}>
          <line className="rule" x1={px(tick.at)} x2={px(tick.at)} y1={TOP} y2={HEIGHT - BOTTOM} />
          <text x={px(tick.at)} y={HEIGHT - BOTTOM + 16} textAnchor="middle">
            {tick.label}
          </text>
        </g>
      ))}
      {ticks(up).map((tick) => (
        <g key={tick.at}>
          <line className="rule" x1={LEFT} x2={WIDTH - RIGHT} y1={py(tick.at)} y2={py(tick.at)} />
          <text x={LEFT - 8} y={py(tick.at) + 4} textAnchor="end">
            {tick.label}
          </text>
        </g>
      ))}
      <text x={WIDTH - RIGHT} y={HEIGHT - 6} textAnchor="end">
        {title(x)}
        {across.isLog && " (log)"}
      </text>
      {points.map(({ run, a, b }) => (
        // biome-ignore lint/a11y/noStaticElementInteractions: the table has the same runs as links
        <circle
          key={run.id}
          cx={px(a)}
          cy={py(b)}
          r="4"
          fill={runColour(run)}
          opacity="0.75"
          onClick={() => navigate(`/runs/${run.id}`)}
        >
          <title>{`#${run.number} ${run.name}\n${title(x)} ${said(valueIn(run, x))}\n${title(y)} ${said(valueIn(run, y))}`}</title>
        </circle>
      ))}
    </Figure>
  );
}

const said = (value: number | string | undefined) => (typeof value === "number" ? number(value) : (value ?? ""));

const BARS = 40;

/** The runs with the least and, where there are too many, not the rest. */
function Bars({ runs, y }: { runs: Run[]; y: string }) {
  const items = useMemo(
    () =>
      runs
        .flatMap((run) => {
          const value = valueIn(run, y);
          return typeof value === "number" && Number.isFinite(value) ? [{ run, value }] : [];
        })
        .sort((a, b) => a.value - b.value)
        .slice(0, BARS),
    [runs, y],
  );
  const values = items.map(({ value }) => value);
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const px = (value: number) => 150 + ((value - low) / (high - low || 1)) * (WIDTH - 220);
  const row = Math.min(26, (HEIGHT - TOP) / Math.max(1, items.length));
  return (
    <Figure name={`Least ${title(y)}`} label={`${title(y)} of ${items.length} runs, from the least`}>
      {items.map(({ run, value }, i) => (
        <g key={run.id}>
          <title>{`#${run.number} ${run.name}: ${number(value)}`}</title>
          <rect
            x={Math.min(px(0), px(value))}
            y={TOP + i * row}
            width={Math.max(1, Math.abs(px(value) - px(0)))}
            height={Math.max(1, row - 3)}
            fill={runColour(run)}
          />
          {row > 11 && (
            <>
              <text x={142} y={TOP + i * row + row / 2 + 2} textAnchor="end">
                {run.name.length > 20 ? `${run.name.slice(0, 19)}…` : run.name}
              </text>
              <text x={Math.max(px(0), px(value)) + 6} y={TOP + i * row + row / 2 + 2}>
                {number(Number(value.toPrecision(4)))}
              </text>
            </>
          )}
        </g>
      ))}
    </Figure>
  );
}

/** The mean of each group, with the interval in which it lies. */
function GroupBars({ metric }: { metric: MetricComparison }) {
  const items = metric.samples.flatMap((sample, i) =>
    sample.mean === null ? [] : [{ ...sample, mean: sample.mean, colour: groupColour(i) }],
  );
  const ends = items.flatMap(({ mean, interval }) => [mean, ...(interval ?? [])]);
  const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  const px = (value: number) => 170 + ((value - low) / (high - low || 1)) * (WIDTH - 200);
  const row = Math.min(40, (HEIGHT - TOP) / Math.max(1, items.length));
  return (
    <Figure
      name={`Mean ${metric.name} by group`}
      label={`Mean ${metric.name} of ${items.length} groups with 95% intervals`}
    >
      {items.map(({ label, n, mean, interval, colour }, i) => {
        const [top, middle] = [TOP + i * row, TOP + (i + 0.5) * row - 2];
        const [from, to] = interval ?? [mean, mean];
        return (
          <g key={label}>
            <title>{`${label}: ${number(mean)}, ${number(from)} to ${number(to)}, ${n} runs`}</title>
            <rect
              x={Math.min(px(0), px(mean))}
              y={top}
              width={Math.max(1, Math.abs(px(mean) - px(0)))}
              height={Math.max(1, row - 6)}
              fill={colour}
            />
            <text x={162} y={middle + 4} textAnchor="end">
              {label.length > 22 ? `${label.slice(0, 21)}…` : label}
            </text>
            {interval !== null && (
              <path
                className="whisker"
                fill="none"
                d={`M${px(from)} ${middle}H${px(to)}M${px(from)} ${middle - 5}v10M${px(to)} ${middle - 5}v10`}
              />
            )}
          </g>
        );
      })}
    </Figure>
  );
}

/** One line a run over many axes, from blue to orange by the last of them. */
function Parallel({ runs, fields, colourBy }: { runs: Run[]; fields: string[]; colourBy: string }) {
  const width = 1300;
  const height = 320;
  const axes = useMemo(() => fields.map((id) => axisOf(runs, id)), [runs, fields]);
  const colours = useMemo(() => axisOf(runs, colourBy), [runs, colourBy]);
  if (axes.length < 2) return null;
  const px = (i: number) => 60 + (i * (width - 140)) / (axes.length - 1);
  const py = (at: number) => height - 30 - at * (height - 66);
  return (
    <Figure
      name="Side by side"
      label={`${runs.length} runs over ${axes.map((axis) => title(axis.field)).join(", ")}`}
      width={width}
      height={height}
    >
      {runs.map((run) => {
        const points = axes.flatMap((axis, i) => {
          const at = share(axis, valueIn(run, axis.field));
          return at === undefined ? [] : [`${px(i)},${py(at)}`];
        });
        const shade = share(colours, valueIn(run, colourBy)) ?? 0.5;
        return (
          <polyline
            key={run.id}
            points={points.join(" ")}
            fill="none"
            stroke={`hsl(${210 - 180 * shade} 75% 50%)`}
            strokeWidth="1.3"
            opacity="0.6"
          >
            <title>{`#${run.number} ${run.name}`}</title>
          </polyline>
        );
      })}
      {axes.map((axis, i) => (
        <g key={axis.field}>
          <line className="axis" x1={px(i)} x2={px(i)} y1={py(0)} y2={py(1)} />
          <text x={px(i)} y={18} textAnchor="middle" className="name">
            {title(axis.field)}
            {axis.isLog && " (log)"}
          </text>
          {ticks(axis).map((tick) => (
            <text key={tick.at} x={px(i) + 6} y={py(tick.at) + 4}>
              {tick.label}
            </text>
          ))}
        </g>
      ))}
    </Figure>
  );
}
