/** Small pieces that every page uses. */

import { type ReactNode, useEffect, useState } from "react";
import type { Tags } from "../api.ts";
import { ago } from "../format.ts";

/** The time now, again every `seconds`. */
export function useNow(seconds = 5): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds]);
  return now;
}

export function Status({ status }: { status: string }) {
  return <span className={`status ${status}`}>{status.replace("_", " ")}</span>;
}

export function Time({ time, now }: { time: string; now: number }) {
  return (
    <time dateTime={time} title={new Date(time).toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" })}>
      {ago(time, now)}
    </time>
  );
}

export function TagList({ tags }: { tags: Tags }) {
  return Object.entries(tags).map(([key, value]) => (
    <span className="tag" key={key}>
      {value === "" ? key : `${key}=${value}`}
    </span>
  ));
}

/** Bars in the place of what is being read. */
export function Skeleton({ rows = 6 }: { rows?: number }) {
  return (
    <div className="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the bars are all alike and never move
        <div key={row} />
      ))}
    </div>
  );
}

export function Failure({ error, retry }: { error: Error; retry: () => void }) {
  return (
    <div className="failure" role="alert">
      <p>{error.message}</p>
      <button type="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

/** An empty page that shows how to fill it. */
export function Empty({ children, snippet }: { children: ReactNode; snippet: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(snippet);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <div className="empty">
      <p>{children}</p>
      <pre>{snippet}</pre>
      <button type="button" onClick={copy}>
        {copied ? "Copied" : "Copy"}
      </button>
    </div>
  );
}

export const SNIPPET = `import llm_research_lab as lab

run = lab.init(experiment="tiny-lm", config={"lr": 3e-4})
for step in range(100):
    run.log({"loss": 1 / (step + 1)}, step=step)
run.finish()`;
