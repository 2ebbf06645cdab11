import type { Receipt } from "@postroad/core";

/** Rows as columns of even width; the last column keeps its own length. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()).join("\n");
}

/** One row per recipient: what was sent, to whom, what became of it, and why. */
export function outcomeRows(label: string, receipt: Receipt): readonly (readonly string[])[] {
  return receipt.outcomes.map((outcome, index) => [
    index === 0 ? label : "",
    outcome.recipient,
    outcome.kind,
    outcome.status,
    outcome.kind === "accepted" ? (outcome.reply?.text ?? "") : outcome.message,
  ]);
}
