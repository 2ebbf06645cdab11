import type { Status } from "@postroad/core";
import { Refusal } from "@postroad/core";
import { domainToASCII } from "node:url";
import { isIP, isIPv4, isIPv6 } from "node:net";

/** Where a recipient's mail goes: a domain, in lower case and with A-labels, or an address that the sender names itself. */
export type Destination = { readonly domain: string } | { readonly literal: string };

/** One letter-digit-hyphen label; underscores are met in practice. */
const LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const NAME = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`);

/** A name that DNS can be asked for and a certificate can be for. Anything else in a record is no host. */
export function isHostName(name: string): boolean {
  return NAME.test(name) && isIP(name) === 0;
}

/**
 * The mailbox without a source route: servers take `@a,@b:user@domain` and go by what is behind the colon alone
 * (RFC 5321 §3.6.1, appendix C).
 */
export function withoutRoute(address: string): string {
  return /^@[^:"]*:(?=[^@])/.test(address) ? address.slice(address.indexOf(":") + 1) : address;
}

/** The domain of a mailbox (RFC 5321 §2.3.5), or its address literal (§4.1.3). Throws a Refusal where there is neither. */
export function destinationOf(address: string): Destination {
  const domain = address.slice(address.lastIndexOf("@") + 1);
  if (!address.includes("@", 1)) {
    throw bad("5.1.3", `"${shown(address)}" has no domain`, "Give the whole address: user@domain.");
  }
  if (domain.startsWith("[")) return { literal: literalOf(domain) };
  const ascii = asciiDomain(domain);
  if (isIP(ascii) > 0) throw bad("5.1.3", `the domain "${shown(domain)}" is an IP address`, "Put it in brackets: user@[192.0.2.1].");
  if (!isHostName(ascii)) throw bad("5.1.2", `"${shown(domain)}" is no domain name`, "Check its spelling.");
  return { domain: ascii };
}

function literalOf(text: string): string {
  const address = /^\[(?:IPv6:)?([\da-f.:]+)\]$/i.exec(text)?.[1] ?? "";
  const tagged = /^\[IPv6:/i.test(text);
  if (tagged ? isIPv6(address) : isIPv4(address)) return address.toLowerCase();
  throw bad("5.1.3", `"${shown(text)}" is no address literal`, "Write [192.0.2.1] or [IPv6:2001:db8::1].");
}

/** What is not ASCII by UTS 46. A "/", "?" or "#" would end the name for the URL parser underneath. */
function asciiDomain(domain: string): string {
  if (!/[^ -~]/.test(domain)) return domain.toLowerCase();
  return /[!-,/:-@[-`{-~]/.test(domain) ? "" : domainToASCII(domain);
}

function bad(status: Status<5>, message: string, advice: string): Refusal {
  return new Refusal(status, message, { phase: "envelope", advice });
}

function shown(text: string): string {
  const clean = text.replaceAll(/\p{Cc}/gu, "?");
  return clean.length > 100 ? `${clean.slice(0, 100)}…` : clean;
}
