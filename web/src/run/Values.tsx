import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import * as api from "../api/index.ts";
import { cellText, type Example, loadExamples, type Media } from "../components/examples.ts";
import { Failure, Skeleton } from "../components/Parts.tsx";
import { Picture } from "../components/Picture.tsx";
import { number } from "../format.ts";

type Of<K> = Extract<api.LoggedValue["value"], { kind: K }>;
type Logged<V> = Omit<api.LoggedValue, "value"> & { value: V };

/** What a run logged that is not one number: distributions over steps, confusion matrices, tables of examples. */
export default function Values({ run }: { run: string }) {
  const query = useQuery({ queryKey: ["values", run], queryFn: () => api.values(run) });
  const items = query.data?.items ?? [];
  const series = new Map<string, api.LoggedValue[]>();
  for (const item of items) {
    const label = api.seriesLabel(item);
    series.set(label, [...(series.get(label) ?? []), item]);
  }
  if (series.size === 0) return null;
  return (
    <section aria-label="Values">
      <h2>Other values</h2>
      <div className="charts wide">
        {[...series].map(([label, members]) => (
          <figure key={label} className="chart value" aria-label={label}>
            <figcaption>
              <strong>{label}</strong>
            </figcaption>
            <Shown run={run} label={label} items={members} />
          </figure>
        ))}
      </div>
    </section>
  );
}

function Shown({ run, label, items }: { run: string; label: string; items: api.LoggedValue[] }) {
  const histograms = items.filter(
    (item): item is Logged<Of<"distribution"> & { form: "histogram" }> =>
      item.value.kind === "distribution" && item.value.form === "histogram",
  );
  if (histograms.length > 0) return <Histograms label={label} items={histograms} />;
  const matrices = items.filter(
    (item): item is Logged<Of<"confusion_matrix">> => item.value.kind === "confusion_matrix",
  );
  if (matrices.length > 0) return <Stepped items={matrices}>{(item) => <Matrix matrix={item.value} />}</Stepped>;
  const customs = items.filter((item): item is Logged<Of<"custom">> => item.value.kind === "custom");
  if (customs.length > 0)
    return <Stepped items={customs}>{(item) => <Custom key={item.step} run={run} value={item.value.value} />}</Stepped>;
  return <Stepped items={items}>{(item) => <pre>{JSON.stringify(item.value, null, 2)}</pre>}</Stepped>;
}

/** One of several steps, the last at first. */
function Stepped<T extends { step?: number }>({
  items,
  children,
}: {
  items: T[];
  children: (item: T) => React.ReactNode;
}) {
  const [chosen, setChosen] = useState<number>();
  const at = Math.min(chosen ?? items.length - 1, items.length - 1);
  const item = items[at];
  return (
    <>
      {items.length > 1 && (
        <label className="controls">
          Step{" "}
          <input
            type="range"
            min={0}
            max={items.length - 1}
            value={at}
            onChange={(event) => setChosen(Number(event.target.value))}
          />
          <output>{item?.step ?? at}</output>
        </label>
      )}
      {item !== undefined && children(item)}
    </>
  );
}

const WIDTH = 420;
const HEIGHT = 200;
/** Most steps that are drawn beside one another. */
const COLUMNS = 120;

/** Distributions over steps: the more of the values lie in a bucket, the darker it is. */
function Histograms({ label, items }: { label: string; items: Logged<Of<"distribution"> & { form: "histogram" }>[] }) {
  const every = Math.ceil(items.length / COLUMNS);
  const shown = items.filter((_, i) => i % every === 0);
  const low = Math.min(...shown.map((item) => item.value.boundaries[0] ?? 0));
  const high = Math.max(...shown.map((item) => item.value.boundaries.at(-1) ?? 1));
  const y = (value: number) => HEIGHT - ((value - low) / (high - low || 1)) * HEIGHT;
  const width = WIDTH / shown.length;
  return (
    <>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`${label}: distributions at ${items.length} steps, from ${number(low)} to ${number(high)}`}
        preserveAspectRatio="none"
        className="heat"
      >
        {shown.flatMap((item, i) => {
          const { boundaries, counts } = item.value;
          const densities = counts.map(
            (count, b) => count / ((boundaries[b + 1] as number) - (boundaries[b] as number)),
          );
          const most = Math.max(...densities, Number.MIN_VALUE);
          return counts.map((count, b) => {
            const [from, to] = [boundaries[b] as number, boundaries[b + 1] as number];
            if (count === 0) return null;
            return (
              <rect
                key={`${item.step ?? i} ${from}`}
                x={i * width}
                y={y(to)}
                width={width + 0.3}
                height={Math.max(0.5, y(from) - y(to))}
                fillOpacity={0.08 + 0.92 * ((densities[b] as number) / most)}
              >
                <title>{`step ${item.step ?? i}: ${count} from ${number(from)} to ${number(to)}`}</title>
              </rect>
            );
          });
        })}
      </svg>
      <p className="note">
        {number(low)} to {number(high)}, steps {shown[0]?.step ?? 0} to {shown.at(-1)?.step ?? shown.length - 1}
      </p>
    </>
  );
}

function Matrix({ matrix: { labels, counts } }: { matrix: Of<"confusion_matrix"> }) {
  const sums = counts.map((row) => row.reduce((sum, count) => sum + count, 0));
  return (
    <section className="scroll" tabIndex={0} aria-label="Confusion matrix">
      <table className="matrix">
        <thead>
          <tr>
            <th>actual ╲ predicted</th>
            {labels.map((label) => (
              <th key={label}>{label}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {counts.map((row, i) => (
            <tr key={labels[i]}>
              <th scope="row">{labels[i]}</th>
              {row.map((count, j) => {
                const share = count / ((sums[i] as number) || 1);
                return (
                  <td
                    key={labels[j]}
                    className="figure"
                    style={{ background: `color-mix(in srgb, var(--accent) ${Math.round(share * 60)}%, transparent)` }}
                    title={`${(100 * share).toFixed(1)}% of ${labels[i]}`}
                  >
                    {count}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

const ROWS = 200;

/** What a client logged as text, picture or table; any other JSON as it is. */
function Custom({ run, value }: { run: string; value: unknown }) {
  const { type, text, artifact, caption } = (value ?? {}) as Media;
  const query = useQuery({
    queryKey: ["value", run, value],
    queryFn: async () => {
      if (type === "image" && artifact !== undefined) return { picture: await api.artifactNamed(run, artifact) };
      return { rows: await loadExamples(run, value) };
    },
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: keepPreviousData,
  });
  if (query.error) return <Failure error={query.error} retry={query.refetch} />;
  if (query.data === undefined) return <Skeleton rows={3} />;
  const { picture, rows } = query.data;
  if (picture !== undefined) {
    return (
      <>
        <Picture bytes={picture} name={artifact ?? ""} />
        {caption !== undefined && <p className="note">{caption}</p>}
      </>
    );
  }
  if (rows !== undefined) return <Examples rows={rows} />;
  if (type === "text" && text !== undefined) return <p className="prose">{text}</p>;
  return (
    <>
      <pre tabIndex={0}>{JSON.stringify(value, null, 2)}</pre>
      {artifact !== undefined && (
        <Link to={`/runs/${run}/artifacts?file=${encodeURIComponent(artifact)}`}>{artifact}</Link>
      )}
    </>
  );
}

function Examples({ rows }: { rows: Example[] }) {
  const [search, setSearch] = useState("");
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const found = rows.filter((row) =>
    Object.values(row).some((value) => cellText(value).toLowerCase().includes(search.toLowerCase())),
  );
  return (
    <>
      <input
        type="search"
        aria-label="Find examples"
        placeholder="Find examples"
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      <section className="scroll tall" tabIndex={0} aria-label="Examples">
        <table className="data">
          <thead>
            <tr>
              {names.map((name) => (
                <th key={name}>{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {found.slice(0, ROWS).map((row, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: examples may be alike
              <tr key={i}>
                {names.map((name) => (
                  <td key={name} className="prose">
                    {cellText(row[name])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <p className="note">
        {Math.min(found.length, ROWS)} of {rows.length} examples
      </p>
    </>
  );
}
