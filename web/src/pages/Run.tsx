import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import * as api from "../api.ts";
import { Charts } from "../components/Charts.tsx";
import { Failure, Skeleton, Status, TagList, Time, useNow } from "../components/Parts.tsx";
import { duration, flatten, number, size } from "../format.ts";

export function RunPage() {
  const { run: id = "" } = useParams();
  const now = useNow(1);
  const query = useQuery({ queryKey: ["run", id], queryFn: () => api.run(id) });
  if (query.error) return <Failure error={query.error} retry={query.refetch} />;
  if (query.data === undefined) return <Skeleton />;
  const run = query.data;
  const parameters = flatten(run.parameters);
  const names = [...new Set(run.metrics.map((metric) => metric.name))];
  return (
    <>
      <nav className="crumbs">
        <Link to="/">Experiments</Link> / <Link to={`/experiments/${run.experiment_id}`}>{run.experiment_name}</Link>
      </nav>
      <h1>
        #{run.number} {run.name} <Status status={run.status} />
      </h1>
      <p className="quiet">
        Created <Time time={run.created_at} now={now} />
        {run.started_at !== undefined && <>, {duration(run.started_at, run.ended_at, now)}</>}{" "}
        <TagList tags={run.tags} />
      </p>
      {run.error !== undefined && (
        <section className="failure">
          <p>
            <strong>{run.error.type}</strong>: {run.error.message}
          </p>
          {run.error.stack_trace !== undefined && <pre>{run.error.stack_trace}</pre>}
        </section>
      )}
      <Charts runs={[{ id: run.id, label: run.name }]} names={names} />
      <div className="columns">
        <section>
          <h2>Parameters</h2>
          {parameters.length === 0 && <p className="quiet">None.</p>}
          <table>
            <tbody>
              {parameters.map(([name, value]) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td className="prose">{value}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
        <section>
          <h2>Metrics</h2>
          {run.metrics.length === 0 && <p className="quiet">None yet.</p>}
          {run.metrics.length > 0 && (
            <div className="scroll">
              <table>
                <thead>
                  <tr>
                    <th>Name</th>
                    <th className="figure">Last</th>
                    <th className="figure">Min</th>
                    <th className="figure">Max</th>
                    <th className="figure">Points</th>
                  </tr>
                </thead>
                <tbody>
                  {run.metrics.map((metric) => (
                    <tr key={api.seriesLabel(metric)}>
                      <th scope="row">{api.seriesLabel(metric)}</th>
                      <td className="figure">{number(metric.last)}</td>
                      <td className="figure">{number(metric.min)}</td>
                      <td className="figure">{number(metric.max)}</td>
                      <td className="figure">{metric.count}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </section>
        <section>
          <h2>Artifacts</h2>
          {run.artifacts.length === 0 && <p className="quiet">None.</p>}
          <table>
            <tbody>
              {run.artifacts.map((artifact) => (
                <tr key={artifact.id}>
                  <th scope="row">
                    <a href={api.artifactUrl(artifact)} download>
                      {artifact.name}
                    </a>
                  </th>
                  <td>{artifact.type}</td>
                  <td className="figure">{size(artifact.size_bytes)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </div>
    </>
  );
}
