/** Small pieces that every page uses. */

import { type ReactNode, useEffect, useRef, useState } from "react";
import type { Tags } from "../api/index.ts";
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

export function useTitle(title: string | undefined): void {
  useEffect(() => {
    document.title = title === undefined ? "LLM-Research-Lab" : `${title} · LLM-Research-Lab`;
  }, [title]);
}

export function Status({ status }: { status: string }) {
  return <span className={`status ${status}`}>{status.replace("_", " ")}</span>;
}

export const exactTime = (time: string) =>
  new Date(time).toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });

export function Time({ time, now }: { time: string; now: number }) {
  return (
    <time dateTime={time} title={exactTime(time)}>
      {ago(time, now)}
    </time>
  );
}

export function TagList({ tags }: { tags: Tags }) {
  return Object.entries(tags).map(([key, value]) => (
    <span className="tag" key={key} title={value === "" ? key : `${key}=${value}`}>
      {value === "" ? key : `${key}=${value}`}
    </span>
  ));
}

/** The colour of a run's lines. */
export function Dot({ colour, isHollow = false }: { colour: string; isHollow?: boolean }) {
  return (
    <svg width="10" height="10" aria-hidden="true" className="dot">
      <circle cx="5" cy="5" r="4" fill={isHollow ? "none" : colour} stroke={colour} strokeWidth="1.5" />
    </svg>
  );
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

export function Copy({ text, label = "Copy" }: { text: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <button type="button" onClick={copy}>
      {copied ? "Copied" : label}
    </button>
  );
}

/** An empty page that shows how to fill it. */
export function Empty({ children, snippet }: { children: ReactNode; snippet: string }) {
  return (
    <div className="empty">
      <p>{children}</p>
      <pre tabIndex={0}>{snippet}</pre>
      <Copy text={snippet} />
    </div>
  );
}

export const SNIPPET = `import llm_research_lab as lab

run = lab.init(experiment="tiny-lm", config={"lr": 3e-4})
for step in range(100):
    run.log({"loss": 1 / (step + 1)}, step=step)
run.finish()`;

/** A window over the page that Escape closes. */
export function Over({
  title,
  children,
  onClose,
  className = "",
}: {
  title: string;
  children: ReactNode;
  onClose: () => void;
  className?: string;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
    // A dialog focuses its first button, and React does not write `autofocus`.
    dialog.current?.querySelector<HTMLElement>("[data-focus]")?.focus();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes it too
    <dialog
      ref={dialog}
      className={`over ${className}`}
      aria-label={title}
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && dialog.current.close()}
    >
      <div className="over-body">
        <form method="dialog" className="close">
          <button type="submit" className="bare" aria-label="Close">
            ✕
          </button>
        </form>
        {children}
      </div>
    </dialog>
  );
}

/** A button that opens a small window below it. */
export function Menu({
  label,
  title,
  children,
  className = "",
}: {
  label: ReactNode;
  title?: string;
  children: ReactNode;
  className?: string;
}) {
  const button = useRef<HTMLButtonElement>(null);
  const popover = useRef<HTMLDivElement>(null);
  const [isOpen, setIsOpen] = useState(false);
  const place = () => {
    if (button.current === null || popover.current === null) return;
    const at = button.current.getBoundingClientRect();
    const { style, offsetWidth, offsetHeight } = popover.current;
    style.left = `${Math.max(4, Math.min(at.left, innerWidth - offsetWidth - 8))}px`;
    style.top = `${at.bottom + offsetHeight + 8 > innerHeight ? Math.max(4, at.top - offsetHeight - 4) : at.bottom + 4}px`;
  };
  return (
    <>
      <button
        type="button"
        ref={button}
        className={className}
        aria-haspopup="true"
        aria-expanded={isOpen}
        aria-label={title}
        title={title}
        onClick={() => {
          if (popover.current?.matches(":popover-open")) popover.current.hidePopover();
          else popover.current?.showPopover();
        }}
      >
        {label}
      </button>
      <div
        ref={popover}
        popover="auto"
        className="menu"
        onToggle={(event) => {
          setIsOpen(event.newState === "open");
          if (event.newState === "open") requestAnimationFrame(place);
        }}
      >
        {isOpen && children}
      </div>
    </>
  );
}
