import { domainToASCII } from "node:url";

/** A mailbox, or what stands in its place, and the parameters behind it. */
export interface Path {
  /** `""` for `<>`. */
  readonly address: string;
  /** As they stand: `SIZE=100 BODY=8BITMIME`. */
  readonly rest: string;
}

const ATOM = "[^\\x00-\\x20\\x7f<>()\\[\\]\\\\,;:\"@]";
const QUOTED = '"(?:[^\\x00-\\x1f\\x7f"\\\\]|\\\\[\\x20-\\x7e])*"';
const LITERAL = "\\[[A-Za-z0-9.:-]{1,64}\\]";
/** `@a,@b:` in front says by which hosts to go; it is read and forgotten (RFC 5321 §3.6.1, appendix C). */
const ROUTE = "(?:@[A-Za-z0-9.-]+(?:,@[A-Za-z0-9.-]+)*:)?";
const PATH = new RegExp(`^<${ROUTE}((?:${ATOM}+|${QUOTED})@(?:${ATOM}+|${LITERAL}))>(?: +(.*))?$`, "u");
const NULL_PATH = /^<>(?: +(.*))?$/;
const POSTMASTER = /^<(postmaster)>(?: +(.*))?$/i;

/** `FROM:<path> parameters` (RFC 5321 §4.1.1.2), or undefined where it is none. QUIRK: a space behind the colon is borne. */
export function reversePath(args: string): Path | undefined {
  const text = behind("FROM:", args);
  if (text === undefined) return undefined;
  const nothing = NULL_PATH.exec(text);
  return nothing === null ? mailbox(text) : { address: "", rest: nothing[1] ?? "" };
}

/** `TO:<path> parameters` (RFC 5321 §4.1.1.3). The address of `<postmaster>` has no domain (§2.3.5). */
export function forwardPath(args: string): Path | undefined {
  const text = behind("TO:", args);
  if (text === undefined) return undefined;
  const postmaster = POSTMASTER.exec(text);
  return postmaster?.[1] === undefined ? mailbox(text) : { address: postmaster[1].toLowerCase(), rest: postmaster[2] ?? "" };
}

function behind(word: string, args: string): string | undefined {
  if (args.slice(0, word.length).toUpperCase() !== word) return undefined;
  const text = args.slice(word.length);
  return text.startsWith(" ") ? text.replace(/^ +/, "") : text;
}

function mailbox(text: string): Path | undefined {
  const [, address, rest = ""] = PATH.exec(text) ?? [];
  return address !== undefined && isMailbox(address) ? { address, rest } : undefined;
}

/** Sizes of RFC 5321 §4.5.3.1, and a domain that a name system can know. */
function isMailbox(address: string): boolean {
  const at = address.lastIndexOf("@");
  const domain = address.slice(at + 1);
  if (Buffer.byteLength(address) > 254 || Buffer.byteLength(address.slice(0, at)) > 64) return false;
  return domain.startsWith("[") || isDomain(domain);
}

const LABELS = /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*$/;

/** Labels of letters, digits and hyphens; in UTF-8 what UTS 46 can turn into such. */
function isDomain(domain: string): boolean {
  if (/^[ -~]*$/.test(domain)) return LABELS.test(domain);
  return !/[!-,/:-@[-`{-~]/.test(domain) && LABELS.test(domainToASCII(domain));
}

/** What EHLO may say: a name, or an address in brackets (RFC 5321 §4.1.1.1). Bare addresses and underscores are borne. */
export function isHostName(name: string): boolean {
  return name.length <= 255 && (LABELS.test(name) || /^\[[A-Za-z0-9.:-]{1,64}\]$/.test(name) || /^[0-9a-f:.]+$/i.test(name));
}
