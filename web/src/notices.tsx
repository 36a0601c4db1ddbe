/** What the page tells of its own acts, with a way back where there is one. */

import { useSyncExternalStore } from "react";

interface Notice {
  id: number;
  text: string;
  isBad?: boolean;
  undo?: () => void;
}

const UNDO_MILLIS = 6000;

let notices: Notice[] = [];
let nextId = 1;
const listeners = new Set<() => void>();
/** Acts that wait for the reader to change their mind. */
const waiting = new Map<number, () => void>();

function publish(next: Notice[]): void {
  notices = next;
  for (const listener of listeners) listener();
}

function dismiss(id: number): void {
  publish(notices.filter((notice) => notice.id !== id));
}

export function tell(text: string, more: { isBad?: boolean; undo?: () => void } = {}): number {
  const id = nextId++;
  publish([...notices, { id, text, ...more }]);
  setTimeout(() => dismiss(id), more.isBad === true ? 12_000 : UNDO_MILLIS);
  return id;
}

/** Does something that cannot be taken back, but only when the time to take it back is over. */
export function actLater(text: string, act: () => void, undo: () => void): void {
  const id = tell(text, {
    undo: () => {
      clearTimeout(timer);
      waiting.delete(id);
      undo();
    },
  });
  const run = () => {
    waiting.delete(id);
    act();
  };
  const timer = setTimeout(run, UNDO_MILLIS);
  waiting.set(id, run);
}

window.addEventListener("pagehide", () => {
  for (const act of [...waiting.values()]) act();
});

export function Notices() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => notices,
  );
  return (
    <div className="notices" aria-live="polite">
      {shown.map((notice) => (
        <div key={notice.id} className={notice.isBad === true ? "notice bad" : "notice"}>
          <span>{notice.text}</span>
          {notice.undo !== undefined && (
            <button
              type="button"
              onClick={() => {
                notice.undo?.();
                dismiss(notice.id);
              }}
            >
              Undo
            </button>
          )}
          <button type="button" className="bare" aria-label="Dismiss" onClick={() => dismiss(notice.id)}>
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}
