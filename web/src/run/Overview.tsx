import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";
import { alertsOf } from "../alerts/alerts.ts";
import * as api from "../api/index.ts";
import { exactTime } from "../components/Parts.tsx";
import { parametersOf } from "../fields.ts";
import { duration, number } from "../format.ts";
import { GitLink } from "./GitLink.tsx";

export function Overview({ run, metrics }: { run: api.RunDetail; metrics: api.SeriesSummary[] }) {
  const experiment = useQuery({
    queryKey: ["experiment", run.experiment_id],
    queryFn: () => api.experiment(run.experiment_id),
  });
  const [search, setSearch] = useState("");
  const wanted = search.toLowerCase();
  const parameters = [...parametersOf(run)].filter(([name, value]) =>
    `${name} ${value}`.toLowerCase().includes(wanted),
  );
  const alerts = (experiment.data?.config.metrics ?? []).flatMap((config) => alertsOf(config, metrics));
  const environment = run.environment_snapshot;
  const facts: [string, ReactNode][] = [
    [
      "Experiment",
      <Link key="e" to={`/experiments/${run.experiment_id}`}>
        {run.experiment_name}
      </Link>,
    ],
    ["Hypothesis", experiment.data?.hypothesis],
    ["Started", run.started_at && exactTime(run.started_at)],
    ["Ended", run.ended_at && exactTime(run.ended_at)],
    ["Duration", duration(run.started_at, run.ended_at, Date.now())],
    ["Who", run.created_by_name],
    ["Host", environment?.hostname],
    ["Command", environment?.command?.arguments && <code key="c">{environment.command.arguments.join(" ")}</code>],
    ["Code", environment?.git && <GitLink key="g" git={environment.git} />],
    ["Log", run.logs.lines > 0 && `${run.logs.lines} lines, ${run.logs.errors} errors, ${run.logs.warnings} warnings`],
    ["Id", <code key="i">{run.id}</code>],
  ];
  return (
    <div className="columns">
      <section>
        <h2>Run</h2>
        {alerts.map((alert) => (
          <p key={alert.text} className={`alert ${alert.level}`} role="note">
            {alert.text}
          </p>
        ))}
        <dl>
          {facts.map(([name, value]) =>
            value ? (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ) : null,
          )}
        </dl>
        {(run.child_run_ids ?? []).length > 0 && (
          <p>
            Has {run.child_run_ids?.length} nested runs:{" "}
            <Link to={`/runs?where=${encodeURIComponent(`parent_run_id = '${run.id}'`)}`}>show them</Link>
          </p>
        )}
      </section>
      <section>
        <h2>Parameters</h2>
        <input
          type="search"
          aria-label="Find parameters"
          placeholder="Find parameters"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        {parameters.length === 0 && <p className="quiet">None.</p>}
        <table>
          <tbody>
            {parameters.map(([name, value]) => (
              <tr key={name}>
                <th scope="row" className="prose">
                  {name}
                </th>
                <td className="prose">{value}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <section>
        <h2>Metrics</h2>
        {metrics.length === 0 && <p className="quiet">None yet.</p>}
        {metrics.length > 0 && (
          <section className="scroll" tabIndex={0} aria-label="Metrics">
            <table>
              <thead>
                <tr>
                  <th>Name</th>
                  <th className="figure">Last</th>
                  <th className="figure">Min</th>
                  <th className="figure">Max</th>
                  <th className="figure">Mean</th>
                  <th className="figure">Points</th>
                </tr>
              </thead>
              <tbody>
                {metrics.map((metric) => (
                  <tr key={api.seriesLabel(metric)}>
                    <th scope="row">{api.seriesLabel(metric)}</th>
                    <td className="figure">{number(metric.last)}</td>
                    <td className="figure">{number(metric.min)}</td>
                    <td className="figure">{number(metric.max)}</td>
                    <td className="figure">{number(metric.mean)}</td>
                    <td className="figure">
                      {metric.count}
                      {(metric.nan_count ?? 0) > 0 && ` (${metric.nan_count} NaN)`}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        )}
      </section>
    </div>
  );
}
