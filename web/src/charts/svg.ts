/** A chart as SVG, drawn from its curves rather than its pixels. */

import { number, span } from "../format.ts";
import type { Curve, XAxis } from "./curves.ts";

export interface Frame {
  title: string;
  x: XAxis;
  isLog: boolean;
  /** Ends of the axes. */
  across: readonly [number, number];
  up: readonly [number, number];
  paper: string;
  ink: string;
  line: string;
}

const [WIDTH, HEIGHT] = [720, 420];
const [LEFT, RIGHT, TOP, BOTTOM] = [70, 16, 40, 44];
const LEGEND_ROW = 18;
/** Most curves that the legend names. */
const LISTED = 30;

export function svgOf(curves: Curve[], frame: Frame): string {
  const { across, up, isLog } = frame;
  const scale = (value: number) => (isLog ? Math.log10(value) : value);
  const [low, high] = [scale(up[0]), scale(up[1])];
  const x = (value: number) => LEFT + ((value - across[0]) / (across[1] - across[0] || 1)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number) => HEIGHT - BOTTOM - ((scale(value) - low) / (high - low || 1)) * (HEIGHT - TOP - BOTTOM);
  const named = curves.filter((curve) => curve.isEdge !== true && curve.isFaint !== true);
  const legend = named.slice(0, LISTED).map((curve, i) => {
    const at = HEIGHT + i * LEGEND_ROW;
    return `<path d="M${LEFT} ${at}h22" stroke="${curve.colour}" stroke-width="2"${dash(curve)}/>${label(curve.label, LEFT + 30, at + 4, frame.ink)}`;
  });
  const height = HEIGHT + Math.min(named.length, LISTED) * LEGEND_ROW;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="${frame.paper}"/>`,
    `<clipPath id="in"><rect x="${LEFT}" y="${TOP}" width="${WIDTH - LEFT - RIGHT}" height="${HEIGHT - TOP - BOTTOM}"/></clipPath>`,
    label(frame.title, LEFT, 24, frame.ink, 'font-weight="600" font-size="15"'),
    ...places(across[0], across[1]).map(
      (at) =>
        `<path d="M${fine(x(at))} ${TOP}V${HEIGHT - BOTTOM}" stroke="${frame.line}"/>` +
        label(atX(frame, at), x(at), HEIGHT - BOTTOM + 18, frame.ink, 'text-anchor="middle"'),
    ),
    ...(isLog ? powers(up[0], up[1]) : places(up[0], up[1])).map(
      (at) =>
        `<path d="M${LEFT} ${fine(y(at))}H${WIDTH - RIGHT}" stroke="${frame.line}"/>` +
        label(number(at), LEFT - 8, y(at) + 4, frame.ink, 'text-anchor="end"'),
    ),
    `<g clip-path="url(#in)" fill="none" stroke-linejoin="round">`,
    ...bandsOf(curves, x, y),
    ...curves.filter((curve) => curve.isEdge !== true).map((curve) => lineOf(curve, x, y, isLog)),
    "</g>",
    ...legend,
    "</svg>",
  ].join("\n");
}

type Place = (value: number) => number;

const fine = (value: number) => String(Number(value.toFixed(2)));
const dash = (curve: Curve) => (curve.dash === undefined ? "" : ` stroke-dasharray="${curve.dash.join(" ")}"`);

function label(text: string, x: number, y: number, ink: string, more = ""): string {
  const safe = text.replaceAll(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  return `<text x="${fine(x)}" y="${fine(y)}" fill="${ink}" ${more}>${safe}</text>`;
}

function lineOf(curve: Curve, x: Place, y: Place, isLog: boolean): string {
  let path = "";
  let isDown = false;
  curve.xs.forEach((at, i) => {
    const value = curve.ys[i] as number;
    if (!Number.isFinite(value) || (isLog && value <= 0)) {
      isDown = false;
      return;
    }
    path += `${isDown ? "L" : "M"}${fine(x(at))} ${fine(y(value))}`;
    isDown = true;
  });
  const faint = curve.isFaint === true ? ' stroke-opacity="0.25"' : "";
  return `<path d="${path}" stroke="${curve.colour}" stroke-width="${faint === "" ? 1.6 : 1}"${faint}${dash(curve)}/>`;
}

/** The bands between two edges that follow each other. */
function bandsOf(curves: Curve[], x: Place, y: Place): string[] {
  const edges = curves.filter((curve) => curve.isEdge === true);
  return edges.flatMap((low, i) => {
    const high = edges[i + 1];
    if (i % 2 === 1 || high === undefined) return [];
    const points = (curve: Curve) =>
      curve.xs.flatMap((at, j) => {
        const value = y(curve.ys[j] as number);
        return Number.isFinite(value) ? [`${fine(x(at))} ${fine(value)}`] : [];
      });
    const around = [...points(low), ...points(high).reverse()];
    return around.length === 0 ? [] : [`<path d="M${around.join("L")}Z" fill="${low.colour}" fill-opacity="0.18"/>`];
  });
}

/** Round numbers within a range, some five of them. */
function places(low: number, high: number): number[] {
  const rough = (high - low) / 5;
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((times) => times * power >= rough) ?? 10) * power;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

function powers(low: number, high: number): number[] {
  const first = Math.ceil(Math.log10(low));
  const found = Array.from(
    { length: Math.max(0, Math.floor(Math.log10(high)) - first + 1) },
    (_, i) => 10 ** (first + i),
  );
  return found.length >= 2 ? found : [low, high];
}

function atX({ x, across }: Frame, at: number): string {
  if (x === "relative") return span(at);
  if (x !== "time") return number(at);
  const time = new Date(at * 1000);
  return across[1] - across[0] > 86_400 ? time.toLocaleDateString() : time.toLocaleTimeString();
}
