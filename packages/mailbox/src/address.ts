import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { domainToASCII } from "node:url";

/** An address as mailboxes are told apart: quotes, letter case, Unicode form and U-labels count for nothing. */
export interface Parts {
  readonly local: string;
  readonly domain: string;
}

export function partsOf(address: string): Parts {
  const at = address.lastIndexOf("@");
  const local = at === -1 ? address : address.slice(0, at);
  return { local: unquoted(local).normalize("NFC").toLowerCase(), domain: at === -1 ? "" : asciiDomain(address.slice(at + 1)) };
}

/** Equal for all spellings of one mailbox. */
export function keyOf(address: string): string {
  const { local, domain } = partsOf(address);
  return `${local}@${domain}`;
}

/** `"a\ b"` says `a b` (RFC 5321 §4.1.2). */
function unquoted(local: string): string {
  return /^".*"$/s.test(local) ? local.slice(1, -1).replaceAll(/\\(.)/gs, "$1") : local;
}

/** A domain beyond ASCII in A-labels. All else stays as it is: a URL parser finds addresses and paths in what is neither. */
export function asciiDomain(domain: string): string {
  const isInternational = /[^\p{ASCII}]/u.test(domain) && !/[^\w.\u0080-\u{10ffff}-]/u.test(domain);
  return ((isInternational && domainToASCII(domain)) || domain).toLowerCase();
}

/**
 * Where the mail of an address lies, as a path of two segments below a root: `example.org/ann`. Safe for any address:
 * what is not of `a-z 0-9 _ = + @ - .` is written `%XX`, and so are a dot in front and the first letter of the names that
 * a Maildir has for itself. Different addresses have different paths, spellings of one address the same.
 */
export function mailboxPath(address: string): string {
  const { local, domain } = partsOf(address);
  return `${segment(domain === "" ? "localhost" : domain)}/${segment(local)}`;
}

/** File systems take names of up to 255 bytes. */
const LONGEST = 200;

function segment(text: string): string {
  const isOwn = /^(?:new|cur|tmp)$/.test(text);
  let name = "";
  for (const [index, octet] of Buffer.from(text).entries()) {
    const character = String.fromCharCode(octet);
    const isPlain = /[a-z\d_=+@-]/.test(character) || (character === "." && index > 0);
    name += isPlain && !(isOwn && index === 0) ? character : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  if (name === "") return "%";
  // A tilde stands in no other name.
  return name.length <= LONGEST ? name : `${name.slice(0, LONGEST - 40)}~${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;
}
