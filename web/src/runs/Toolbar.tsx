import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import * as api from "../api/index.ts";
import { COLOUR_TAG, COLOURS, runColour } from "../colours.ts";
import { Copy, Dot, Menu, Over } from "../components/Parts.tsx";
import { field, type Names, title } from "../fields.ts";
import { tell } from "../notices.tsx";
import { archiveRuns, deleteRuns, renameRun, tagRuns } from "./acts.ts";
import { allColumns, type Column } from "./columns.tsx";

/** Chooses the columns of the table. */
export function ColumnsMenu({
  names,
  columns,
  onChange,
}: {
  names: Names;
  columns: Column[];
  onChange: (columns: Column[] | undefined) => void;
}) {
  const [search, setSearch] = useState("");
  const wanted = search.toLowerCase();
  const chosen = new Set(columns.map((column) => column.id));
  const toggle = (id: string) =>
    onChange(chosen.has(id) ? columns.filter((column) => column.id !== id) : [...columns, { id, width: undefined }]);
  return (
    <Menu label="Columns">
      <input
        type="search"
        aria-label="Find columns"
        placeholder="Find columns"
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      <div className="choices">
        {allColumns(names).map(({ title: heading, ids }) => {
          const found = ids.filter((id) => title(id).toLowerCase().includes(wanted));
          if (found.length === 0) return null;
          return (
            <fieldset key={heading}>
              <legend>{heading}</legend>
              {found.slice(0, 200).map((id) => (
                <label key={id}>
                  <input type="checkbox" checked={chosen.has(id)} onChange={() => toggle(id)} /> {title(id)}
                </label>
              ))}
              {found.length > 200 && <p className="quiet">{found.length - 200} more; search for them.</p>}
            </fieldset>
          );
        })}
      </div>
      <button type="button" onClick={() => onChange(undefined)}>
        As at first
      </button>
    </Menu>
  );
}

export function GroupMenu({
  names,
  group,
  onChange,
}: {
  names: Names;
  group: string[];
  onChange: (group: string[]) => void;
}) {
  const fields = [
    ...names.params.map((name) => field("params", name)),
    ...names.tags.map((name) => field("tags", name)),
    "name",
  ];
  return (
    <Menu
      label={group.length === 0 ? "Group" : `Group: ${group.map(title).join(", ")}`}
      className={group.length === 0 ? "" : "on"}
    >
      <div className="choices">
        {fields.map((id) => (
          <label key={id}>
            <input
              type="checkbox"
              checked={group.includes(id)}
              onChange={() => onChange(group.includes(id) ? group.filter((one) => one !== id) : [...group, id])}
            />{" "}
            {title(id)}
          </label>
        ))}
        {fields.length === 1 && <p className="quiet">No parameters yet.</p>}
      </div>
      <button type="button" onClick={() => onChange([])}>
        No groups
      </button>
    </Menu>
  );
}

/** Views that were kept, in the experiment, for everybody who sees it. */
export function ViewsMenu({ experiment }: { experiment: api.Experiment }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const views = (experiment.metadata?.views ?? {}) as Record<string, string>;
  const save = async (next: Record<string, string>, said: string) => {
    try {
      await api.updateExperiment(
        experiment.id,
        { metadata: { ...experiment.metadata, views: next } },
        experiment.revision,
      );
      tell(said);
    } catch (error) {
      tell((error as Error).message, { isBad: true });
    }
    await client.invalidateQueries({ queryKey: ["experiment", experiment.id] });
  };
  return (
    <Menu label="Views">
      {Object.entries(views).map(([view, search]) => (
        <div key={view} className="view">
          <button type="button" className="bare item" onClick={() => navigate({ search })}>
            {view}
          </button>
          <button
            type="button"
            className="bare"
            aria-label={`Forget ${view}`}
            onClick={() => {
              const { [view]: _, ...rest } = views;
              void save(rest, `Forgot the view ${view}`);
            }}
          >
            ✕
          </button>
        </div>
      ))}
      {Object.keys(views).length === 0 && (
        <p className="quiet">A view keeps filter, columns, groups and chart settings under a name.</p>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim() !== "")
            void save({ ...views, [name.trim()]: location.search }, `Kept the view ${name.trim()}`);
          setName("");
        }}
      >
        <input
          aria-label="Name of the view"
          placeholder="Name"
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit">Keep</button>
      </form>
      <Copy text={location.href} label="Copy link" />
    </Menu>
  );
}

/** What can be done to the runs that are selected. */
export function SelectionBar({ runs, onDraw, onClear }: { runs: api.Run[]; onDraw: () => void; onClear: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [tag, setTag] = useState("");
  const [isNaming, setIsNaming] = useState(false);
  const [first] = runs;
  const ended = runs.every((run) => run.ended_at !== undefined);
  return (
    <section className="selection" aria-label="Selection">
      <strong>{runs.length} selected</strong>
      <button
        type="button"
        onClick={() => navigate(`/compare?runs=${runs.map((run) => run.id).join(",")}`)}
        disabled={runs.length < 2}
      >
        Compare
      </button>
      <button type="button" onClick={onDraw}>
        Draw only these
      </button>
      <Menu label="Tag">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            const [key = "", value = ""] = tag.split(/=(.*)/s);
            if (key.trim() !== "") void tagRuns(client, runs, key.trim(), value.trim());
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
        {[...new Set(runs.flatMap((run) => Object.keys(run.tags)))].map((key) => (
          <button key={key} type="button" className="bare item" onClick={() => void tagRuns(client, runs, key, null)}>
            Remove {key}
          </button>
        ))}
      </Menu>
      <ColourMenu runs={runs} />
      {runs.length === 1 && (
        <button type="button" onClick={() => setIsNaming(true)}>
          Rename
        </button>
      )}
      <button
        type="button"
        onClick={() => {
          void archiveRuns(client, runs);
          onClear();
        }}
      >
        Archive
      </button>
      <button
        type="button"
        disabled={!ended}
        title={ended ? undefined : "A run can be deleted when it has ended"}
        onClick={() => {
          deleteRuns(client, runs);
          onClear();
        }}
      >
        Delete
      </button>
      <button type="button" className="bare" onClick={onClear}>
        Clear
      </button>
      {isNaming && first !== undefined && <Rename run={first} onClose={() => setIsNaming(false)} />}
    </section>
  );
}

/** Gives runs a colour that everybody sees, in place of the one that follows from their numbers. */
export function ColourMenu({ runs, className }: { runs: api.Run[]; className?: string }) {
  const client = useQueryClient();
  const [own, setOwn] = useState(runs[0] === undefined ? "#888888" : runColour(runs[0]));
  const give = async (colour: string | null) => {
    await tagRuns(client, runs, COLOUR_TAG, colour, "Coloured");
    for (const run of runs) await client.invalidateQueries({ queryKey: ["run", run.id] });
  };
  return (
    <Menu label="Colour" {...(className === undefined ? {} : { className })}>
      <div className="swatches">
        {COLOURS.map((colour) => (
          <button
            key={colour}
            type="button"
            className="bare"
            aria-label={`Colour ${colour}`}
            onClick={() => void give(colour)}
          >
            <Dot colour={colour} />
          </button>
        ))}
      </div>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void give(own);
        }}
      >
        <input type="color" aria-label="Another colour" value={own} onChange={(event) => setOwn(event.target.value)} />
        <button type="submit">Use it</button>
      </form>
      <button type="button" className="bare item" onClick={() => void give(null)}>
        By its number
      </button>
    </Menu>
  );
}

export function Rename({ run, onClose }: { run: api.Run; onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState(run.name);
  return (
    <Over title="Rename" onClose={onClose} className="small">
      <h2>Rename #{run.number}</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void renameRun(client, run, name);
          onClose();
        }}
      >
        <input aria-label="Name" value={name} onChange={(event) => setName(event.target.value)} data-focus />
        <button type="submit" disabled={name.trim() === ""}>
          Rename
        </button>
      </form>
    </Over>
  );
}
