import { useQuery } from "@tanstack/react-query";
import { diffWordsWithSpace } from "diff";
import { useMemo, useState } from "react";
import * as api from "../api/index.ts";
import { cellText, type Example, loadExamples, paired } from "../components/examples.ts";

const SHOWN = 100;
/** Texts longer than this are set side by side without looking for what differs within. */
const COMPARED = 8000;

/** What two runs made of the same examples, side by side, with the words that differ. */
export default function Examples({ groups }: { groups: api.Comparison["groups"] }) {
  const runs = groups.flatMap((group) => group.runs.map((run) => ({ ...run, group: group.label })));
  const second = groups[1]?.runs[0]?.id ?? runs[1]?.id ?? "";
  const [left, setLeft] = useState(runs[0]?.id ?? "");
  const [right, setRight] = useState(second);
  const [chosen, setChosen] = useState<string>();
  const [search, setSearch] = useState("");
  const [onlyDiffering, setOnlyDiffering] = useState(true);
  const tables = [useTables(left), useTables(right)] as const;
  const names = [...(tables[0]?.keys() ?? [])].filter((name) => tables[1]?.has(name));
  const name = chosen !== undefined && names.includes(chosen) ? chosen : names[0];
  const pairs = useMemo(
    () => (name === undefined ? [] : paired(tables[0]?.get(name) ?? [], tables[1]?.get(name) ?? [])),
    [name, tables[0], tables[1]],
  );
  if (name === undefined) return null;
  const wanted = search.toLowerCase();
  const found = pairs.filter(
    (pair) =>
      (!onlyDiffering || pair.differing.length > 0) &&
      (wanted === "" || `${JSON.stringify(pair.left)} ${JSON.stringify(pair.right)}`.toLowerCase().includes(wanted)),
  );
  const choice = (label: string, value: string, onChange: (id: string) => void) => (
    <label>
      {label}{" "}
      <select value={value} onChange={(event) => onChange(event.target.value)}>
        {runs.map((run) => (
          <option key={run.id} value={run.id}>
            #{run.number} {run.name} ({run.group})
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <section aria-label="Examples">
      <h2>Examples side by side</h2>
      <div className="controls">
        {choice("Left", left, setLeft)}
        {choice("Right", right, setRight)}
        {names.length > 1 && (
          <label>
            Table{" "}
            <select value={name} onChange={(event) => setChosen(event.target.value)}>
              {names.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </label>
        )}
        <input
          type="search"
          aria-label="Find examples"
          placeholder="Find examples"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <label>
          <input type="checkbox" checked={onlyDiffering} onChange={() => setOnlyDiffering(!onlyDiffering)} /> only what
          differs
        </label>
        <span className="quiet">
          {found.length} of {pairs.length}
        </span>
      </div>
      <div className="pairs">
        {found.slice(0, SHOWN).map((pair) => (
          <article key={pair.key} className="pair">
            <h3>{pair.key}</h3>
            {(onlyDiffering ? pair.differing : Object.keys({ ...pair.left, ...pair.right })).map((column) => (
              <Sides key={column} column={column} left={pair.left} right={pair.right} />
            ))}
          </article>
        ))}
      </div>
      {found.length > SHOWN && <p className="quiet">The first {SHOWN}; search for the others.</p>}
    </section>
  );
}

/** The last of each table of examples that a run logged. */
function useTables(run: string): Map<string, Example[]> | undefined {
  const query = useQuery({
    queryKey: ["values", run, "tables"],
    queryFn: async () => {
      const { items } = await api.values(run);
      const last = new Map(
        items.flatMap((item) => (item.value.kind === "custom" ? [[api.seriesLabel(item), item.value.value]] : [])),
      );
      const tables = new Map<string, Example[]>();
      for (const [label, value] of last) {
        const rows = await loadExamples(run, value);
        if (rows !== undefined) tables.set(label, rows);
      }
      return tables;
    },
    enabled: run !== "",
  });
  return query.data;
}

function Sides({ column, left, right }: { column: string; left: Example | undefined; right: Example | undefined }) {
  const texts = [cellText(left?.[column]), cellText(right?.[column])] as const;
  const parts = useMemo(
    () => (texts[0].length + texts[1].length > COMPARED ? undefined : diffWordsWithSpace(texts[0], texts[1])),
    [texts[0], texts[1]],
  );
  const side = (text: string, kind: "added" | "removed") =>
    parts === undefined
      ? text
      : parts
          .filter((part) => !(kind === "added" ? part.removed : part.added))
          .map((part, i) => {
            const isOwn = kind === "added" ? part.added : part.removed;
            return isOwn ? (
              // biome-ignore lint/suspicious/noArrayIndexKey: parts of a text never move
              <mark key={i} className={kind}>
                {part.value}
              </mark>
            ) : (
              part.value
            );
          });
  return (
    <div className="sides">
      <span className="quiet">{column}</span>
      <div>{left === undefined ? <em className="quiet">missing</em> : side(texts[0], "removed")}</div>
      <div>{right === undefined ? <em className="quiet">missing</em> : side(texts[1], "added")}</div>
    </div>
  );
}
