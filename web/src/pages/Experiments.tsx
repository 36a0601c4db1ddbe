import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import * as api from "../api.ts";
import { Empty, Failure, Skeleton, SNIPPET, Status, TagList, Time, useNow } from "../components/Parts.tsx";

export function ExperimentsPage() {
  const now = useNow();
  const query = useQuery({ queryKey: ["experiments"], queryFn: api.experiments });
  if (query.error) return <Failure error={query.error} retry={query.refetch} />;
  if (query.data === undefined) return <Skeleton />;
  const { items, total_count } = query.data;
  if (items.length === 0) {
    return <Empty snippet={SNIPPET}>No experiments yet. Log a run from Python, and it shows here at once:</Empty>;
  }
  return (
    <>
      <h1>Experiments</h1>
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>Name</th>
              <th>Status</th>
              <th className="figure">Runs</th>
              <th>Owner</th>
              <th>Created</th>
              <th>Tags</th>
              <th>Hypothesis</th>
            </tr>
          </thead>
          <tbody>
            {items.map((experiment) => (
              <tr key={experiment.id}>
                <td>
                  <Link to={`/experiments/${experiment.id}`}>{experiment.name}</Link>
                </td>
                <td>
                  <Status status={experiment.status} />
                </td>
                <td className="figure">{Object.values(experiment.runs).reduce((sum, count) => sum + count, 0)}</td>
                <td>{experiment.owner}</td>
                <td>
                  <Time time={experiment.created_at} now={now} />
                </td>
                <td>
                  <TagList tags={experiment.tags} />
                </td>
                <td className="prose">{experiment.hypothesis}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {total_count > items.length && (
        <p className="quiet">
          The newest {items.length} of {total_count}.
        </p>
      )}
    </>
  );
}
