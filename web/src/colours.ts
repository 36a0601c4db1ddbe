/** Told apart also by people who see few colours (Okabe and Ito, and two more), and seen on light and on dark. */
export const COLOURS = ["#0b79bd", "#dd8a00", "#009e73", "#c9689d", "#45a5dc", "#d55e00", "#8578d4", "#a39400"];

/** The tag that holds the colour that somebody chose for a run. */
export const COLOUR_TAG = "lab.colour";

/** The colour of a run: the same wherever it is shown. */
export function runColour(run: { number: number; tags?: Record<string, string> }): string {
  const chosen = run.tags?.[COLOUR_TAG];
  if (chosen !== undefined && /^#[0-9a-f]{6}$/i.test(chosen)) return chosen;
  return COLOURS[(run.number - 1) % COLOURS.length] as string;
}

/** The colour of the group at that place. */
export function groupColour(index: number): string {
  return COLOURS[index % COLOURS.length] as string;
}
