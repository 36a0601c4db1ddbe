/** A unified diff, its lines told apart by colour and by their first sign. */
export function Diff({ text }: { text: string }) {
  const kind = (line: string) => {
    if (/^(\+\+\+|---|diff |index )/.test(line)) return "file";
    return line.startsWith("@@")
      ? "place"
      : line.startsWith("+")
        ? "added"
        : line.startsWith("-")
          ? "removed"
          : undefined;
  };
  return (
    <pre className="diff" tabIndex={0}>
      {text.split("\n").map((line, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines may be alike, and never move
        <span key={i} className={kind(line)}>
          {line}
          {"\n"}
        </span>
      ))}
    </pre>
  );
}
