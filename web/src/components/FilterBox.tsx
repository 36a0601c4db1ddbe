import { useEffect, useId, useRef, useState } from "react";
import { flushSync } from "react-dom";
import type { Names } from "../fields.ts";
import { type Completion, complete } from "./completion.ts";

interface Props {
  value: string;
  names: Names;
  valuesOf: (field: string) => string[];
  /** What the server finds wrong with the value. */
  problem?: string | undefined;
  onChange: (value: string) => void;
}

const NOTHING: Completion = { from: 0, options: [] };

/** A filter in the query language, with completion, and with its errors where they are. */
export function FilterBox({ value, names, valuesOf, problem, onChange }: Props) {
  const [draft, setDraft] = useState(value);
  const [completion, setCompletion] = useState(NOTHING);
  const [active, setActive] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  useEffect(() => setDraft(value), [value]);

  const suggest = (text: string, caret: number) => {
    setCompletion(complete(text, caret, names, valuesOf));
    setActive(-1);
  };
  const close = () => setCompletion(NOTHING);
  const submit = () => {
    close();
    onChange(draft.trim());
  };
  const accept = (option: string) => {
    const end = input.current?.selectionStart ?? draft.length;
    const text = `${draft.slice(0, completion.from)}${option} `;
    // Keys may follow at once, so the text and the cursor must be where they belong before this returns.
    flushSync(() => {
      setDraft(text + draft.slice(end).trimStart());
      suggest(text, text.length);
    });
    input.current?.setSelectionRange(text.length, text.length);
  };
  const { options } = completion;
  const onKey = (event: React.KeyboardEvent) => {
    const isOpen = options.length > 0;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (isOpen) setActive((active + (event.key === "ArrowDown" ? 1 : options.length)) % options.length);
      else suggest(draft, input.current?.selectionStart ?? draft.length);
    } else if (event.key === "Escape") {
      if (isOpen) close();
      else input.current?.blur();
    } else if ((event.key === "Enter" || event.key === "Tab") && isOpen && active >= 0) {
      event.preventDefault();
      accept((options[active] as { text: string }).text);
    } else if (event.key === "Tab" && isOpen && draft !== value) {
      event.preventDefault();
      accept((options[0] as { text: string }).text);
    }
  };

  const place = /\(character (\d+)\)/.exec(problem ?? "")?.[1];
  const chars = [...value];
  const at = place === undefined ? undefined : Math.min(Number(place) - 1, chars.length);
  return (
    <form
      className="filter"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <input
        ref={input}
        id="filter"
        role="combobox"
        aria-label="Filter runs"
        aria-expanded={options.length > 0}
        aria-controls={`${id}-options`}
        aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
        aria-invalid={problem !== undefined}
        aria-describedby={problem === undefined ? undefined : `${id}-problem`}
        aria-autocomplete="list"
        autoComplete="off"
        spellCheck={false}
        placeholder="Filter, as metrics.loss < 0.5 and params.layers = 4      /"
        value={draft}
        onChange={(event) => {
          setDraft(event.target.value);
          suggest(event.target.value, event.target.selectionStart ?? event.target.value.length);
        }}
        onKeyDown={onKey}
        onBlur={close}
      />
      {value !== "" && (
        <button type="button" onClick={() => onChange("")}>
          Clear
        </button>
      )}
      <div
        role="listbox"
        id={`${id}-options`}
        className="options"
        aria-label="Completions"
        hidden={options.length === 0}
      >
        {options.map((option, i) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the input it belongs to has the keys
          <div
            key={option.text}
            role="option"
            id={`${id}-${i}`}
            aria-selected={i === active}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => accept(option.text)}
          >
            <span>{option.text}</span> <span className="quiet">{option.hint}</span>
          </div>
        ))}
      </div>
      {problem !== undefined && (
        <p className="problem" id={`${id}-problem`} role="alert">
          {at !== undefined && (
            <code>
              {chars.slice(Math.max(0, at - 20), at).join("")}
              <mark>{chars.slice(at, at + 12).join("") || "⎵"}</mark>
            </code>
          )}{" "}
          {problem}
        </p>
      )}
    </form>
  );
}
