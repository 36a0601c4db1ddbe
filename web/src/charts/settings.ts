/** How charts are drawn, as the address says. */

import { useMemo } from "react";
import { type UrlState, useUrl } from "../url.ts";
import type { Kernel, Spread, XAxis } from "./curves.ts";

export interface Settings {
  x: XAxis;
  /** 0 to 0.99. */
  weight: number;
  kernel: Kernel;
  isLog: boolean;
  isClipped: boolean;
  spread: Spread;
  /** Only metrics whose names contain it. */
  search: string;
  zoom: readonly [number, number] | undefined;
}

const SPREADS: Spread[] = ["interval", "deviation", "quartiles", "range"];

export function useSettings(): Settings & { url: UrlState } {
  const url = useUrl();
  return useMemo(() => {
    const x = url.get("x") ?? "step";
    const zoom = url.get("zoom")?.split(":").map(Number);
    const spread = url.get("band") as Spread;
    return {
      url,
      x: ["step", "time", "relative"].includes(x) || x.startsWith("metric:") ? (x as XAxis) : "step",
      weight: Math.min(0.99, Math.max(0, Number(url.get("smooth") ?? 0) / 100 || 0)),
      kernel: url.get("kernel") === "gauss" ? "gauss" : "ema",
      isLog: url.get("log") === "1",
      isClipped: url.get("clip") === "1",
      spread: SPREADS.includes(spread) ? spread : "interval",
      search: url.get("metric") ?? "",
      zoom: zoom?.length === 2 && zoom.every(Number.isFinite) ? (zoom as [number, number]) : undefined,
    };
  }, [url]);
}
