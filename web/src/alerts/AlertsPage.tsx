import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import * as api from "../api/index.ts";
import { runColour } from "../colours.ts";
import { Dot, Failure, Skeleton, Status, Time, useNow, useTitle } from "../components/Parts.tsx";
import { alertsOf } from "./alerts.ts";

/** Most runs that are listed of a kind. */
const LISTED = 200;
const BEYOND = "(tags.lab.critical exists or tags.lab.warning exists) and not (tags.archived exists)";
const FAILED = "status in (failed, timed_out) and not (tags.archived exists)";

/** Runs that need a look: beyond a threshold now, or failed. */
export default function AlertsPage() {
  useTitle("Alerts");
  const beyond = useFound("beyond", BEYOND, undefined);
  const failed = useFound("failed", FAILED, []);
  const experiments = useQuery({ queryKey: ["experiments", "alerts"], queryFn: () => api.experiments() });
  const now = useNow(10);
  const problem = beyond.error ?? failed.error ?? experiments.error;
  if (problem !== null)
    return <Failure error={problem} retry={() => Promise.all([beyond.refetch(), failed.refetch()])} />;
  if (beyond.data === undefined || failed.data === undefined || experiments.data === undefined) return <Skeleton />;
  const configs = new Map(experiments.data.items.map((one) => [one.id, one.config.metrics ?? []]));
  return (
    <div className="alerts">
      <h1>Alerts</h1>
      <Runs title="Beyond a threshold" found={beyond.data} nothing="No metric is beyond a threshold." now={now}>
        {(run) => {
          const known = (configs.get(run.experiment_id) ?? []).flatMap((config) => alertsOf(config, run.metrics));
          return known.length > 0 ? known : marked(run);
        }}
      </Runs>
      <Runs title="Failed" found={failed.data} nothing="No run failed." now={now}>
        {(run) => [
          {
            level: "critical",
            text:
              run.error === undefined
                ? `It ${run.status.replace("_", " ")}.`
                : `${run.error.type}: ${run.error.message}`,
          },
        ]}
      </Runs>
    </div>
  );
}

function useFound(kind: string, query: string, metrics: string[] | undefined) {
  return useQuery({
    queryKey: ["alerts", kind],
    queryFn: ({ signal }) =>
      api.searchRuns({ experiments: [], query, sort: "created_at desc", limit: LISTED, metrics }, signal),
  });
}

/** What the run's tags say, where the thresholds are no longer known. */
function marked(run: api.Run): { level: "critical" | "warning"; text: string }[] {
  return (["critical", "warning"] as const).flatMap((level) => {
    const names = run.tags[`lab.${level}`];
    return names === undefined ? [] : [{ level, text: `Beyond the ${level} threshold: ${names}.` }];
  });
}

function Runs({
  title,
  found,
  nothing,
  now,
  children,
}: {
  title: string;
  found: api.Paged<api.Run>;
  nothing: string;
  now: number;
  children: (run: api.Run) => { level: string; text: string }[];
}) {
  return (
    <section aria-label={title}>
      <h2>
        {title} <span className="quiet">{found.total_count.toLocaleString()}</span>
      </h2>
      {found.total_count === 0 && <p className="quiet">{nothing}</p>}
      <ul className="alert-list">
        {found.items.map((run) => (
          <li key={run.id}>
            <p>
              <Dot colour={runColour(run)} />{" "}
              <Link to={`/runs/${run.id}`}>
                #{run.number} {run.name}
              </Link>{" "}
              <span className="quiet">
                of <Link to={`/experiments/${run.experiment_id}`}>{run.experiment_name}</Link>,{" "}
                <Time time={run.ended_at ?? run.created_at} now={now} />
              </span>{" "}
              <Status status={run.status} />
            </p>
            {children(run).map(({ level, text }) => (
              <p key={text} className={`alert ${level}`}>
                {text}
              </p>
            ))}
          </li>
        ))}
      </ul>
      {found.total_count > found.items.length && <p className="quiet">The latest {found.items.length} are shown.</p>}
    </section>
  );
}
