/** Files that the page makes. */

function blob(name: string, content: Blob | null | undefined): void {
  if (!content) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name.replaceAll(/[\\/:*?"<>|]/g, "_");
  link.click();
  URL.revokeObjectURL(link.href);
}

function csv(name: string, rows: (string | number | null)[][]): void {
  const cell = (value: string | number | null) => {
    // A text that begins so would be run as a formula by a spreadsheet.
    const text =
      typeof value === "string" && /^[=+@-]/.test(value) && !/^-?Infinity$/.test(value)
        ? `'${value}`
        : String(value ?? "");
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const text = rows.map((row) => row.map(cell).join(",")).join("\r\n");
  blob(`${name}.csv`, new Blob([text], { type: "text/csv" }));
}

export const download = { blob, csv };
