import { domainToASCII } from "node:url";
import type { Status } from "@postroad/core";
import { Refusal } from "@postroad/core";
import { printable } from "./transcript.ts";

const ATOM = "[^\\x00-\\x20\\x7f<>()\\[\\]\\\\,;:\"@]";
const QUOTED = '"(?:[^\\x00-\\x1f\\x7f"\\\\]|\\\\[\\x20-\\x7e])*"';
const LITERAL = "\\[[A-Za-z0-9.:-]+\\]";
const MAILBOX = new RegExp(`^(?:(${ATOM}+|${QUOTED})@(${ATOM}+|${LITERAL}))$`, "u");
/** By far the most addresses: needs no look at octets or labels beyond its length. */
const PLAIN = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,189}$/;

/**
 * A mailbox as it stands between `<` and `>` on the wire, its domain as A-labels (RFC 5890). Checked here whatever
 * was checked before, since it is these bytes that a CR, a space or a `>` would turn into another command
 * (RFC 5321 §4.1.2, limits of §4.5.3.1). Throws a Refusal with `status`.
 */
export function pathOf(address: string, status: Status<5>): string {
  if (PLAIN.test(address)) return address;
  const match = MAILBOX.exec(address);
  if (match?.[1] === undefined || match[2] === undefined || !address.isWellFormed()) {
    throw new Refusal(status, `"${printable(address, 320)}" is not a mailbox`, {
      phase: "envelope",
      advice: "Give local@domain without spaces, control characters or angle brackets; quote an unusual local part.",
    });
  }
  const domain = asciiDomain(match[2], status);
  for (const [part, text, limit] of [["local part", match[1], 64], ["domain", domain, 255]] as const) {
    if (Buffer.byteLength(text) > limit) {
      throw new Refusal(status, `the ${part} of an address is longer than ${limit} octets`, { phase: "envelope" });
    }
  }
  if (Buffer.byteLength(match[1]) + domain.length > 253) {
    throw new Refusal(status, "an address is longer than 254 octets", { phase: "envelope" });
  }
  return `${match[1]}@${domain}`;
}

function asciiDomain(domain: string, status: Status<5>): string {
  if (!/[^ -~]/.test(domain)) return domain;
  // A "/", "?" or "#" would end the name for the URL parser underneath and so lead to another domain.
  const ascii = /[!-,/:-@[-`{-~]/.test(domain) ? "" : domainToASCII(domain);
  if (ascii !== "" && /[a-z-]/i.test(ascii)) return ascii;
  throw new Refusal(status, `"${printable(domain, 320)}" is not an internationalised domain name (UTS 46)`, {
    phase: "envelope",
  });
}
