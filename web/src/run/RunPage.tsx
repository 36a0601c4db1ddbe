import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useMemo, useState } from "react";
import { Link, NavLink, useParams } from "react-router";
import * as api from "../api/index.ts";
import { Charts } from "../charts/Charts.tsx";
import { runColour } from "../colours.ts";
import { Failure, Menu, Skeleton, Status, TagList, Time, useNow, useTitle } from "../components/Parts.tsx";
import { duration } from "../format.ts";
import { tell } from "../notices.tsx";
import { tagRuns } from "../runs/acts.ts";
import { ColourMenu, Rename } from "../runs/Toolbar.tsx";
import { Overview } from "./Overview.tsx";

const Artifacts = lazy(() => import("./Artifacts.tsx"));
const Environment = lazy(() => import("./Environment.tsx"));
const Events = lazy(() => import("./Events.tsx"));
const Lineage = lazy(() => import("../lineage/Lineage.tsx"));
const Logs = lazy(() => import("./Logs.tsx"));
const Values = lazy(() => import("./Values.tsx"));

const TABS = ["charts", "overview", "logs", "artifacts", "environment", "lineage", "events"] as const;

export function RunPage() {
  const { run: id = "", tab = "charts" } = useParams();
  const query = useQuery({ queryKey: ["run", id], queryFn: () => api.run(id) });
  const metrics = useQuery({ queryKey: ["metrics", id], queryFn: () => api.metrics(id) });
  const run = query.data;
  useTitle(run === undefined ? undefined : `#${run.number} ${run.name}`);
  const lines = useMemo(
    () =>
      run === undefined
        ? []
        : [{ id: run.id, label: `#${run.number} ${run.name}`, colour: runColour(run), started_at: run.started_at }],
    [run],
  );
  const names = useMemo(() => [...new Set((metrics.data?.items ?? []).map((metric) => metric.name))], [metrics.data]);
  if (query.error) return <Failure error={query.error} retry={query.refetch} />;
  if (run === undefined) return <Skeleton />;
  const content: Record<string, () => ReactNode> = {
    charts: () =>
      metrics.data === undefined ? (
        <Skeleton />
      ) : (
        <>
          <Charts lines={lines} names={names} />
          <Values run={run.id} />
        </>
      ),
    overview: () => <Overview run={run} metrics={metrics.data?.items ?? []} />,
    logs: () => <Logs run={run} />,
    artifacts: () => <Artifacts artifacts={run.artifacts} />,
    environment: () => <Environment environment={run.environment_snapshot} />,
    lineage: () => <Lineage node={`run:${run.id}`} />,
    events: () => <Events run={run.id} />,
  };
  const counts: Record<string, number> = { logs: run.logs.lines, artifacts: run.artifacts.length };
  return (
    <div className="run-page">
      <Head run={run} />
      {run.error !== undefined && <Fault error={run.error} />}
      <nav className="tabs" aria-label="Parts of the run">
        {TABS.map((name) => (
          <NavLink key={name} to={name === "charts" ? `/runs/${run.id}` : `/runs/${run.id}/${name}`} end>
            {name[0]?.toUpperCase()}
            {name.slice(1)}
            {(counts[name] ?? 0) > 0 && <span className="quiet"> {counts[name]?.toLocaleString()}</span>}
          </NavLink>
        ))}
      </nav>
      <Suspense fallback={<Skeleton />}>{content[tab]?.() ?? <p className="empty">A run has no “{tab}”.</p>}</Suspense>
    </div>
  );
}

function Head({ run }: { run: api.RunDetail }) {
  const client = useQueryClient();
  const now = useNow(1);
  const [isNaming, setIsNaming] = useState(false);
  const [tag, setTag] = useState("");
  const canResume = ["failed", "cancelled", "timed_out"].includes(run.status);
  const canCancel = ["pending", "queued", "running"].includes(run.status);
  const move = async (action: "cancel" | "resume") => {
    try {
      await api.moveRun(run.id, action);
    } catch (error) {
      tell((error as Error).message, { isBad: true });
    }
    await client.invalidateQueries({ queryKey: ["run", run.id] });
  };
  const setTags = async (key: string, value: string | null) => {
    await tagRuns(client, [run], key, value);
    await client.invalidateQueries({ queryKey: ["run", run.id] });
  };
  return (
    <>
      <nav className="crumbs" aria-label="Where this is">
        <Link to="/">Experiments</Link> / <Link to={`/experiments/${run.experiment_id}`}>{run.experiment_name}</Link>
        {run.parent_run_id !== undefined && (
          <>
            {" "}
            / <Link to={`/runs/${run.parent_run_id}`}>parent run</Link>
          </>
        )}
      </nav>
      <div className="title">
        <h1>
          #{run.number} {run.name}
        </h1>
        <Status status={run.status} />
        <span className="quiet">
          created <Time time={run.created_at} now={now} />
          {run.created_by_name !== undefined && ` by ${run.created_by_name}`}
          {run.started_at !== undefined && `, ${duration(run.started_at, run.ended_at, now)}`}
        </span>
        <TagList tags={run.tags} />
        <Menu label="Tags" className="bare">
          <form
            onSubmit={(event) => {
              event.preventDefault();
              const [key = "", value = ""] = tag.split(/=(.*)/s);
              if (key.trim() !== "") void setTags(key.trim(), value.trim());
              setTag("");
            }}
          >
            <input
              aria-label="Tag"
              placeholder="label or key=value"
              value={tag}
              onChange={(event) => setTag(event.target.value)}
            />
            <button type="submit">Add</button>
          </form>
          {Object.keys(run.tags).map((key) => (
            <button key={key} type="button" className="bare item" onClick={() => void setTags(key, null)}>
              Remove {key}
            </button>
          ))}
        </Menu>
        <button type="button" className="bare" onClick={() => setIsNaming(true)}>
          Rename
        </button>
        <ColourMenu runs={[run]} className="bare" />
        {canCancel && (
          <button type="button" className="bare" onClick={() => void move("cancel")}>
            Cancel the run
          </button>
        )}
        {canResume && (
          <button type="button" className="bare" onClick={() => void move("resume")}>
            Resume
          </button>
        )}
      </div>
      {isNaming && <Rename run={run} onClose={() => setIsNaming(false)} />}
    </>
  );
}

function Fault({ error }: { error: api.RunError }) {
  return (
    <section className="failure" aria-label="Error">
      <p>
        <strong>{error.type}</strong>: {error.message}
      </p>
      {error.context !== undefined && (
        <p className="quiet">
          {Object.entries(error.context)
            .map(([name, value]) => `${name} ${value}`)
            .join(" · ")}
        </p>
      )}
      {error.stack_trace !== undefined && (
        <details>
          <summary>Stack trace</summary>
          <pre tabIndex={0}>{error.stack_trace}</pre>
        </details>
      )}
    </section>
  );
}
