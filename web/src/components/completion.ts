/** What can be written next in a filter. */

import { field, type Names, PLAIN, quoted } from "../fields.ts";

export interface Completion {
  /** Where the word that is replaced begins. */
  from: number;
  options: { text: string; hint: string }[];
}

const OPERATORS = ["=", "!=", "<", "<=", ">", ">=", "like", "in (", "exists", "is null"];
const RUN_STATUSES = ["pending", "queued", "running", "completed", "failed", "cancelled", "timed_out"];
const SHOWN = 12;

const FIELD = /(?:^|[\s(])((?:params|metrics|tags)\.(?:`(?:[^`]|``)*`|[\p{L}\p{N}_./-]+)\)?|[a-z_]+)\s*$/iu;
const OPERATOR = /(?:=|!=|<>|<=|>=|<|>|\b(?:i?like)|\bin\s*\((?:[^)]*,)?)\s*$/i;

export function complete(text: string, caret: number, names: Names, valuesOf: (field: string) => string[]): Completion {
  const before = text.slice(0, caret);
  const word = /(?:(?:params|metrics|tags)\.`[^`]*|'[^']*|[\p{L}\p{N}_./-]*)$/u.exec(before)?.[0] ?? "";
  const from = caret - word.length;
  const rest = before.slice(0, from);
  const pick = (options: { text: string; hint: string }[]): Completion => {
    const wanted = word.toLowerCase().replaceAll("`", "");
    const found = options.filter(
      (option) => option.text.toLowerCase().replaceAll("`", "").includes(wanted) && option.text !== word,
    );
    const rank = (option: { text: string }) => (option.text.toLowerCase().startsWith(wanted) ? 0 : 1);
    return { from, options: found.toSorted((a, b) => rank(a) - rank(b)).slice(0, SHOWN) };
  };

  const operator = OPERATOR.exec(rest);
  if (operator !== null) {
    const asked = FIELD.exec(rest.slice(0, operator.index))?.[1] ?? "";
    const values = asked.toLowerCase() === "status" ? RUN_STATUSES : valuesOf(asked);
    return pick(values.map((value) => ({ text: value, hint: "value" })));
  }
  if (rest.trim() === "" || /(?:\b(?:and|or|not)\s+|\(\s*)$/i.test(rest)) {
    const families = (["metrics", "params", "tags"] as const).flatMap((family) =>
      names[family].map((name) => ({
        text: field(family, name),
        hint: { metrics: "metric", params: "parameter", tags: "tag" }[family],
      })),
    );
    return pick([...Object.keys(PLAIN).map((name) => ({ text: name, hint: "field" })), ...families]);
  }
  const last = FIELD.exec(rest)?.[1]?.toLowerCase();
  const isField =
    last !== undefined &&
    (last in PLAIN || last === "name" || last === "id" || /^(?:params|metrics|tags)\./.test(last));
  const isValue = /(?:=|<|>|like|in\s*\([^)]*)\s*\S+\s*$/i.test(rest);
  if (isField && !isValue) return pick(OPERATORS.map((sign) => ({ text: sign, hint: "" })));
  return pick(["and", "or"].map((sign) => ({ text: sign, hint: "" })));
}

/** A value as it is written in a filter. */
export const literal = (value: string) =>
  /^-?\d+(\.\d+)?(e[+-]?\d+)?$|^(true|false)$/i.test(value) ? value : quoted(value);
