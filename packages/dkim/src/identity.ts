import { Buffer } from "node:buffer";
import { isWithin, normalName } from "./domain-name.ts";

/** A value of `i=`: as ASCII, and as mail may say it whose header is UTF-8 anyway. */
export interface Identity {
  readonly ascii: string;
  /** One character per octet. */
  readonly utf8: string;
}

/** The `i=` of an address or `@domain`. Undefined where it is not at the signing domain or below (RFC 6376 §3.5). */
export function identityOf(given: string, domain: string): Identity | undefined {
  const at = given.lastIndexOf("@");
  const name = normalName(given.slice(at + 1));
  if (!LOCAL_PART.test(given.slice(0, Math.max(at, 0))) || at === -1 || !isWithin(name, domain)) return undefined;
  const octets = Buffer.from(given.slice(0, at)).toString("latin1");
  return { ascii: `${encoded(octets, UNSAFE)}@${name}`, utf8: `${encoded(octets, UNSAFE_ASCII)}@${name}` };
}

/** Nothing, a dot-atom or a quoted string (RFC 5322 §3.4.1), with the UTF-8 of RFC 6532. */
const ATOM = String.raw`[\w!#$%&'*+/=?^\x60{|}~\u{80}-\u{10ffff}-]+`;
const QUOTED = String.raw`"(?:[^"\\\p{Cc}]|\\[ -~])*"`;
const LOCAL_PART = new RegExp(`^(?:${ATOM}(?:\\.${ATOM})*|${QUOTED})?$`, "u");

/** What dkim-safe-char leaves out (RFC 6376 §2.11), and what RFC 8616 §4 lets stand. */
const UNSAFE = /[^!-:<>-~]/g;
const UNSAFE_ASCII = /[^!-:<>-~\u0080-\u00ff]/g;

function encoded(octets: string, unsafe: RegExp): string {
  return octets.replaceAll(unsafe, (octet) => `=${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
}
