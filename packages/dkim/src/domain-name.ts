import { domainToASCII } from "node:url";

/** A label of letters, digits and inner hyphens (RFC 5321 §4.1.2). */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const MAX_NAME = 253;

/** A name in the one form it is signed and looked up in: A-labels, lower case, no dot at the end. */
export function normalName(name: string): string {
  return name.split(".").map(normalLabel).join(".").toLowerCase().replace(/\.$/, "");
}

/** Each by itself: a name that ends in a number would be taken for an IP address. */
function normalLabel(label: string): string {
  return /^[\0-\x7f]*$/.test(label) ? label : domainToASCII(`${label}.x`).slice(0, -2);
}

/** What is wrong with a signing domain, `d=`; undefined where nothing is (RFC 6376 §3.5). */
export function domainFault(name: string): string | undefined {
  if (name === "") return "must not be empty";
  const labels = normalName(name).split(".");
  if (labels.length < 2) return "must be a full domain such as shop.example";
  return namesFault(labels);
}

/** What is wrong with a selector, `s=`. It may have dots in it. */
export function selectorFault(name: string): string | undefined {
  return name === "" ? "must not be empty" : namesFault(normalName(name).split("."));
}

/** Where the public key is published (RFC 6376 §3.6.2.1). */
export function recordName(selector: string, domain: string): string {
  return `${selector}._domainkey.${domain}`;
}

export function isTooLong(name: string): boolean {
  return name.length > MAX_NAME;
}

/** Is it the domain or below it? */
export function isWithin(name: string, domain: string): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}

function namesFault(labels: readonly string[]): string | undefined {
  if (isTooLong(labels.join("."))) return `must have ${MAX_NAME} characters at most`;
  const wrong = labels.find((label) => !LABEL.test(label));
  if (wrong === undefined) return undefined;
  return `has the label ${JSON.stringify(wrong.slice(0, 70))}; a label has 1 to 63 letters, digits and inner hyphens`;
}
