/** What can be done to runs: shown at once, taken back where the server refuses or the reader does. */

import type { QueryClient } from "@tanstack/react-query";
import * as api from "../api/index.ts";
import { actLater, tell } from "../notices.tsx";
import { patchRuns } from "./useRuns.ts";

const some = (runs: api.Run[]) => (runs.length === 1 ? `#${runs[0]?.number} ${runs[0]?.name}` : `${runs.length} runs`);

/** Requests under way at a time. */
const AT_ONCE = 4;

async function each(runs: api.Run[], act: (run: api.Run) => Promise<unknown>): Promise<[api.Run, Error][]> {
  const failed: [api.Run, Error][] = [];
  const left = [...runs];
  const work = async () => {
    for (let run = left.shift(); run !== undefined; run = left.shift()) {
      const at = run;
      await act(at).catch((error: Error) => failed.push([at, error]));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return failed;
}

function complain(what: string, failed: [api.Run, Error][]): void {
  const [first] = failed;
  if (first !== undefined) tell(`${what}: ${failed.length} refused. ${first[1].message}`, { isBad: true });
}

/** Sets a tag, or removes it where the value is null. */
export async function tagRuns(
  client: QueryClient,
  runs: api.Run[],
  key: string,
  value: string | null,
  said?: string,
): Promise<void> {
  const tagged = (run: api.Run) => {
    const { [key]: _, ...rest } = run.tags;
    return { ...run, tags: value === null ? rest : { ...rest, [key]: value } };
  };
  patchRuns(client, new Map(runs.map((run) => [run.id, tagged(run)])));
  const failed = await each(runs, (run) => api.updateRun(run.id, { tags: { [key]: value } }));
  const refused = new Set(failed.map(([run]) => run.id));
  patchRuns(client, new Map(failed.map(([run]) => [run.id, run])));
  complain(`Tag ${key}`, failed);
  const done = runs.filter((run) => !refused.has(run.id));
  if (done.length === 0) return;
  tell(said ?? `${value === null ? "Untagged" : "Tagged"} ${some(done)}: ${key}`, {
    undo: () => {
      patchRuns(client, new Map(done.map((run) => [run.id, run])));
      void each(done, (run) => api.updateRun(run.id, { tags: { [key]: run.tags[key] ?? null } })).then((failed) => {
        complain("Undo", failed);
        void client.invalidateQueries({ queryKey: ["runs"] });
      });
    },
  });
}

/** Puts runs away: they are tagged `archived`, and tables leave them out unless asked. */
export async function archiveRuns(client: QueryClient, runs: api.Run[]): Promise<void> {
  await tagRuns(client, runs, "archived", "", `Archived ${some(runs)}`);
  await client.invalidateQueries({ queryKey: ["runs"] });
}

export async function renameRun(client: QueryClient, run: api.Run, name: string): Promise<void> {
  const back = patchRuns(client, new Map([[run.id, { ...run, name }]]));
  try {
    await api.updateRun(run.id, { name });
    await client.invalidateQueries({ queryKey: ["run", run.id] });
  } catch (error) {
    back();
    tell(`${some([run])} keeps its name. ${(error as Error).message}`, { isBad: true });
  }
}

export function deleteRuns(client: QueryClient, runs: api.Run[]): void {
  const back = patchRuns(client, new Map(runs.map((run) => [run.id, null])));
  actLater(
    `Deleted ${some(runs)}`,
    () =>
      void each(runs, (run) => api.deleteRun(run.id)).then((failed) => {
        complain("Delete", failed);
        if (failed.length > 0) void client.invalidateQueries({ queryKey: ["runs"] });
      }),
    back,
  );
}
