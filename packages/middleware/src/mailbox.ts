import { Buffer } from "node:buffer";
import type { Address } from "@postroad/core";

/** `Ann <ann@x.example>`, `ann@x.example` or an object, as an address; undefined where it is none that a header can hold. */
export function mailboxOf(given: unknown): Address | undefined {
  const address = typeof given === "string" ? parsed(given) : isAddress(given) ? given : undefined;
  return address !== undefined && MAILBOX.test(address.address) && isText(address.name) ? address : undefined;
}

/** How an address stands in a header (RFC 5322 §3.4). */
export function formatMailbox({ address, name = "" }: Address): string {
  if (name === "") return address;
  const words = PRINTABLE.test(name) ? `"${name.replaceAll(/["\\]/g, "\\$&")}"` : encodedWords(name);
  return `${words} <${address}>`;
}

/** Dot-atom and domain in ASCII (RFC 5321 §4.1.2); a domain of other letters is given by its A-label. */
const MAILBOX = /^(?=.{3,254}$)[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/;
/** What stands in quotes as it is. `=?` begins an encoded word, which some readers look for even there. */
const PRINTABLE = /^(?!.*=\?)[ -~]*$/;

function parsed(text: string): Address {
  const [, quoted, bare, address] = /^(?:"((?:[^"\\]|\\.)*)"|([^"<>]*))\s*<([^<>]*)>$/.exec(text.trim()) ?? [];
  const name = quoted?.replaceAll(/\\(.)/g, "$1") ?? bare?.trim() ?? "";
  return { address: address ?? text.trim(), ...(name !== "" && { name }) };
}

function isAddress(given: unknown): given is Address {
  return typeof given === "object" && given !== null && "address" in given && typeof given.address === "string";
}

/** A name that no line holds in quotes would be folded within them. */
function isText(name: unknown): boolean {
  return name === undefined || (typeof name === "string" && name.length <= 200 && name.isWellFormed() && !/\p{Cc}/u.test(name));
}

/** RFC 2047 §2: no word over 75 characters, and none that ends within a character. */
function encodedWords(text: string): string {
  const words: string[] = [""];
  for (const character of text) {
    const longer = `${words.at(-1)}${character}`;
    if (Buffer.byteLength(longer) > 45) words.push(character);
    else words[words.length - 1] = longer;
  }
  return words.map((word) => `=?utf-8?B?${Buffer.from(word).toString("base64")}?=`).join(" ");
}
