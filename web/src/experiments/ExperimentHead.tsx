import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { Link } from "react-router";
import * as api from "../api/index.ts";
import { Menu, Over, Status, TagList } from "../components/Parts.tsx";
import { tell } from "../notices.tsx";

const Markdown = lazy(() => import("../components/Markdown.tsx"));

/** Where an experiment can go from where it is; the server decides. */
const NEXT: Record<api.ExperimentStatus, api.ExperimentStatus[]> = {
  draft: ["active", "archived"],
  active: ["paused", "completed", "failed"],
  paused: ["active", "archived"],
  completed: ["archived"],
  failed: ["archived"],
  archived: [],
};

/** An experiment's name, status, hypothesis and notes, each to be changed where it stands. */
export function ExperimentHead({ experiment }: { experiment: api.Experiment }) {
  const [isEditing, setIsEditing] = useState(false);
  return (
    <div className="experiment-head">
      <nav className="crumbs" aria-label="Where this is">
        <Link to="/">Experiments</Link>
      </nav>
      <div className="title">
        <h1>{experiment.name}</h1>
        <StatusMenu experiment={experiment} />
        <TagList tags={experiment.tags} />
        <button
          type="button"
          className="bare"
          onClick={() => setIsEditing(true)}
          disabled={experiment.status === "archived"}
        >
          Edit
        </button>
      </div>
      {experiment.hypothesis !== undefined && (
        <p className="hypothesis">
          <span className="quiet">Hypothesis:</span> {experiment.hypothesis}
        </p>
      )}
      {experiment.description !== undefined && (
        <details className="notes">
          <summary>Notes</summary>
          <Suspense fallback={<p className="quiet">…</p>}>
            <Markdown>{experiment.description}</Markdown>
          </Suspense>
        </details>
      )}
      {isEditing && <Edit experiment={experiment} onClose={() => setIsEditing(false)} />}
    </div>
  );
}

/** The status, and as a menu the moves there are. The new one shows at once and goes back where it is refused. */
export function StatusMenu({ experiment }: { experiment: api.Experiment }) {
  const client = useQueryClient();
  const next = NEXT[experiment.status];
  const show = (status: api.ExperimentStatus) => {
    client.setQueryData<api.Experiment>(["experiment", experiment.id], (data) => data && { ...data, status });
  };
  const move = async (status: api.ExperimentStatus) => {
    show(status);
    try {
      await api.moveExperiment(experiment.id, status);
      tell(`${experiment.name} is ${status}`);
    } catch (error) {
      show(experiment.status);
      tell((error as Error).message, { isBad: true });
    }
    await client.invalidateQueries({ queryKey: ["experiment", experiment.id] });
  };
  if (next.length === 0) return <Status status={experiment.status} />;
  return (
    <Menu
      label={<Status status={experiment.status} />}
      title={`Status: ${experiment.status}. Move it`}
      className="bare"
    >
      {next.map((status) => (
        <button
          key={status}
          type="button"
          className="bare item"
          onClick={(event) => {
            event.currentTarget.closest<HTMLElement>("[popover]")?.hidePopover();
            void move(status);
          }}
        >
          Make it {status}
        </button>
      ))}
    </Menu>
  );
}

function Edit({ experiment, onClose }: { experiment: api.Experiment; onClose: () => void }) {
  const client = useQueryClient();
  const [hypothesis, setHypothesis] = useState(experiment.hypothesis ?? "");
  const [description, setDescription] = useState(experiment.description ?? "");
  const [problem, setProblem] = useState<string>();
  const save = async () => {
    try {
      await api.updateExperiment(
        experiment.id,
        { hypothesis: hypothesis.trim() || null, description: description.trim() || null },
        experiment.revision,
      );
      onClose();
    } catch (error) {
      setProblem((error as Error).message);
    }
    await client.invalidateQueries({ queryKey: ["experiment", experiment.id] });
  };
  return (
    <Over title={`Edit ${experiment.name}`} onClose={onClose}>
      <h2>{experiment.name}</h2>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <label>
          Hypothesis
          <textarea rows={3} value={hypothesis} onChange={(event) => setHypothesis(event.target.value)} />
        </label>
        <label>
          Notes, in Markdown
          <textarea rows={12} value={description} onChange={(event) => setDescription(event.target.value)} />
        </label>
        {problem !== undefined && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
        <button type="submit">Save</button>
      </form>
    </Over>
  );
}
