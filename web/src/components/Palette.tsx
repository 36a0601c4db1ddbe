import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useNavigate } from "react-router";
import * as api from "../api/index.ts";
import { quoted } from "../fields.ts";
import { nextTheme } from "../theme.ts";
import { Over } from "./Parts.tsx";

interface Command {
  label: string;
  hint: string;
  run: () => void;
}

const FOUND = 8;

/** Goes anywhere and does anything by a few letters of its name. */
export function Palette({ onClose, onHelp }: { onClose: () => void; onHelp: () => void }) {
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [active, setActive] = useState(0);
  const wanted = useLater(text.trim(), 120);
  const like = quoted(`%${wanted}%`);
  const experiments = useQuery({
    queryKey: ["palette", "experiments", wanted],
    queryFn: () => api.experiments({ limit: FOUND, ...(wanted === "" ? {} : { query: `name ilike ${like}` }) }),
    placeholderData: keepPreviousData,
  });
  const runs = useQuery({
    queryKey: ["palette", "runs", wanted],
    queryFn: ({ signal }) =>
      api.searchRuns(
        { experiments: [], limit: FOUND, metrics: [], query: wanted === "" ? undefined : `name ilike ${like}` },
        signal,
      ),
    placeholderData: keepPreviousData,
  });
  const fixed: Command[] = [
    { label: "Experiments", hint: "page", run: () => navigate("/") },
    { label: "All runs", hint: "page", run: () => navigate("/runs") },
    { label: "Alerts", hint: "page", run: () => navigate("/alerts") },
    { label: "Runs that failed", hint: "page", run: () => navigate("/runs?where=status+%3D+failed") },
    { label: "Runs that are going on", hint: "page", run: () => navigate("/runs?where=status+%3D+running") },
    { label: "Change between dark and light", hint: "theme", run: nextTheme },
    { label: "Keys", hint: "help", run: onHelp },
  ];
  const found: Command[] = [
    ...fixed,
    ...(experiments.data?.items ?? []).map((one) => ({
      label: one.name,
      hint: "experiment",
      run: () => navigate(`/experiments/${one.id}`),
    })),
    ...(runs.data?.items ?? []).map((one) => ({
      label: `#${one.number} ${one.name}`,
      hint: `run of ${one.experiment_name}`,
      run: () => navigate(`/runs/${one.id}`),
    })),
  ];
  // What was found for fewer letters stays until more is found, but only as far as it fits.
  const commands = found.filter((command) => command.label.toLowerCase().includes(text.trim().toLowerCase()));
  const at = Math.min(active, commands.length - 1);
  const go = (command: Command | undefined) => {
    onClose();
    command?.run();
  };
  return (
    <Over title="Go to" onClose={onClose} className="palette">
      <input
        role="combobox"
        aria-label="Go to"
        aria-expanded="true"
        aria-controls="palette-options"
        aria-activedescendant={`palette-${at}`}
        placeholder="An experiment, a run, a page"
        autoComplete="off"
        data-focus
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setActive(0);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") go(commands[at]);
          else if (event.key === "ArrowDown") setActive((at + 1) % commands.length);
          else if (event.key === "ArrowUp") setActive((at + commands.length - 1) % commands.length);
          else return;
          event.preventDefault();
        }}
      />
      <div role="listbox" id="palette-options" aria-label="Found">
        {commands.map((command, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the input it belongs to has the keys
          <div
            // biome-ignore lint/suspicious/noArrayIndexKey: names may be alike
            key={i}
            id={`palette-${i}`}
            role="option"
            aria-selected={i === at}
            ref={(option) => {
              if (i === at) option?.scrollIntoView({ block: "nearest" });
            }}
            onClick={() => go(command)}
          >
            <span>{command.label}</span> <span className="quiet">{command.hint}</span>
          </div>
        ))}
        {commands.length === 0 && <p className="quiet">Nothing has that name.</p>}
      </div>
    </Over>
  );
}

function useLater<T>(value: T, millis: number): T {
  const [later, setLater] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setLater(value), millis);
    return () => clearTimeout(timer);
  }, [value, millis]);
  return later;
}
