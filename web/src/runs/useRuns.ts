/** The runs of a table, read page by page as they come into sight. */

import { type InfiniteData, keepPreviousData, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import * as api from "../api/index.ts";
import { type Names, namesOf, quoted } from "../fields.ts";
import type { Patchable } from "../live.ts";

const FIRST_PAGE = 100;
const NEXT_PAGE = 500;
/** Runs looked at to know which parameters, metrics and tags there are. */
const SAMPLE = 24;
/** With more pages than this what changed is read alone, not with all that was read before. */
const PAGES_READ_AGAIN = 1;
/** The same where runs came or went, which can change every page. */
const PAGES_READ_AGAIN_IF_MOVED = 4;
const MOST_PATCHED = 200;

export type Pages = InfiniteData<api.Paged<api.Run>, string | undefined>;

export interface Search {
  experiments: string[];
  where: string;
  sort: string;
  metrics: string[];
  withArchived: boolean;
}

/** The filter of a search: what the reader wrote, without the runs put away. */
export function whereOf({ where, withArchived }: Pick<Search, "where" | "withArchived">): string {
  const kept = withArchived ? "" : "not (tags.archived exists)";
  return [where === "" ? "" : `(${where})`, kept].filter((part) => part !== "").join(" and ");
}

export function useNames(experiments: string[]): Names | undefined {
  const query = useQuery({
    queryKey: ["names", ...experiments],
    queryFn: ({ signal }) => api.searchRuns({ experiments, limit: SAMPLE }, signal),
    select: (page) => ({ ...namesOf(page.items), isEmpty: page.total_count === 0 }),
    // Until there is a first metric, every look may find one.
    refetchInterval: ({ state }) => ((state.data?.items ?? []).some((run) => run.metrics.length > 0) ? false : 2000),
  });
  return query.data;
}

export function useRuns(search: Search, isEnabled: boolean) {
  const client = useQueryClient();
  const { experiments, where, sort, metrics } = search;
  const filter = whereOf(search);
  const key = ["runs", experiments, filter, sort, metrics];
  const base = { experiments, metrics, sort: sort === "" ? undefined : sort };
  // What is wrong is said of the filter as it was written, so that places in it are right.
  const check = async (error: unknown) => {
    if (error instanceof api.Refusal && error.status === 422 && where !== "") {
      await api.searchRuns({ experiments, query: where, sort: base.sort, limit: 1, metrics: [] });
    }
    throw error;
  };

  const meta: Patchable = {
    patch: (ids, haveMoved) => {
      const pages = client.getQueryData<Pages>(key)?.pages ?? [];
      if (pages.length <= (haveMoved ? PAGES_READ_AGAIN_IF_MOVED : PAGES_READ_AGAIN)) return false;
      const loaded = new Set(pages.flatMap((page) => page.items.map((run) => run.id)));
      const changed = ids.filter((id) => loaded.has(id)).slice(0, MOST_PATCHED);
      if (changed.length === 0) return true;
      const one = {
        ...base,
        sort: undefined,
        query: `id in (${changed.map(quoted).join(", ")})`,
        limit: changed.length,
      };
      void api.searchRuns(one).then(({ items }) => patchRuns(client, new Map(items.map((run) => [run.id, run]))));
      return true;
    },
  };

  const query = useInfiniteQuery({
    queryKey: key,
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      api
        .searchRuns(
          {
            ...base,
            query: filter === "" ? undefined : filter,
            cursor: pageParam,
            limit: pageParam === undefined ? FIRST_PAGE : NEXT_PAGE,
          },
          signal,
        )
        .catch(check),
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
    enabled: isEnabled,
    // Comparing thousands of runs field by field costs more than drawing the few in sight again.
    structuralSharing: false,
    meta,
  });
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const total = query.data?.pages.at(-1)?.total_count ?? 0;
  return { ...query, rows, total };
}

type Client = ReturnType<typeof useQueryClient>;

/** Puts other versions of runs where they are shown, and takes away those that are null. Gives the way back. */
export function patchRuns(client: Client, runs: ReadonlyMap<string, api.Run | null>): () => void {
  const before = client.getQueriesData<Pages>({ queryKey: ["runs"] });
  client.setQueriesData<Pages>({ queryKey: ["runs"] }, (data) =>
    data === undefined
      ? data
      : {
          ...data,
          pages: data.pages.map((page) => {
            const items = page.items.flatMap((run) => {
              const other = runs.get(run.id);
              return other === null ? [] : [other ?? run];
            });
            return { ...page, items, total_count: page.total_count - (page.items.length - items.length) };
          }),
        },
  );
  return () => {
    for (const [key, data] of before) client.setQueryData(key, data);
  };
}
