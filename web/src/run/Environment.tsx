import { useState } from "react";
import type * as api from "../api/index.ts";
import { Diff } from "../components/Diff.tsx";
import { flatten, size } from "../format.ts";
import { GitLink } from "./GitLink.tsx";

/** Where a run ran. */
export default function Environment({ environment }: { environment: api.Environment | undefined }) {
  const [search, setSearch] = useState("");
  if (environment === undefined) {
    return (
      <p className="empty quiet">
        No environment was captured. The Python client and `lab run` capture one by themselves.
      </p>
    );
  }
  const { captured_at, duration_millis, git, dependencies, not_seen, ...rest } = environment;
  const { diff, ...state } = git ?? {};
  const facts = flatten({ ...rest, ...(git === undefined ? {} : { git: state }) } as Record<string, unknown>).map(
    ([name, value]): [string, string] => [name, name.endsWith("_bytes") ? size(Number(value)) : value],
  );
  const packages = (dependencies?.packages ?? []).filter((one) =>
    `${one.name} ${one.version}`.toLowerCase().includes(search.toLowerCase()),
  );
  return (
    <div className="columns">
      <section>
        <h2>Machine and code</h2>
        {git !== undefined && (
          <p>
            <GitLink git={git} />
          </p>
        )}
        <table>
          <tbody>
            {facts.map(([name, value]) => (
              <tr key={name}>
                <th scope="row" className="prose">
                  {name}
                </th>
                <td className="prose">{value}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {(not_seen ?? []).length > 0 && (
          <details>
            <summary>{not_seen?.length} things could not be seen</summary>
            <ul>
              {not_seen?.map((one) => (
                <li key={one.field}>
                  {one.field}: {one.reason}
                </li>
              ))}
            </ul>
          </details>
        )}
      </section>
      <section>
        <h2>Packages</h2>
        <input
          type="search"
          aria-label="Find packages"
          placeholder="Find packages"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        {packages.length === 0 && <p className="quiet">None.</p>}
        <table>
          <tbody>
            {packages.map((one) => (
              <tr key={`${one.ecosystem} ${one.name} ${one.version}`}>
                <th scope="row">{one.name}</th>
                <td>{one.version}</td>
                <td className="quiet">{one.origin ?? one.ecosystem}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {diff !== undefined && diff !== "" && (
        <section className="whole">
          <h2>Changes that were not committed</h2>
          <Diff text={diff} />
          {git?.diff_truncated === true && <p className="quiet">The rest was too long to keep.</p>}
        </section>
      )}
    </div>
  );
}
