/** Dark or light: as the system says, or as the reader chose. */

import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

const THEMES: Theme[] = ["system", "light", "dark"];
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function chosen(): Theme {
  const stored = localStorage.getItem("theme") as Theme;
  return THEMES.includes(stored) ? stored : "system";
}

function apply(): void {
  const theme = chosen();
  const isDark = theme === "dark" || (theme === "system" && system.matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  for (const listener of listeners) listener();
}

export function nextTheme(): void {
  localStorage.setItem("theme", THEMES[(THEMES.indexOf(chosen()) + 1) % THEMES.length] as Theme);
  apply();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** What the reader chose. */
export const useTheme = () => useSyncExternalStore(subscribe, chosen);

/** What that means now. */
export const useIsDark = () => useSyncExternalStore(subscribe, () => document.documentElement.dataset.theme === "dark");

system.addEventListener("change", apply);
apply();
