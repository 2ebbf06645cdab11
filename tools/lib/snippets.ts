import { blocksOf } from "./markdown.ts";

/** A TypeScript block as a module of its own. */
export interface Snippet {
  /** The Markdown file it stands in, relative to the workspace. */
  readonly source: string;
  /** Padded so that its lines have the numbers they have in the Markdown file. */
  readonly code: string;
  /** Line of its first line of code, counted from 1. */
  readonly line: number;
}

/**
 * The blocks of a Markdown file that are TypeScript: fenced as `ts` or `typescript`. `ts ignore` leaves a block out;
 * `ts continued` makes it the rest of the block before it, so that it may use what that one declares.
 */
export function snippetsOf(source: string, markdown: string): readonly Snippet[] {
  const snippets: Snippet[] = [];
  for (const { info, code, line } of blocksOf(markdown)) {
    const [language = "", ...flags] = info.split(/\s+/);
    if (!["ts", "typescript"].includes(language) || flags.includes("ignore")) continue;
    const unknown = flags.find((flag) => flag !== "continued");
    if (unknown !== undefined)
      throw new RangeError(`${source}:${line - 1}: "${unknown}" is neither ignore nor continued`);
    const before = flags.includes("continued") ? snippets.pop() : undefined;
    snippets.push({ source, code: placed(before?.code ?? "", line, code), line: before?.line ?? line });
  }
  return snippets;
}

/** `before`, then `code` starting at this line. */
function placed(before: string, line: number, code: string): string {
  return before + "\n".repeat(line - before.split("\n").length) + code;
}

/** The compiler's `dir/3.ts(12,5): error …` as `README.md:12:5: error …`; other lines as they are. */
export function located(line: string, sources: ReadonlyMap<string, string>): string {
  const [, file, at, column, rest] = /^(?:.*[/\\])?([^/\\(]+)\((\d+),(\d+)\): (.*)$/.exec(line) ?? [];
  const source = file === undefined ? undefined : sources.get(file);
  return source === undefined ? line : `${source}:${at}:${column}: ${rest}`;
}
