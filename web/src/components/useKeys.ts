import { useEffect } from "react";

/** Calls what is bound to a key, or to two in a row, while nothing is typed into. */
export function useKeys(bound: Record<string, () => void>): void {
  useEffect(() => {
    let before = "";
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable;
      const isChord = (event.ctrlKey || event.metaKey) && !event.altKey;
      if (
        isChord
          ? event.key.toLowerCase() !== "k"
          : isTyping || event.altKey || document.querySelector("dialog[open]") !== null
      )
        return;
      const name = isChord ? "Ctrl K" : event.key;
      const act = bound[`${before} ${name}`] ?? bound[name];
      before = name;
      if (act === undefined) return;
      event.preventDefault();
      act();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [bound]);
}
