import { sectionsOf } from "./markdown.ts";

/** The rows below one heading. Their ids are stable: `C30`, `M8`, `#36`, `I1`. */
export interface Requirements {
  readonly title: string;
  readonly ids: readonly string[];
}

export interface Coverage {
  readonly section: string;
  readonly total: number;
  readonly covered: readonly string[];
  readonly uncovered: readonly string[];
}

const id = /(?:[A-Z]+|#)\d+/;
const oneId = new RegExp(`^${id.source}$`);
const range = new RegExp(`(${id.source})(?:\\s*(?:-|–|\\.\\.|to)\\s*(${id.source}))?`, "g");
/** Ids and nothing else, such as `C1, C2`, `C29 to C32`, `#19–#34 and C10`. */
const onlyIds = new RegExp(`^(?:${id.source}|\\s|,|;|/|-|–|\\.\\.|&|\\b(?:and|to)\\b)+$`);

/** The requirements of a Markdown text: every table row whose first cell is an id. A bare number is a `#` id. */
export function requirementsOf(markdown: string): readonly Requirements[] {
  const sections = sectionsOf(markdown).map(({ title, rows }) => {
    const names = rows.map(([first = ""]) => (/^\d+$/.test(first) ? `#${first}` : first));
    return { title, ids: names.filter((name) => oneId.test(name)) };
  });
  return sections.filter(({ ids }) => ids.length > 0);
}

/**
 * The ids that the title of a test names, as a label in front of a colon or within brackets: `C30: sends a lone dot`,
 * `C1, C2: …`, `C29 to C32: …`, `keeps the order (#35)`. Elsewhere they count for nothing: `escapes C1 controls`.
 */
export function idsIn(title: string): readonly string[] {
  const label = title.slice(0, Math.max(title.indexOf(":"), 0));
  const brackets = [...title.matchAll(/[([]([^()[\]]+)[)\]]/g)].map(([, inside = ""]) => inside);
  const named = [title, label, ...brackets].filter((part) => onlyIds.test(part));
  return [
    ...new Set(named.flatMap((part) => [...part.matchAll(range)].flatMap(([, from = "", to]) => span(from, to)))),
  ];
}

/** `C29` to `C32` is four ids; two ends of different letters are just themselves. */
function span(from: string, to: string | undefined): readonly string[] {
  if (to === undefined) return [from];
  const [first, last] = [numberOf(from), numberOf(to)];
  const letters = from.slice(0, from.length - String(first).length);
  const count = last - first + 1;
  if (to !== `${letters}${last}` || count < 1 || count > 1000) return [from, to];
  return Array.from({ length: count }, (_, index) => `${letters}${first + index}`);
}

function follows(earlier: string, later: string): boolean {
  return later === earlier.replace(/\d+$/, String(numberOf(earlier) + 1));
}

function numberOf(name: string): number {
  return Number(/\d+$/.exec(name)?.[0]);
}

/** Which requirements the titles name, by section. */
export function coverageOf(sections: readonly Requirements[], titles: Iterable<string>): readonly Coverage[] {
  const named = new Set([...titles].flatMap((title) => idsIn(title)));
  return sections.map(({ title, ids }) => {
    const covered = ids.filter((name) => named.has(name));
    return { section: title, total: ids.length, covered, uncovered: ids.filter((name) => !named.has(name)) };
  });
}

/** Ids in the order given, with three or more that follow on each other as one span: `C1–C4 C7`. */
export function compact(ids: readonly string[]): string {
  const runs: string[][] = [];
  for (const name of ids) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (run !== undefined && last !== undefined && follows(last, name)) run.push(name);
    else runs.push([name]);
  }
  return runs.map((run) => (run.length > 2 ? `${run[0]}–${run.at(-1)}` : run.join(" "))).join(" ");
}
