import { useState } from "react";
import { Link } from "react-router";
import type { Comparison, Sample } from "../api/index.ts";
import { groupColour, runColour } from "../colours.ts";
import { Dot, Status } from "../components/Parts.tsx";
import { number } from "../format.ts";

/** Groups of runs, each with the mean of its metrics and the interval in which that mean lies. */
export function GroupTable({
  comparison,
  metrics,
  hidden,
  onShow,
}: {
  comparison: Comparison;
  metrics: string[];
  hidden: ReadonlySet<string>;
  onShow: (label: string) => void;
}) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const shown = metrics.flatMap((name) => comparison.metrics.find((metric) => metric.name === name) ?? []);
  const toggle = (label: string) => {
    const after = new Set(open);
    if (!after.delete(label)) after.add(label);
    setOpen(after);
  };
  return (
    <section className="scroll groups" tabIndex={0} aria-label="Groups">
      <table>
        <thead>
          <tr>
            <th>Group</th>
            <th className="figure">Runs</th>
            {shown.map((metric) => (
              <th key={metric.name} className="figure">
                {metric.name}
              </th>
            ))}
          </tr>
        </thead>
        {comparison.groups.map((group, i) => (
          <tbody key={group.label}>
            <tr>
              <th scope="row">
                <button
                  type="button"
                  className="bare"
                  aria-pressed={!hidden.has(group.label)}
                  aria-label={`Draw ${group.label}`}
                  onClick={() => onShow(group.label)}
                >
                  <Dot colour={groupColour(i)} isHollow={hidden.has(group.label)} />
                </button>{" "}
                <button
                  type="button"
                  className="bare"
                  aria-expanded={open.has(group.label)}
                  onClick={() => toggle(group.label)}
                >
                  {open.has(group.label) ? "▾" : "▸"} {group.label}
                </button>
              </th>
              <td className="figure">{group.runs.length}</td>
              {shown.map((metric) => (
                <td key={metric.name} className="figure">
                  <Mean sample={metric.samples[i]} isBest={metric.best === group.label} />
                </td>
              ))}
            </tr>
            {open.has(group.label) &&
              group.runs.map((run, at) => (
                <tr key={run.id} className="member">
                  <td>
                    <Dot colour={runColour(run)} />{" "}
                    <Link to={`/runs/${run.id}`}>
                      #{run.number} {run.name}
                    </Link>
                  </td>
                  <td>
                    <Status status={run.status} />
                  </td>
                  {shown.map((metric) => (
                    <td key={metric.name} className="figure">
                      {number(metric.samples[i]?.values[at])}
                    </td>
                  ))}
                </tr>
              ))}
          </tbody>
        ))}
      </table>
    </section>
  );
}

export function Mean({ sample, isBest }: { sample: Sample | undefined; isBest: boolean }) {
  if (sample === undefined || sample.mean === null) return <span className="quiet">–</span>;
  const half = sample.interval === null ? undefined : (sample.interval[1] - sample.interval[0]) / 2;
  const exact =
    sample.interval === null
      ? `${sample.n} run`
      : `95% interval of the mean of ${sample.n} runs: ${number(sample.interval[0])} to ${number(sample.interval[1])}`;
  return (
    <span title={exact} className={isBest ? "best" : undefined}>
      {number(Number(sample.mean.toPrecision(5)))}
      {half !== undefined && <span className="quiet"> ± {number(Number(half.toPrecision(2)))}</span>}
      {isBest && <span className="unseen"> best</span>}
    </span>
  );
}
