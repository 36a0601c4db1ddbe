import { useEffect, useRef } from "react";
import uPlot from "uplot";
import type { RunSeries } from "../api.ts";
import { number, toNumber } from "../format.ts";

/** One line of a chart. */
export interface Line {
  label: string;
  colour: string;
  series: RunSeries;
}

const HEIGHT = 240;

/** Lines over steps, or over the order of the points where they have no steps. */
export function Chart({ title, lines }: { title: string; lines: Line[] }) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shape = lines.map((line) => `${line.label}\n${line.colour}`).join("\n\n");

  // biome-ignore lint/correctness/useExhaustiveDependencies: new points go into the plot there is, below; only other lines need a new one
  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const style = getComputedStyle(element);
    const axis = {
      stroke: style.getPropertyValue("--quiet"),
      grid: { stroke: style.getPropertyValue("--line"), width: 1 },
      ticks: { show: false },
    };
    const options: uPlot.Options = {
      width: element.clientWidth,
      height: HEIGHT,
      scales: { x: { time: false } },
      axes: [axis, { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => number(tick)) }],
      series: [
        { label: "step" },
        ...lines.map((line) => ({
          label: line.label,
          stroke: line.colour,
          width: 1.5,
          spanGaps: true,
          points: { show: line.series.values.length < 40, size: 5 },
          value: (_: uPlot, value: number | null) => number(value),
        })),
      ],
      cursor: { y: false, drag: { x: true, y: false } },
    };
    const made = new uPlot(options, table(lines), element);
    plot.current = made;
    const resize = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => {
    const made = plot.current;
    if (made === null) return;
    const { min, max } = made.scales.x ?? {};
    const xs = made.data[0];
    // A plot that was just made has no scale yet.
    const zoomed = typeof min === "number" && typeof max === "number" && (min !== xs[0] || max !== xs[xs.length - 1]);
    made.setData(table(lines), !zoomed);
    if (zoomed) made.setScale("x", { min, max });
  }, [lines]);

  const hidden = lines.reduce((sum, line) => sum + line.series.values.filter((v) => typeof v === "string").length, 0);
  const sampled = lines.some((line) => line.series.is_sampled);
  return (
    <figure className="chart">
      <figcaption>
        <strong>{title}</strong>
        {hidden > 0 && <span className="note">{hidden} NaN or infinite points are not drawn</span>}
        {sampled && <span className="note">thinned; extremes are kept</span>}
      </figcaption>
      <div ref={host} data-chart={title} />
    </figure>
  );
}

/** The lines on one x axis, as uPlot wants them: where a line has no point it has null. */
function table(lines: Line[]): uPlot.AlignedData {
  const maps = lines.map(({ series }) => {
    const points = new Map<number, number | null>();
    series.values.forEach((value, i) => {
      const y = toNumber(value);
      points.set(series.steps[i] ?? i, Number.isFinite(y) ? y : null);
    });
    return points;
  });
  const xs = [...new Set(maps.flatMap((points) => [...points.keys()]))].sort((a, b) => a - b);
  return [xs, ...maps.map((points) => xs.map((x) => points.get(x)))] as uPlot.AlignedData;
}
