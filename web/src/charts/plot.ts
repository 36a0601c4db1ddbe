/** A drawn chart: uPlot with what it lacks, a list of values at the cursor and marks for what is not finite. */

import uPlot from "uplot";
import { number, span } from "../format.ts";
import type { Curve, XAxis } from "./curves.ts";
import { svgOf } from "./svg.ts";

export interface Look {
  x: XAxis;
  isLog: boolean;
  /** Where the x axis begins and ends, if not where the curves do. */
  zoom: readonly [number, number] | undefined;
  /** Where the y axis does. */
  clip: readonly [number, number] | undefined;
  onZoom: (range: readonly [number, number] | undefined) => void;
}

/** Most curves that the list at the cursor names. */
const LISTED = 12;

export class Plot {
  private readonly plot: uPlot;
  private readonly tip = document.createElement("div");
  private hovered = false;

  constructor(
    private readonly host: HTMLElement,
    private curves: Curve[],
    private look: Look,
  ) {
    const style = getComputedStyle(host);
    const axis: uPlot.Axis = {
      stroke: style.getPropertyValue("--quiet"),
      font: "11px system-ui, sans-serif",
      grid: { stroke: style.getPropertyValue("--line"), width: 1 },
      ticks: { show: false },
    };
    const { x, isLog } = look;
    const ends = curves.flatMap((curve, i) => (curve.isEdge === true ? [i + 1] : []));
    const bands: uPlot.Band[] = [];
    for (let i = 0; i < ends.length; i += 2) {
      const colour = (curves[(ends[i] as number) - 1] as Curve).colour;
      bands.push({ series: [ends[i + 1] as number, ends[i] as number], fill: faded(colour, 0.18) });
    }
    this.tip.className = "tip";
    this.tip.hidden = true;
    this.plot = new uPlot(
      {
        width: host.clientWidth,
        height: host.clientHeight,
        padding: [10, 10, 0, 0],
        legend: { show: false },
        scales: {
          x: { time: x === "time", range: (_, low, high) => [...(this.look.zoom ?? wide(low, high))] },
          y: {
            distr: isLog ? 3 : 1,
            ...(isLog
              ? {}
              : { range: (_, low, high) => [...(this.look.clip ?? roomy(low, high))] as [number, number] }),
          },
        },
        axes: [
          { ...axis, size: 28, ...(x === "relative" ? { values: (_, ticks) => ticks.map(span) } : {}) },
          { ...axis, size: 58, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : number(tick))) },
        ],
        bands,
        series: [
          {},
          ...curves.map(
            (curve): uPlot.Series => ({
              stroke: curve.isFaint === true ? faded(curve.colour, 0.25) : curve.colour,
              ...(curve.dash === undefined ? {} : { dash: curve.dash }),
              width: curve.isEdge === true ? 0 : curve.isFaint === true ? 1 : 1.6,
              points: { show: curve.isEdge !== true && curve.xs.length < 40, size: 5, fill: curve.colour },
            }),
          ),
        ],
        cursor: {
          y: false,
          points: { show: false },
          drag: { x: true, y: false, setScale: false, dist: 4 },
          sync: { key: `charts ${x}`, scales: ["x", null] },
          bind: { dblclick: () => () => null },
        },
        hooks: {
          setCursor: [() => this.list()],
          setSelect: [(u) => this.select(u)],
          draw: [(u) => this.mark(u)],
        },
      },
      aligned(curves, isLog),
      host,
    );
    this.plot.over.append(this.tip);
    this.plot.over.addEventListener("mouseenter", () => {
      this.hovered = true;
    });
    this.plot.over.addEventListener("mouseleave", () => {
      this.hovered = false;
      this.tip.hidden = true;
    });
    this.plot.over.addEventListener("dblclick", () => this.look.onZoom(undefined));
  }

  /** Draws other points of the same curves. */
  update(curves: Curve[], look: Look): void {
    this.curves = curves;
    this.look = look;
    this.plot.setData(aligned(curves, look.isLog));
  }

  resize(): void {
    this.plot.setSize({ width: this.host.clientWidth, height: this.host.clientHeight });
  }

  destroy(): void {
    this.plot.destroy();
  }

  /** The picture on paper of that colour, under a title. */
  picture(title: string): Promise<Blob | null> {
    const { canvas } = this.plot.ctx;
    const style = getComputedStyle(this.host);
    const ratio = devicePixelRatio;
    const sheet = document.createElement("canvas");
    sheet.width = canvas.width;
    sheet.height = canvas.height + 28 * ratio;
    const ctx = sheet.getContext("2d");
    if (ctx === null) return Promise.resolve(null);
    ctx.fillStyle = style.getPropertyValue("--paper");
    ctx.fillRect(0, 0, sheet.width, sheet.height);
    ctx.drawImage(canvas, 0, 28 * ratio);
    ctx.fillStyle = style.getPropertyValue("--ink");
    ctx.font = `600 ${14 * ratio}px system-ui, sans-serif`;
    ctx.fillText(title, 10 * ratio, 20 * ratio);
    return new Promise((resolve) => sheet.toBlob(resolve));
  }

  /** What is drawn, as lines rather than pixels, under a title. */
  drawing(title: string): Blob {
    const style = getComputedStyle(this.host);
    const ends = (scale: string) => [this.plot.scales[scale]?.min ?? 0, this.plot.scales[scale]?.max ?? 1] as const;
    const colours = {
      paper: style.getPropertyValue("--paper").trim(),
      ink: style.getPropertyValue("--ink").trim(),
      line: style.getPropertyValue("--line").trim(),
    };
    const frame = { title, x: this.look.x, isLog: this.look.isLog, across: ends("x"), up: ends("y"), ...colours };
    return new Blob([svgOf(this.curves, frame)], { type: "image/svg+xml" });
  }

  private select(u: uPlot): void {
    const { left, width } = u.select;
    if (width < 4) return;
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.look.onZoom([u.posToVal(left, "x"), u.posToVal(left + width, "x")]);
  }

  private list(): void {
    const u = this.plot;
    const { left, top } = u.cursor;
    if (!this.hovered || left === undefined || top === undefined || left < 0) {
      this.tip.hidden = true;
      return;
    }
    const x = u.posToVal(left, "x");
    const y = u.posToVal(top, "y");
    const rows = this.curves
      .filter((curve) => curve.isEdge !== true && curve.isFaint !== true)
      .flatMap((curve) => {
        const i = nearest(curve.xs, x);
        return i === undefined ? [] : [{ curve, x: curve.xs[i] as number, y: curve.ys[i] as number }];
      });
    if (rows.length === 0) {
      this.tip.hidden = true;
      return;
    }
    const near = rows.reduce((a, b) => (Math.abs(b.y - y) < Math.abs(a.y - y) ? b : a));
    const shown = rows
      .toSorted((a, b) => Math.abs(a.y - y) - Math.abs(b.y - y))
      .slice(0, LISTED)
      .sort((a, b) => b.y - a.y);
    const head = document.createElement("strong");
    head.textContent = this.place(near.x);
    this.tip.replaceChildren(
      head,
      ...shown.map((row) => {
        const line = document.createElement("div");
        const dot = document.createElement("i");
        const label = document.createElement("span");
        const value = document.createElement("b");
        dot.style.background = row.curve.colour;
        label.textContent = row.curve.label;
        value.textContent = number(Number.isFinite(row.y) ? row.y : (String(row.y) as "NaN"));
        line.className = row === near && rows.length > 1 ? "near" : "";
        line.append(dot, label, value);
        return line;
      }),
    );
    this.tip.hidden = false;
    const isRight = left > u.over.clientWidth / 2;
    this.tip.style.left = isRight ? "" : `${left + 14}px`;
    this.tip.style.right = isRight ? `${u.over.clientWidth - left + 14}px` : "";
    this.tip.style.top = `${Math.max(0, Math.min(top - 20, u.over.clientHeight - this.tip.offsetHeight))}px`;
  }

  private place(x: number): string {
    if (this.look.x === "time") return new Date(x * 1000).toLocaleString();
    if (this.look.x === "relative") return span(x);
    return this.look.x === "step" ? `step ${number(x)}` : `${this.look.x.slice("metric:".length)} ${number(x)}`;
  }

  /** Small triangles at the edge for values without a place: up for ∞, down for −∞ and NaN. */
  private mark(u: uPlot): void {
    const { ctx, bbox } = u;
    const size = 4 * devicePixelRatio;
    ctx.save();
    for (const curve of this.curves) {
      if (curve.isEdge === true || curve.isFaint === true) continue;
      ctx.fillStyle = curve.colour;
      for (let i = 0; i < curve.ys.length; i++) {
        const y = curve.ys[i] as number;
        if (Number.isFinite(y)) continue;
        const x = u.valToPos(curve.xs[i] as number, "x", true);
        if (x < bbox.left || x > bbox.left + bbox.width) continue;
        const isUp = y === Number.POSITIVE_INFINITY;
        const edge = isUp ? bbox.top : bbox.top + bbox.height;
        const inward = isUp ? size * 1.6 : -size * 1.6;
        ctx.beginPath();
        ctx.moveTo(x, edge);
        ctx.lineTo(x - size, edge + inward);
        ctx.lineTo(x + size, edge + inward);
        ctx.fill();
      }
    }
    ctx.restore();
  }
}

/** The curves over one x axis: null where a line has a gap, undefined where it merely has no point. */
function aligned(curves: Curve[], isLog: boolean): uPlot.AlignedData {
  const places = new Map<number, number>();
  const xs = [...new Set(curves.flatMap((curve) => curve.xs))].sort((a, b) => a - b);
  xs.forEach((x, i) => {
    places.set(x, i);
  });
  const columns = curves.map((curve) => {
    const ys = new Array<number | null | undefined>(xs.length).fill(undefined);
    curve.xs.forEach((x, i) => {
      const y = curve.ys[i] as number;
      ys[places.get(x) as number] = Number.isFinite(y) && !(isLog && y <= 0) ? y : null;
    });
    return ys;
  });
  return [xs, ...columns] as uPlot.AlignedData;
}

function nearest(xs: number[], x: number): number | undefined {
  if (xs.length === 0) return undefined;
  let [low, high] = [0, xs.length - 1];
  while (low < high) {
    const mid = (low + high) >> 1;
    if ((xs[mid] as number) < x) low = mid + 1;
    else high = mid;
  }
  return low > 0 && x - (xs[low - 1] as number) < (xs[low] as number) - x ? low - 1 : low;
}

function wide(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  return low === high ? [low - 1, high + 1] : [low, high];
}

function roomy(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const margin = low === high ? Math.abs(low) * 0.1 || 1 : (high - low) * 0.06;
  return [low - margin, high + margin];
}

/** A colour, `#rrggbb`, that lets through what is behind it. */
function faded(colour: string, opacity: number): string {
  return (
    colour +
    Math.round(opacity * 255)
      .toString(16)
      .padStart(2, "0")
  );
}
