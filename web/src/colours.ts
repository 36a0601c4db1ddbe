/** Told apart also by people who see few colours (Okabe and Ito, and two more), and seen on light and on dark. */
const COLOURS = ["#0b79bd", "#dd8a00", "#009e73", "#c9689d", "#45a5dc", "#d55e00", "#8578d4", "#a39400"];

/** The colour of a run: the same wherever it is shown. */
export function runColour(run: { number: number }): string {
  return COLOURS[(run.number - 1) % COLOURS.length] as string;
}

/** The colour of the group at that place. */
export function groupColour(index: number): string {
  return COLOURS[index % COLOURS.length] as string;
}
