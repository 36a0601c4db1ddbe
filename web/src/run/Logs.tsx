import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import Anser from "anser";
import { useEffect, useMemo, useRef, useState } from "react";
import * as api from "../api/index.ts";
import { exactTime, Failure, Skeleton } from "../components/Parts.tsx";

const LEVELS: api.LogLevel[] = ["debug", "info", "warning", "error", "critical"];
const ROW = 19;
const CHUNK = 10_000;
/** Most lines that are looked through; those before them are left out. */
const MOST = 200_000;

interface Line extends api.LogLine {
  number: number;
}

/** What a run printed: the tail while it runs, by level, searched, in the colours it was printed in. */
export default function Logs({ run }: { run: api.Run }) {
  const known = useRef<{ run: string; lines: Line[]; next: number }>({ run: run.id, lines: [], next: 1 });
  const query = useQuery({
    queryKey: ["log", run.id],
    queryFn: async () => {
      if (known.current.run !== run.id) known.current = { run: run.id, lines: [], next: 1 };
      const { current } = known;
      let fresh: Line[] = [];
      for (;;) {
        const { first, lines, total_lines } = await api.log(run.id, current.next, CHUNK);
        if (current.next === 1 && total_lines > MOST) {
          current.next = total_lines - MOST + 1;
          continue;
        }
        fresh = fresh.concat(lines.map((line, i) => ({ ...line, number: first + i })));
        current.next = first + lines.length;
        if (lines.length === 0 || current.next > total_lines) break;
      }
      if (fresh.length > 0) current.lines = current.lines.concat(fresh);
      return current.lines;
    },
    structuralSharing: false,
    placeholderData: keepPreviousData,
  });
  const [least, setLeast] = useState<api.LogLevel>("debug");
  const [search, setSearch] = useState("");
  const [follows, setFollows] = useState(true);
  const scroller = useRef<HTMLDivElement>(null);
  const lines = useMemo(() => {
    const wanted = search.toLowerCase();
    const floor = LEVELS.indexOf(least);
    return (query.data ?? []).filter(
      (line) => LEVELS.indexOf(line.level) >= floor && (wanted === "" || line.text.toLowerCase().includes(wanted)),
    );
  }, [query.data, least, search]);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 30,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: it follows the lines
  useEffect(() => {
    if (follows && lines.length > 0) virtual.scrollToIndex(lines.length - 1, { align: "end" });
  }, [follows, lines.length]);

  if (query.error) return <Failure error={query.error} retry={query.refetch} />;
  if (query.data === undefined) return <Skeleton />;
  return (
    <section aria-label="Log">
      <div className="controls">
        <input
          type="search"
          aria-label="Search the log"
          placeholder="Search"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <label>
          From level{" "}
          <select value={least} onChange={(event) => setLeast(event.target.value as api.LogLevel)}>
            {LEVELS.map((level) => (
              <option key={level}>{level}</option>
            ))}
          </select>
        </label>
        <label>
          <input type="checkbox" checked={follows} onChange={() => setFollows(!follows)} /> follow
        </label>
        <span className="quiet">
          {lines.length === query.data.length
            ? `${lines.length.toLocaleString()} lines`
            : `${lines.length.toLocaleString()} of ${query.data.length.toLocaleString()} lines`}
        </span>
      </div>
      {query.data.length === 0 && <p className="quiet">Nothing was printed yet.</p>}
      <div
        className="log"
        ref={scroller}
        tabIndex={0}
        role="log"
        aria-live="off"
        onWheel={(event) => event.deltaY < 0 && setFollows(false)}
        hidden={query.data.length === 0}
      >
        <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {virtual.getVirtualItems().map((item) => {
            const line = lines[item.index] as Line;
            return (
              <div
                key={line.number}
                className={`log-line ${line.level}`}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <span className="quiet number" title={exactTime(line.time)}>
                  {line.number}
                </span>
                <span className="level">{line.level === "info" ? "" : line.level}</span>
                <Ansi text={line.text} />
              </div>
            );
          })}
        </div>
      </div>
    </section>
  );
}

const SHOWN = 20_000;

function Ansi({ text }: { text: string }) {
  const parts = useMemo(
    () => Anser.ansiToJson(text.slice(0, SHOWN), { use_classes: true, remove_empty: true, json: true }),
    [text],
  );
  return (
    <span>
      {parts.map((part, i) => {
        const classes = [part.fg && `fg-${part.fg}`, part.bg && `bg-${part.bg}`, ...(part.decorations ?? [])]
          .filter(Boolean)
          .join(" ");
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: parts of a line never move
          <span key={i} className={classes}>
            {part.content}
          </span>
        );
      })}
    </span>
  );
}
