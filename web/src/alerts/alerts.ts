/** Which metrics of a run are beyond a threshold. */

import type * as api from "../api/index.ts";
import { number } from "../format.ts";

/** Where the last value of a metric lies beyond what the experiment calls worrying. */
export function alertsOf(
  config: api.MetricConfig,
  metrics: api.SeriesSummary[],
): { level: "critical" | "warning"; text: string }[] {
  const last = metrics.find((metric) => metric.name === config.name)?.last;
  if (typeof last !== "number") return [];
  for (const level of ["critical", "warning"] as const) {
    const threshold = config[level];
    if (threshold === undefined) continue;
    const isBeyond = threshold.direction === "above" ? last > threshold.value : last < threshold.value;
    if (isBeyond) {
      return [
        {
          level,
          text: `${config.name} is ${number(last)}, ${threshold.direction} the ${level} threshold of ${number(threshold.value)}.`,
        },
      ];
    }
  }
  return [];
}
