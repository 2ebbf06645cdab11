import type { Fail } from "./address-error.ts";
import { checkALabel, toALabels } from "./idna.ts";

const MAX_DOMAIN = 255;
const MAX_LABEL = 63;
const ASCII = /^\p{ASCII}*$/u;
/** Letters, digits and hyphens, no hyphen at either end; beyond ASCII UTS-46 decides. */
const LABEL = /^(?!-)[A-Za-z0-9\u0080-\u{10ffff}-]+(?<!-)$/u;

/**
 * The domain of a mailbox as the wire takes it (RFC 5321 §4.1.2): U-labels become A-labels, an ASCII domain stays as
 * it is written. `0x7f.1` and `192.0.2.1` are domain names here, never addresses; those stand in brackets.
 */
export function checkDomain(domain: string, fail: Fail): string {
  if (domain.startsWith("[")) return checkLiteral(domain, fail);
  for (const label of domain.split(".")) {
    checkLabel(label, fail);
    checkALabel(label, fail);
  }
  const ascii = ASCII.test(domain) ? domain : toALabels(domain, fail);
  const longest = Math.max(...ascii.split(".").map((label) => label.length));
  if (longest > MAX_LABEL) fail(`has a domain label of ${longest} octets; ${MAX_LABEL} are allowed`);
  if (ascii.length > MAX_DOMAIN) fail(`has a domain of ${ascii.length} octets; ${MAX_DOMAIN} are allowed`);
  return ascii;
}

function checkLabel(label: string, fail: Fail): void {
  if (LABEL.test(label)) return;
  if (label === "") fail("has an empty label in its domain: a dot too many, or nothing after the @");
  fail("has a domain with something else than letters, digits, dots, and hyphens within a label");
}

/** An address literal (RFC 5321 §4.1.3): `[192.0.2.1]` or `[IPv6:2001:db8::1]`. */
function checkLiteral(domain: string, fail: Fail): string {
  const inner = domain.endsWith("]") ? domain.slice(1, -1) : "";
  const v4 = ipv4(inner);
  if (v4 !== undefined) return `[${v4}]`;
  const v6 = /^ipv6:/i.test(inner) ? inner.slice("IPv6:".length) : "";
  return isIpv6(v6) ? `[IPv6:${v6}]` : fail("has an address literal that is neither [IPv4] nor [IPv6:…]");
}

/** Leading zeros go, so that nobody downstream reads them as octal. */
function ipv4(text: string): string | undefined {
  const parts = /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text) ? text.split(".").map(Number) : [];
  return parts.length === 4 && parts.every((part) => part <= 255) ? parts.join(".") : undefined;
}

const WHOLE_ADDRESS = 8;
/** `::` stands for two groups or more (RFC 5321 §4.1.3, IPv6-comp). */
const LEAST_HIDDEN = 2;

function isIpv6(text: string): boolean {
  const [before = "", after, ...more] = text.split("::");
  if (more.length > 0) return false;
  const counts = after === undefined ? [groups(before, true)] : [groups(before, false), groups(after, true)];
  const count = counts.reduce((sum, n) => sum + n, 0);
  return after === undefined ? count === WHOLE_ADDRESS : count <= WHOLE_ADDRESS - LEAST_HIDDEN;
}

/** How many of the eight groups the text spells out; NaN where it is none. Only the end may be written as IPv4. */
function groups(text: string, last: boolean): number {
  if (text === "") return 0;
  const parts = text.split(":");
  const v4 = last && parts.at(-1)?.includes(".") === true ? parts.pop() : undefined;
  if (v4 !== undefined && ipv4(v4) === undefined) return Number.NaN;
  return parts.every((part) => /^[\da-f]{1,4}$/i.test(part)) ? parts.length + (v4 === undefined ? 0 : 2) : Number.NaN;
}
