import type { Capabilities } from "./capabilities.ts";
import { sizeLimit } from "./capabilities.ts";

/** What a server announces to take at once (RFC 9422 §4). */
interface Limits {
  readonly MAILMAX?: number;
  readonly RCPTMAX?: number;
  readonly RCPTDOMAINMAX?: number;
}

/** What one session may still take. */
export interface ServerLimits {
  /** Messages over this connection; Infinity where nothing is announced. */
  readonly messages: number;
  /** Octets of a message; undefined where nothing is announced. */
  readonly size: number | undefined;
  /** Counts the recipients of one transaction, and the domains of the whole session. False where one more is too many. */
  transaction(): (address: string) => boolean;
  /** The server has taken so many recipients at once, and not one more. */
  learn(recipients: number): void;
}

export function serverLimits(capabilities: Capabilities): ServerLimits {
  const { MAILMAX = Infinity, RCPTMAX = Infinity, RCPTDOMAINMAX = Infinity } = limitsIn(capabilities);
  const domains = new Set<string>();
  let most = RCPTMAX;
  return {
    messages: MAILMAX,
    size: sizeLimit(capabilities),
    transaction() {
      if (most === Infinity && RCPTDOMAINMAX === Infinity) return anybody;
      let count = 0;
      return (address) => {
        const domain = address.slice(address.lastIndexOf("@") + 1).toLowerCase();
        if (count >= most || (!domains.has(domain) && domains.size >= RCPTDOMAINMAX)) return false;
        count += 1;
        if (RCPTDOMAINMAX !== Infinity) domains.add(domain);
        return true;
      };
    },
    learn(recipients) {
      most = Math.max(1, Math.min(most, recipients));
    },
  };
}

function anybody(): boolean {
  return true;
}

/** Unknown names and values are left out, as RFC 9422 §3 asks. */
function limitsIn(capabilities: Capabilities): Limits {
  const text = capabilities.get("LIMITS");
  if (text === undefined) return {};
  const pairs = text.matchAll(/(?:^|\s)(MAILMAX|RCPTMAX|RCPTDOMAINMAX)=([1-9]\d{0,5})(?=\s|$)/gi);
  return Object.fromEntries(Array.from(pairs, ([, name = "", value]) => [name.toUpperCase(), Number(value)]));
}
