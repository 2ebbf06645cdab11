import { Refusal } from "@postroad/core";
import { Buffer } from "node:buffer";
import { domainToASCII } from "node:url";
import type { Field } from "./header.ts";
import { valueOf } from "./header.ts";

/** The one From field. Throws a Refusal where there are two: readers do not agree on which to show (RFC 6376 §8.15). */
export function fromField(fields: readonly Field[]): Field {
  const [from, second] = fields.filter(({ name }) => name === "from");
  if (from === undefined) throw refused("has no From field, which a signature has to cover (RFC 6376 §5.4)");
  if (second !== undefined) throw refused("has more than one From field");
  return from;
}

/** The domains of the authors, as A-labels in lower case, each once. */
export function authorDomains(from: Field): readonly string[] {
  return [...new Set(addressesIn(valueOf(from)).map(domainOf).filter((domain) => domain !== ""))];
}

/** Everything between the names, e.g. `a@x` and `b@x` of `Team: Ann <a@x>, b@x;`. A group's name is none. */
const MAILBOX = /[^,;:<>]*<([^<>]*)>|[^,;:<>]*:|([^,;:<>]+)/g;

function addressesIn(value: string): readonly string[] {
  const plain = withoutComments(value);
  return Array.from(plain.matchAll(MAILBOX), ([, angle, bare]) => angle ?? bare ?? "");
}

/** Blanks out comments, which nest, and what is quoted (RFC 5322 §3.2.2, §3.2.4): neither holds a domain. */
export function withoutComments(value: string): string {
  if (!/["(]/.test(value)) return value;
  let depth = 0;
  let quoted = false;
  let plain = "";
  for (let at = 0; at < value.length; at += 1) {
    const char = value[at] ?? "";
    if (char === "\\" && (quoted || depth > 0)) at += 1;
    else if (char === '"' && depth === 0) quoted = !quoted;
    else if (char === "(" && !quoted) depth += 1;
    else if (char === ")" && depth > 0) depth -= 1;
    else if (!quoted && depth === 0) plain += char;
  }
  return plain;
}

function domainOf(address: string): string {
  const at = address.lastIndexOf("@");
  const domain = at === -1 ? "" : address.slice(at + 1).replaceAll(/[ \t]/g, "");
  const isAscii = /^[\0-\x7f]*$/.test(domain);
  return isAscii ? domain.toLowerCase() : domainToASCII(Buffer.from(domain, "latin1").toString("utf8"));
}

function refused(what: string): Refusal {
  return new Refusal("5.6.0", `the message ${what}`, { phase: "sign" });
}
