/** A fenced block of code in a Markdown text. */
export interface Block {
  /** What follows the fence, e.g. `ts` or `ts ignore`. */
  readonly info: string;
  readonly code: string;
  /** Line of the first line of code, counted from 1. */
  readonly line: number;
}

/** A row of a table: its cells, trimmed. The header and the rule below it are left out. */
export type Row = readonly string[];

export interface Section {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** The fenced blocks of a text, in order (CommonMark §4.5, without those inside lists and quotes). */
export function blocksOf(markdown: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { fence: string; info: string; line: number; code: string[] } | undefined;
  for (const [index, line] of markdown.split(/\r?\n/).entries()) {
    if (open !== undefined) {
      if (closes(line, open.fence)) {
        blocks.push({ info: open.info, line: open.line, code: open.code.join("\n") });
        open = undefined;
      } else open.code.push(line);
      continue;
    }
    const [, fence, info] = /^ {0,3}(`{3,}|~{3,})([^`]*)$/.exec(line) ?? [];
    if (fence !== undefined && info !== undefined) open = { fence, info: info.trim(), line: index + 2, code: [] };
  }
  return blocks;
}

function closes(line: string, fence: string): boolean {
  const mark = line.trim();
  return mark.length >= fence.length && mark === fence.charAt(0).repeat(mark.length);
}

/** The tables of a text under the headings they stand below. `\|` is a bar within a cell. */
export function sectionsOf(markdown: string): readonly Section[] {
  const sections: { title: string; rows: Row[] }[] = [];
  for (const line of markdown.split(/\r?\n/)) {
    const heading = /^#{1,6} +(.+?) *$/.exec(line)?.[1];
    if (heading !== undefined) sections.push({ title: heading, rows: [] });
    if (line.startsWith("|")) sections.at(-1)?.rows.push(cellsOf(line));
  }
  return sections.map(({ title, rows }) => ({ title, rows: rows.slice(2) })).filter(({ rows }) => rows.length > 0);
}

function cellsOf(line: string): Row {
  const inner = line.trim().replace(/^\|/, "").replace(/\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

/** `markdown` with `content` between `<!-- name -->` and `<!-- /name -->`. Throws where the two are not there. */
export function fill(markdown: string, name: string, content: string): string {
  const [start, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
  const from = markdown.indexOf(start);
  const to = markdown.indexOf(end);
  if (from === -1 || to < from) throw new RangeError(`no lines ${start.trim()} and ${end} in that order`);
  return `${markdown.slice(0, from)}${start}${content}${markdown.slice(to)}`;
}
