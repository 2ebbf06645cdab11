import { Buffer } from "node:buffer";
import { checkDomain } from "./address-domain.ts";
import type { Fail } from "./address-error.ts";
import { failWith } from "./address-error.ts";

/** RFC 5321 §4.5.3.1.3: a path has 256 octets, of which the angle brackets take two. */
const MAX_MAILBOX = 254;
const MAX_LOCAL = 64;
/** Quoting and mapping can shorten an address, but not by that much. */
const MAX_GIVEN = 4 * MAX_MAILBOX;

const ATEXT = String.raw`[\w!#$%&'*+/=?^\`{|}~-]`;
const LABEL = String.raw`(?![xX][nN]--)[A-Za-z\d](?:[A-Za-z\d-]{0,61}[A-Za-z\d])?`;
/** Source of a pattern for what nearly every address looks like: ASCII dot-atom, `@`, labels that are no A-labels. */
export const PLAIN_MAILBOX: string = String.raw`${ATEXT}{1,64}(?:\.${ATEXT}{1,64})*@${LABEL}(?:\.${LABEL})*`;
const PLAIN = new RegExp(`^${PLAIN_MAILBOX}$`);
const DOT_ATOM = /^[\w!#$%&'*+/=?^`{|}~\u0080-\u{10ffff}-]+(?:\.[\w!#$%&'*+/=?^`{|}~\u0080-\u{10ffff}-]+)*$/u;
const QUOTED = /^"(?:[^"\\]|\\.)*"$/su;
/** Characters that nobody sees. The joiners U+200C and U+200D are part of words in some scripts and may stay. */
const INVISIBLE = /(?!\u200c|\u200d)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\ufffd]|(?! )\p{Zs}/u;

/**
 * Checks one mailbox, `local@domain`, for the wire (RFC 5321 §4.1.2, with UTF-8 by RFC 6531 §3.3) and returns it in
 * the one form that header and envelope use:
 *
 * - the domain in A-labels (see `toALabels` for what is refused), an ASCII domain as written, an address literal
 *   with decimal numbers;
 * - the local part with the least quoting that says the same, as RFC 5321 §4.1.2 asks of a sender: `"ann"@x` is
 *   `ann@x`, `"a\b"@x` is `ab@x`, `"a b"@x` keeps its quotes. Letter case and Unicode form stay.
 *
 * Nothing is trimmed: white space, comments and display names belong to `parseAddresses`.
 * Throws a MessageError with status 5.1.3, or 5.1.7 where `path` names the sender.
 */
export function checkMailbox(address: string, path: string): string {
  if (PLAIN.test(address) && isWithinLimits(address)) return address;
  const fail = failWith(path, address);
  if (address.length > MAX_GIVEN) fail(`has ${address.length} characters; an address has ${MAX_MAILBOX} at most`);
  const at = address.lastIndexOf("@");
  if (at === -1) fail("is not an address: it has no @");
  return joinMailbox(unquoteLocal(address.slice(0, at), fail), address.slice(at + 1), fail);
}

/** RFC 5321 §4.5.3.1 of an ASCII mailbox without quotes. */
export function isWithinLimits(mailbox: string): boolean {
  return mailbox.length <= MAX_MAILBOX && mailbox.indexOf("@") <= MAX_LOCAL;
}

/** Does the mailbox need SMTPUTF8 (RFC 6531)? True where its local part is not ASCII; a domain never needs it. */
export function needsSmtputf8(address: string): boolean {
  return !/^\p{ASCII}*$/u.test(address.slice(0, address.lastIndexOf("@")));
}

/** A mailbox from what its local part says, free of quoting, and its domain as given. */
export function joinMailbox(text: string, domain: string, fail: Fail): string {
  if (INVISIBLE.test(text)) fail("has a control or invisible character before the @; remove it");
  const local = DOT_ATOM.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
  const octets = Buffer.byteLength(local);
  if (octets > MAX_LOCAL) fail(`has ${octets} octets before the @; ${MAX_LOCAL} are allowed (RFC 5321 §4.5.3.1.1)`);
  const mailbox = `${local}@${checkDomain(domain, fail)}`;
  const length = Buffer.byteLength(mailbox);
  if (length > MAX_MAILBOX) fail(`has ${length} octets; ${MAX_MAILBOX} are allowed (RFC 5321 §4.5.3.1.3)`);
  return mailbox;
}

function unquoteLocal(local: string, fail: Fail): string {
  if (QUOTED.test(local)) return local.slice(1, -1).replace(/\\(.)/gsu, "$1");
  if (DOT_ATOM.test(local)) return local;
  if (local === "") fail("has nothing before the @");
  if (/^\.|\.\.|\.$/.test(local)) fail("has a dot at the start, at the end or twice before the @; quote it or remove it");
  return fail(`has characters before the @ that only a quoted string may hold, as in "a b"@example.com`);
}
