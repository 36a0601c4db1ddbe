/** Keeps what is shown up to date: every event of the server makes what it is about be read again. */

import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

interface LabEvent {
  type: string;
  experiment_id: string;
  run_id?: string;
}

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
  "artifact_logged",
];

/** At most this often is anything read again, however fast a run logs. */
const REFRESH_MILLIS = 500;

/** Follows the events for as long as the page is open, and tells whether it does. */
export function useLive(): boolean {
  const client = useQueryClient();
  const [connected, setConnected] = useState(true);
  useEffect(() => {
    const stale = new Set<string>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const refresh = () => {
      timer = undefined;
      for (const key of stale) {
        invalidate(client, key);
      }
      stale.clear();
    };
    const source = new EventSource("/api/v1/events");
    const onEvent = (message: MessageEvent<string>) => {
      const event = JSON.parse(message.data) as LabEvent;
      if (event.run_id !== undefined) {
        stale.add(`run ${event.run_id}`);
        stale.add("runs");
      }
      if (event.type !== "metrics_logged") {
        stale.add("experiments");
      }
      timer ??= setTimeout(refresh, REFRESH_MILLIS);
    };
    for (const kind of KINDS) {
      source.addEventListener(kind, onEvent);
    }
    source.onopen = () => setConnected(true);
    source.onerror = () => setConnected(false);
    return () => {
      source.close();
      clearTimeout(timer);
    };
  }, [client]);
  return connected;
}

function invalidate(client: QueryClient, key: string): void {
  const [kind, id] = key.split(" ");
  const queryKey = id === undefined ? [kind] : [kind, id];
  void client.invalidateQueries({ queryKey }, { cancelRefetch: false });
}
