import type { MetricComparison } from "../api/index.ts";
import { number } from "../format.ts";

const WIDTH = 520;
const LABEL = 150;
const ROW = 26;
const FOOT = 24;

/** Differences from the baseline with their intervals, about a line at none; the band is the noise between repetitions. */
export function Forest({ metric, baseline }: { metric: MetricComparison; baseline: string }) {
  const pairs = metric.pairs.filter((pair) => pair.difference !== null);
  if (pairs.length === 0) return null;
  const noise = metric.noise?.std_dev ?? 0;
  const ends = pairs.flatMap((pair) => [...(pair.interval ?? []), pair.difference ?? 0]).concat(0, noise, -noise);
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const margin = (high - low) * 0.08 || 1;
  const x = (value: number) => LABEL + ((value - low + margin) / (high - low + 2 * margin)) * (WIDTH - LABEL - 10);
  const height = pairs.length * ROW + FOOT;
  const said = pairs.map((pair) => `${pair.label}: ${number(pair.difference)}`).join("; ");
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${height}`}
      className="forest"
      role="img"
      aria-label={`${metric.name}, difference from ${baseline}. ${said}`}
    >
      {noise > 0 && (
        <rect className="noise" x={x(-noise)} y={0} width={x(noise) - x(-noise)} height={height - FOOT}>
          <title>{`One standard deviation between repetitions: ${number(noise)}`}</title>
        </rect>
      )}
      <line className="none" x1={x(0)} x2={x(0)} y1={0} y2={height - FOOT} />
      {pairs.map((pair, i) => {
        const y = i * ROW + ROW / 2;
        return (
          <g key={pair.label} className={pair.verdict}>
            <title>{pair.sentence}</title>
            <text x={LABEL - 10} y={y + 4} textAnchor="end">
              {pair.label.length > 22 ? `${pair.label.slice(0, 21)}…` : pair.label}
            </text>
            {pair.interval !== null && (
              <line x1={x(pair.interval[0])} x2={x(pair.interval[1])} y1={y} y2={y} strokeWidth="2" />
            )}
            {pair.interval?.map((end) => (
              <line key={end} x1={x(end)} x2={x(end)} y1={y - 4} y2={y + 4} strokeWidth="2" />
            ))}
            <rect className="mark" x={x(pair.difference ?? 0) - 4} y={y - 4} width="8" height="8" />
          </g>
        );
      })}
      <text x={LABEL} y={height - 6} className="quiet">
        {number(Number((low - margin).toPrecision(2)))}
      </text>
      <text x={WIDTH - 10} y={height - 6} textAnchor="end" className="quiet">
        {number(Number((high + margin).toPrecision(2)))}
      </text>
      <text x={LABEL - 10} y={height - 6} textAnchor="end" className="quiet">
        less {baseline.length > 18 ? "the baseline" : baseline}
      </text>
    </svg>
  );
}
