import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo } from "react";
import * as api from "../api/index.ts";
import { cellText, examplesOf } from "../components/examples.ts";
import { Failure, Skeleton } from "../components/Parts.tsx";
import { isPicture, Picture } from "../components/Picture.tsx";
import { size } from "../format.ts";
import { useUrl } from "../url.ts";

const Notebook = lazy(() => import("./Notebook.tsx"));
const Markdown = lazy(() => import("../components/Markdown.tsx"));

/** Most bytes of an artifact that a preview reads. */
const PREVIEW_BYTES = 1 << 20;
/** The same of what can only be shown whole: pictures, and notebooks, which hold some. */
const WHOLE_BYTES = 16 << 20;
const TABLE_ROWS = 500;

interface Folder {
  folders: Map<string, Folder>;
  files: api.Artifact[];
}

/** Files that a run left behind: a tree of them, and what is in the one that is chosen. */
export default function Artifacts({ artifacts }: { artifacts: api.Artifact[] }) {
  const url = useUrl();
  const chosen = artifacts.find((artifact) => artifact.name === url.get("file"));
  const tree = useMemo(() => treeOf(artifacts), [artifacts]);
  if (artifacts.length === 0) {
    return <p className="empty quiet">No artifacts. Log one with run.log_artifact("model.safetensors").</p>;
  }
  return (
    <div className="browser">
      <nav aria-label="Artifacts" className="tree">
        <Branch folder={tree} chosen={chosen} onChoose={(artifact) => url.set({ file: artifact.name })} />
      </nav>
      <section aria-label="Preview">
        {chosen === undefined ? (
          <p className="quiet">Choose a file to look into it.</p>
        ) : (
          <Preview key={chosen.id} artifact={chosen} />
        )}
      </section>
    </div>
  );
}

function treeOf(artifacts: api.Artifact[]): Folder {
  const root: Folder = { folders: new Map(), files: [] };
  const seen = new Set<string>();
  for (const artifact of artifacts) {
    if (seen.has(artifact.name)) continue;
    seen.add(artifact.name);
    let at = root;
    for (const part of artifact.name.split("/").slice(0, -1)) {
      const inner = at.folders.get(part) ?? { folders: new Map(), files: [] };
      at.folders.set(part, inner);
      at = inner;
    }
    at.files.push(artifact);
  }
  return root;
}

function Branch({
  folder,
  chosen,
  onChoose,
}: {
  folder: Folder;
  chosen: api.Artifact | undefined;
  onChoose: (artifact: api.Artifact) => void;
}) {
  return (
    <ul>
      {[...folder.folders].map(([name, inner]) => (
        <li key={name}>
          <details open>
            <summary>{name}</summary>
            <Branch folder={inner} chosen={chosen} onChoose={onChoose} />
          </details>
        </li>
      ))}
      {folder.files.map((artifact) => (
        <li key={artifact.id}>
          <button type="button" className="bare" aria-current={artifact === chosen} onClick={() => onChoose(artifact)}>
            {artifact.name.split("/").at(-1)} <span className="quiet">{size(artifact.size_bytes)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Preview({ artifact }: { artifact: api.Artifact }) {
  const ending = artifact.name.split(".").at(-1)?.toLowerCase() ?? "";
  const isImage = isPicture(artifact.name) && artifact.size_bytes <= WHOLE_BYTES;
  const query = useQuery({
    queryKey: ["artifact", artifact.id],
    queryFn: () => api.artifactStart(artifact, isImage || ending === "ipynb" ? WHOLE_BYTES : PREVIEW_BYTES),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <>
      <h2>
        {artifact.name}{" "}
        <a href={api.artifactUrl(artifact.id)} download>
          Download
        </a>
      </h2>
      <p className="quiet">
        {artifact.type}, {size(artifact.size_bytes)}, sha256 <code>{artifact.content_hash.slice(0, 16)}</code>
      </p>
      {query.error !== null && <Failure error={query.error} retry={query.refetch} />}
      {query.isPending && <Skeleton />}
      {query.data !== undefined && (
        <>
          <Suspense fallback={<Skeleton />}>
            {isImage ? (
              <Picture bytes={query.data.bytes} name={artifact.name} />
            ) : (
              <Content bytes={query.data.bytes} ending={ending} isAll={query.data.isAll} />
            )}
          </Suspense>
          {!query.data.isAll && (
            <p className="quiet">
              The first {size(query.data.bytes.length)} of {size(artifact.size_bytes)}.
            </p>
          )}
        </>
      )}
    </>
  );
}

function Content({ bytes, ending, isAll }: { bytes: Uint8Array; ending: string; isAll: boolean }) {
  if (bytes.subarray(0, 8000).includes(0))
    return <p className="quiet">This is not text. Download it to look into it.</p>;
  const text = new TextDecoder().decode(bytes);
  if (ending === "md" || ending === "markdown") return <Markdown>{text}</Markdown>;
  if (ending === "csv" || ending === "tsv") return <Table rows={separatedRows(text, ending === "csv" ? "," : "\t")} />;
  if (ending === "jsonl" || ending === "ndjson") return <Table rows={jsonRows(text)} />;
  if (ending === "ipynb" && isAll) {
    const notebook = parsed(text) as { cells?: unknown } | undefined;
    if (Array.isArray(notebook?.cells)) return <Notebook cells={notebook.cells} />;
  }
  const json = ending === "json" && isAll ? parsed(text) : undefined;
  const rows = examplesOf(json);
  if (rows !== undefined) {
    const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    return (
      <Table rows={[names, ...rows.slice(0, TABLE_ROWS).map((row) => names.map((name) => cellText(row[name])))]} />
    );
  }
  return <pre tabIndex={0}>{json === undefined ? text : JSON.stringify(json, null, 2)}</pre>;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function separatedRows(text: string, sign: string): string[][] {
  const rows: string[][] = [[]];
  const cells = new RegExp(`("(?:[^"]|"")*"|[^${sign}\\r\\n]*)(${sign}|\\r?\\n|$)`, "g");
  for (const [whole, cell = "", end] of text.matchAll(cells)) {
    if (whole === "" || rows.length > TABLE_ROWS) break;
    rows.at(-1)?.push(cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell);
    if (end !== sign) rows.push([]);
  }
  return rows.filter((row) => row.length > 0);
}

function jsonRows(text: string): string[][] {
  const items = text
    .split("\n")
    .slice(0, TABLE_ROWS)
    .flatMap((line) => {
      const item = parsed(line);
      return typeof item === "object" && item !== null ? [item as Record<string, unknown>] : [];
    });
  const names = [...new Set(items.flatMap((item) => Object.keys(item)))];
  const cell = (value: unknown) =>
    typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);
  return [names, ...items.map((item) => names.map((name) => cell(item[name])))];
}

function Table({ rows: [head = [], ...rows] }: { rows: string[][] }) {
  return (
    <section className="scroll" tabIndex={0} aria-label="Rows">
      <table className="data">
        <thead>
          <tr>
            {head.map((name, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: columns may be named alike, and never move
              <th key={i}>{name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows never move
            <tr key={i}>
              {row.map((cell, j) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: cells never move
                <td key={j} title={cell}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length >= TABLE_ROWS - 1 && <p className="quiet">The first {rows.length} rows.</p>}
    </section>
  );
}
