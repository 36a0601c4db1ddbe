import { useMemo, useState } from "react";
import { Over } from "../components/Parts.tsx";
import { byName } from "../fields.ts";
import { Chart, type Line } from "./Chart.tsx";
import { useSettings } from "./settings.ts";

/** A chart for each metric, by the part of its name before the last slash. */
export function Charts({ lines, names }: { lines: Line[]; names: string[] }) {
  const settings = useSettings();
  const { search, url } = settings;
  const [large, setLarge] = useState<string>();
  const groups = useMemo(() => {
    const wanted = search.toLowerCase();
    const groups = new Map<string, string[]>();
    for (const name of names) {
      if (!name.toLowerCase().includes(wanted)) continue;
      const prefix = name.includes("/") ? name.slice(0, name.lastIndexOf("/")) : "";
      groups.set(prefix, [...(groups.get(prefix) ?? []), name]);
    }
    return [...groups].sort(([a], [b]) => byName(`${a}/`, `${b}/`));
  }, [names, search]);
  if (names.length === 0)
    return <p className="quiet empty">No metrics yet. They show here as soon as they are logged.</p>;
  return (
    <section aria-label="Charts">
      <Controls settings={settings} names={names} isGrouped={lines.some((line) => line.group !== undefined)} />
      {groups.length === 0 && (
        <p className="quiet">
          No metric has “{search}” in its name.{" "}
          <button type="button" className="bare" onClick={() => url.set({ metric: undefined })}>
            Show all
          </button>
        </p>
      )}
      {groups.map(([prefix, members]) => (
        <details key={prefix} open className="group">
          <summary>
            {prefix === "" ? "Metrics" : prefix} <span className="quiet">{members.length}</span>
          </summary>
          <div className="charts">
            {members.map((name) => (
              <Chart key={name} name={name} lines={lines} settings={settings} onEnlarge={() => setLarge(name)} />
            ))}
          </div>
        </details>
      ))}
      {large !== undefined && (
        <Over title={large} onClose={() => setLarge(undefined)}>
          <Chart name={large} lines={lines} settings={settings} isLarge />
        </Over>
      )}
    </section>
  );
}

function Controls({
  settings,
  names,
  isGrouped,
}: {
  settings: ReturnType<typeof useSettings>;
  names: string[];
  isGrouped: boolean;
}) {
  const { x, weight, kernel, isLog, isClipped, spread, search, zoom, url } = settings;
  return (
    <div className="controls">
      <input
        type="search"
        aria-label="Find metrics"
        placeholder="Find metrics"
        value={search}
        onChange={(event) => url.set({ metric: event.target.value })}
      />
      <label>
        x{" "}
        <select
          value={x}
          onChange={(event) =>
            url.set({ x: event.target.value === "step" ? undefined : event.target.value, zoom: undefined })
          }
        >
          <option value="step">step</option>
          <option value="relative">relative time</option>
          <option value="time">time</option>
          <optgroup label="Metric">
            {names.slice(0, 500).map((name) => (
              <option key={name} value={`metric:${name}`}>
                {name}
              </option>
            ))}
          </optgroup>
        </select>
      </label>
      <label>
        Smooth{" "}
        <input
          type="range"
          min={0}
          max={99}
          value={Math.round(weight * 100)}
          onChange={(event) => url.set({ smooth: event.target.value === "0" ? undefined : event.target.value })}
        />
        <output>{weight.toFixed(2)}</output>
      </label>
      <label>
        <span className="unseen">Kernel</span>
        <select
          value={kernel}
          onChange={(event) => url.set({ kernel: event.target.value === "ema" ? undefined : event.target.value })}
        >
          <option value="ema">EMA</option>
          <option value="gauss">Gaussian</option>
        </select>
      </label>
      <label>
        <input type="checkbox" checked={isLog} onChange={() => url.set({ log: isLog ? undefined : "1" })} /> log y
      </label>
      <label title="Fit the y axis to nearly all values, not to the few far out">
        <input type="checkbox" checked={isClipped} onChange={() => url.set({ clip: isClipped ? undefined : "1" })} />{" "}
        clip outliers
      </label>
      {isGrouped && (
        <label>
          Band{" "}
          <select value={spread} onChange={(event) => url.set({ band: event.target.value })}>
            <option value="interval">mean, 95% interval</option>
            <option value="deviation">mean ± deviation</option>
            <option value="quartiles">median, quartiles</option>
            <option value="range">median, min to max</option>
          </select>
        </label>
      )}
      {zoom !== undefined && (
        <button type="button" onClick={() => url.set({ zoom: undefined })}>
          Zoom out
        </button>
      )}
    </div>
  );
}
