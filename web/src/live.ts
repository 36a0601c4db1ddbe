/** Keeps what is shown up to date: every event of the server makes what it is about be read again. */

import { type Query, type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { LabEvent } from "./api/index.ts";

const KINDS = [
  "experiment_created",
  "experiment_updated",
  "experiment_archived",
  "run_created",
  "run_started",
  "run_resumed",
  "run_updated",
  "run_completed",
  "run_failed",
  "run_cancelled",
  "run_timed_out",
  "run_deleted",
  "metrics_logged",
  "threshold_crossed",
  "threshold_cleared",
  "artifact_logged",
];

/** The first event is shown at once; while more come, this often, however fast a run logs. */
const FIRST_MILLIS = 60;
const NEXT_MILLIS = 1000;

/** What happened since the last look. */
class News {
  /** Runs that logged metrics or log lines. */
  readonly logged = new Set<string>();
  /** Runs of which anything else changed. */
  readonly changed = new Set<string>();
  readonly experiments = new Set<string>();
  /** Whether runs came, went, or moved. */
  moved = false;

  add(event: LabEvent): void {
    const fields = event.fields as string[] | undefined;
    const isPrinted = event.type === "run_updated" && fields?.every((field) => field === "log");
    if (event.type === "metrics_logged" || isPrinted) {
      this.logged.add(event.run_id as string);
      return;
    }
    this.experiments.add(event.experiment_id);
    if (event.run_id !== undefined) this.changed.add(event.run_id);
    if (event.run_id !== undefined && event.type !== "run_updated" && event.type !== "artifact_logged")
      this.moved = true;
  }

  /** Whether the query shows anything of it. */
  concerns({ queryKey: [kind, subject] }: Query): boolean {
    const has = (id: unknown) => this.logged.has(id as string) || this.changed.has(id as string);
    switch (kind) {
      case "experiments":
      case "comparison":
      case "hypotheses":
      case "names":
      case "sparkline":
        return this.moved || this.experiments.size > 0;
      case "experiment":
        return this.experiments.has(subject as string) || this.moved;
      case "alerts":
        return this.moved || this.changed.size > 0;
      case "runs":
        return this.moved || this.changed.size > 0 || this.logged.size > 0;
      case "every run":
        return (subject as string[]).some((id) => this.changed.has(id));
      case "run":
        return this.changed.has(subject as string);
      case "series":
        return (subject as string[]).some((id) => this.logged.has(id));
      case "metrics":
      case "log":
      case "values":
      case "events":
        return has(subject);
      default:
        return false;
    }
  }

  get isEmpty(): boolean {
    return this.logged.size === 0 && this.changed.size === 0 && this.experiments.size === 0;
  }
}

/** Follows the events for as long as the page is open, and tells whether it does. */
export function useLive(): boolean {
  const client = useQueryClient();
  const [connected, setConnected] = useState(true);
  useEffect(() => {
    let news = new News();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last = 0;
    const show = () => {
      timer = undefined;
      last = Date.now();
      const told = news;
      news = new News();
      refresh(client, told);
      if (!news.isEmpty) plan();
    };
    const plan = () => {
      timer ??= setTimeout(show, Math.max(FIRST_MILLIS, last + NEXT_MILLIS - Date.now()));
    };
    const source = new EventSource("/api/v1/events");
    const onEvent = (message: MessageEvent<string>) => {
      news.add(JSON.parse(message.data) as LabEvent);
      plan();
    };
    for (const kind of KINDS) {
      source.addEventListener(kind, onEvent);
    }
    let wasLost = false;
    source.onopen = () => {
      setConnected(true);
      if (wasLost) void client.invalidateQueries();
      wasLost = false;
    };
    source.onerror = () => {
      wasLost = true;
      setConnected(false);
    };
    return () => {
      source.close();
      clearTimeout(timer);
    };
  }, [client]);
  return connected;
}

/** A query that can read a few of its items again, in place of all of them. */
export interface Patchable extends Record<string, unknown> {
  patch?: (ids: string[], haveMoved: boolean) => boolean;
}

/** Reads again what the news are about. An answer that is on its way may be older than they, so it is asked for again. */
function refresh(client: QueryClient, news: News): void {
  for (const query of client.getQueryCache().findAll({ predicate: (query) => news.concerns(query) })) {
    const { patch } = (query.meta ?? {}) as Patchable;
    if (query.isActive() && patch?.([...news.logged, ...news.changed], news.moved)) continue;
    const again = () =>
      void client.invalidateQueries({ queryKey: query.queryKey, exact: true }, { cancelRefetch: false });
    if (query.state.fetchStatus === "fetching") void query.promise?.then(again, again);
    else again();
  }
}
