/** The state of what is shown, kept in the address so that a link shows the same. */

import { useCallback, useMemo } from "react";
import { useNavigate, useSearchParams } from "react-router";

export type Patch = Record<string, string | undefined>;

export interface UrlState {
  get(name: string): string | undefined;
  /** Sets or removes fields; as a new entry of the browser's history where `isStep`. */
  set(patch: Patch, isStep?: boolean): void;
  /** The address of this page with other fields. */
  with(patch: Patch): string;
}

export function useUrl(): UrlState {
  const [search] = useSearchParams();
  const navigate = useNavigate();
  const change = useCallback((patch: Patch) => {
    const after = new URLSearchParams(window.location.search);
    for (const [name, value] of Object.entries(patch)) {
      if (value === undefined || value === "") after.delete(name);
      else after.set(name, value);
    }
    const text = after.toString();
    return text === "" ? "" : `?${text}`;
  }, []);
  return useMemo(
    () => ({
      get: (name) => search.get(name) ?? undefined,
      set: (patch, isStep = false) =>
        navigate({ search: change(patch) }, { replace: !isStep, preventScrollReset: true }),
      with: (patch) => window.location.pathname + change(patch),
    }),
    [search, navigate, change],
  );
}

/** Texts as one, each readable where it has none of the signs that separate them. */
export function joined(texts: readonly string[]): string {
  return texts.map((text) => text.replaceAll(/[%,~]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`)).join(",");
}

export function separated(text: string | undefined): string[] {
  if (text === undefined || text === "") return [];
  return text
    .split(",")
    .map((part) => part.replaceAll(/%(25|2c|7e)/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))));
}
