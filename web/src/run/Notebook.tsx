import Anser from "anser";
import { lazy, Suspense } from "react";

const Markdown = lazy(() => import("../components/Markdown.tsx"));

type Text = string | string[];

interface Output {
  output_type: string;
  name?: string;
  text?: Text;
  data?: Record<string, Text>;
  ename?: string;
  evalue?: string;
  traceback?: string[];
}

export interface Cell {
  cell_type: string;
  source?: Text;
  execution_count?: number | null;
  outputs?: Output[];
}

const whole = (text: Text | undefined) => [text ?? ""].flat().join("");

/** A notebook as it was saved: its cells, and below each what it put out. Nothing of it is run. */
export default function Notebook({ cells }: { cells: Cell[] }) {
  return (
    <div className="notebook">
      {cells.map((cell, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: cells never move
        <section key={i} aria-label={`Cell ${i + 1}`}>
          {cell.cell_type === "markdown" ? (
            <Suspense>
              <Markdown>{whole(cell.source)}</Markdown>
            </Suspense>
          ) : (
            <>
              <pre tabIndex={0}>
                {cell.cell_type === "code" && <span className="quiet">[{cell.execution_count ?? " "}] </span>}
                {whole(cell.source)}
              </pre>
              {(cell.outputs ?? []).map((output, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: outputs never move
                <Shown key={at} output={output} />
              ))}
            </>
          )}
        </section>
      ))}
    </div>
  );
}

/** An output in the best form that is safe to show: HTML and scripts are not, so their plain text stands in. */
function Shown({ output }: { output: Output }) {
  const data = output.data ?? {};
  for (const kind of ["image/png", "image/jpeg", "image/gif"]) {
    const picture = data[kind];
    if (picture !== undefined) {
      const code = whole(picture).replaceAll(/\s/g, "");
      return (
        <img className="picture" alt={whole(data["text/plain"]) || "Output"} src={`data:${kind};base64,${code}`} />
      );
    }
  }
  const drawing = data["image/svg+xml"];
  if (drawing !== undefined)
    return <img className="picture" alt="Output" src={`data:image/svg+xml,${encodeURIComponent(whole(drawing))}`} />;
  const marked = data["text/markdown"];
  if (marked !== undefined)
    return (
      <Suspense>
        <Markdown>{whole(marked)}</Markdown>
      </Suspense>
    );
  const isBad = output.output_type === "error" || output.name === "stderr";
  const text =
    output.output_type === "error"
      ? (output.traceback ?? []).join("\n") || `${output.ename}: ${output.evalue}`
      : whole(output.text ?? data["text/plain"] ?? data["application/json"]);
  if (text === "") return null;
  return (
    <pre tabIndex={0} className={isBad ? "output bad" : "output"}>
      {Anser.ansiToText(text)}
    </pre>
  );
}
