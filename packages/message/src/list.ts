import { domainToASCII } from "node:url";
import { shown } from "./address-error.ts";
import type { ListInput, UnsubscribeInput } from "./draft.ts";
import type { Issues } from "./issues.ts";
import { flag, knownKeys, oneLine, recordOf, report } from "./issues.ts";

export type HeaderField = readonly [name: string, value: string];

const FIELDS = [
  ["help", "List-Help"],
  ["subscribe", "List-Subscribe"],
  ["post", "List-Post"],
  ["owner", "List-Owner"],
  ["archive", "List-Archive"],
] as const;
const KNOWN: ReadonlySet<string> = new Set(["id", "unsubscribe", ...FIELDS.map(([key]) => key)]);
const UNSUBSCRIBE: ReadonlySet<string> = new Set(["url", "mailto", "oneClick"]);

/** Is it a field that `list` writes? By its name in lower case. */
export function isListField(name: string): boolean {
  return name.startsWith("list-");
}

/** The List-* fields of a draft (RFC 2369, RFC 2919, RFC 8058). */
export function listFields(list: ListInput | undefined, issues: Issues): HeaderField[] {
  if (list === undefined) return [];
  if (recordOf(list, "an object", "list", issues) === undefined) return [];
  knownKeys(list, KNOWN, "list", issues);
  const fields: HeaderField[] = list.id === undefined ? [] : [["List-ID", listId(list.id, issues)]];
  if (list.unsubscribe !== undefined) fields.push(...unsubscribe(list.unsubscribe, issues));
  for (const [key, name] of FIELDS) {
    const given = list[key];
    if (given !== undefined) fields.push([name, given === false ? "NO" : links(given, `list.${key}`, issues)]);
  }
  return fields;
}

function unsubscribe(given: string | URL | UnsubscribeInput, issues: Issues): HeaderField[] {
  const path = "list.unsubscribe";
  const ways = typeof given === "string" || given instanceof URL ? { url: given } : given;
  if (recordOf(ways, "a URL or { url, mailto, oneClick }", path, issues) === undefined) return [];
  knownKeys(ways, UNSUBSCRIBE, path, issues);
  const { url, mailto, oneClick = false } = ways;
  const targets: string[] = [];
  if (url !== undefined) targets.push(link(url, `${path}.url`, issues));
  if (mailto !== undefined) targets.push(link(mailtoUrl(mailto), `${path}.mailto`, issues));
  if (targets.length === 0) report(issues, path, "needs a url, a mailto or both");
  const field: HeaderField = ["List-Unsubscribe", targets.join(", ")];
  if (!flag(oneClick, `${path}.oneClick`, issues)) return [field];
  if (!targets[0]?.startsWith("<https:")) report(issues, `${path}.oneClick`, "needs an https url (RFC 8058 §3.1)");
  return [field, ["List-Unsubscribe-Post", "List-Unsubscribe=One-Click"]];
}

function mailtoUrl(given: unknown): unknown {
  return typeof given === "string" && !/^mailto:/i.test(given) ? `mailto:${given}` : given;
}

function links(given: unknown, path: string, issues: Issues): string {
  if (!Array.isArray(given)) return link(given, path, issues);
  if (given.length === 0) report(issues, path, "is empty; leave it out instead");
  return given.map((entry, i) => link(entry, `${path}[${i}]`, issues)).join(", ");
}

/** One URL in angle brackets, in ASCII (RFC 2369 §2). */
function link(given: unknown, path: string, issues: Issues): string {
  const text = oneLine(given instanceof URL ? given.href : given, path, issues);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^(?:https?|mailto):$/.test(url.protocol)) {
    report(issues, path, `${shown(text)} must be a whole URL that begins with https:, http: or mailto:`);
  } else if (!/^[!-;=?-~]{1,900}$/.test(url.href)) {
    report(
      issues,
      path,
      `${shown(text)} must not hold spaces, angle brackets or letters beyond ASCII: percent-encode them`,
    );
  } else {
    return `<${url.href}>`;
  }
  return "";
}

const DOTTED = /^(?=.{1,255}$)[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)+$/;

/** `words <label.domain>`; only the words may be other than ASCII (RFC 2919 §3). */
function listId(given: unknown, issues: Issues): string {
  const text = oneLine(given, "list.id", issues).trim();
  const open = text.endsWith(">") ? text.lastIndexOf("<") : -1;
  const id = open === -1 ? text : text.slice(open + 1, -1);
  const words = text
    .slice(0, Math.max(open, 0))
    .trim()
    .replace(/^"(.*)"$/, "$1");
  const ascii = DOTTED.test(id) ? id : domainToASCII(id);
  if (DOTTED.test(ascii)) return words === "" ? `<${ascii}>` : `${words} <${ascii}>`;
  report(issues, "list.id", `${shown(text)} must have the form news.example.org or Shop news <news.example.org>`);
  return "";
}
