import type { Capabilities } from "./capabilities.ts";

/** What a server announces to take at once (RFC 9422 §4). */
interface Limits {
  readonly MAILMAX?: number;
  readonly RCPTMAX?: number;
  readonly RCPTDOMAINMAX?: number;
}

/** Counts recipients of one transaction: how many, and of how many domains. False where one more is too many. */
export function recipientLimit(capabilities: Capabilities): (address: string) => boolean {
  const { RCPTMAX = Infinity, RCPTDOMAINMAX = Infinity } = limitsIn(capabilities);
  const domains = new Set<string>();
  let count = 0;
  return (address) => {
    const domain = address.slice(address.lastIndexOf("@") + 1).toLowerCase();
    if (count >= RCPTMAX || (!domains.has(domain) && domains.size >= RCPTDOMAINMAX)) return false;
    count += 1;
    domains.add(domain);
    return true;
  };
}

/** Messages over one connection; Infinity where nothing is announced. */
export function messageLimit(capabilities: Capabilities): number {
  return limitsIn(capabilities).MAILMAX ?? Infinity;
}

/** Unknown names and values are left out, as RFC 9422 §3 asks. */
function limitsIn(capabilities: Capabilities): Limits {
  const text = capabilities.get("LIMITS");
  if (text === undefined) return {};
  const pairs = text.matchAll(/(?:^|\s)(MAILMAX|RCPTMAX|RCPTDOMAINMAX)=([1-9]\d{0,5})(?=\s|$)/gi);
  return Object.fromEntries(Array.from(pairs, ([, name = "", value]) => [name.toUpperCase(), Number(value)]));
}
