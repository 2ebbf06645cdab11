import { resolve4 } from "node:dns/promises";
import { isIPv4, isIPv6 } from "node:net";
import type { Rules } from "@postroad/core";
import { ConfigError, Refusal, checkOptions, isDuration, isFunction } from "@postroad/core";
import type { Policy, Session } from "@postroad/server";

/** Addresses of a name. Rejects with `code` ENOTFOUND or ENODATA where there are none, as node:dns does. */
export type Resolve4 = (name: string) => Promise<readonly string[]>;

export interface BlockListOptions {
  /** Zones to ask, in turn, e.g. `["zen.spamhaus.org"]` (RFC 5782). Mind their terms of use. */
  readonly zones: readonly string[];
  /** Is this answer (127.0.0.0/8) a listing? @default any but 127.255.255.0/24, with which lists say that the question was wrong */
  readonly counts?: (answer: string, zone: string) => boolean;
  /** Milliseconds for all zones together; then the client passes. @default 5000 */
  readonly timeout?: number;
  /** @default the system's resolver */
  readonly resolve4?: Resolve4;
}

const rules: Rules<BlockListOptions> = {
  zones: (value) => (Array.isArray(value) && value.length > 0 ? undefined : "must be a list of zones, such as zen.spamhaus.org"),
  counts: isFunction,
  timeout: isDuration,
  resolve4: isFunction,
};

/**
 * Refuses clients that a DNS block list knows, with 5.7.1, at RCPT, so that postmaster can still be written to. Each connection is asked about once.
 * A list that does not answer lists nobody: it is other people's trouble, and no reason to refuse mail.
 */
export function blockLists(options: BlockListOptions): Policy {
  checkOptions("blockLists", options, rules, ["zones"]);
  const bad = options.zones.find((zone) => !/^[a-z0-9.-]+$/i.test(zone));
  if (bad !== undefined) throw new ConfigError("blockLists", [{ path: "zones", message: `has "${bad}", which is no zone` }]);
  const known = new WeakMap<Session, Promise<string | undefined>>();
  return {
    name: "blockLists",
    async recipient(_, { session }) {
      const asked = known.get(session) ?? listedIn(session.client, options);
      known.set(session, asked);
      const zone = await asked;
      if (zone !== undefined) throw new Refusal("5.7.1", `${session.client} is listed by ${zone}`);
    },
  };
}

/** The first zone that lists the address. */
async function listedIn(address: string, options: BlockListOptions): Promise<string | undefined> {
  const { zones, timeout = 5000 } = options;
  const label = reversed(address);
  if (label === undefined) return undefined;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly undefined[]>((resolve) => (timer = setTimeout(() => resolve([]), timeout)));
  const found = await Promise.race([Promise.all(zones.map((zone) => listing(label, zone, options))), late]);
  clearTimeout(timer);
  return found.find((zone) => zone !== undefined);
}

async function listing(label: string, zone: string, { counts = isListing, resolve4: resolve = resolve4 }: BlockListOptions): Promise<string | undefined> {
  try {
    const answers = await resolve(`${label}.${zone}`);
    return answers.some((answer) => counts(answer, zone)) ? zone : undefined;
  } catch {
    // Not there, or not to be had: nobody is listed.
    return undefined;
  }
}

function isListing(answer: string): boolean {
  return answer.startsWith("127.") && !answer.startsWith("127.255.255.");
}

/** RFC 5782 §2.1, §2.4: octets, or nibbles of IPv6, the last one first. */
function reversed(address: string): string | undefined {
  if (isIPv4(address)) return address.split(".").toReversed().join(".");
  if (!isIPv6(address)) return undefined;
  const [head = "", tail] = address.split("%", 1).join("").split("::");
  const [before, after] = [groups(head), groups(tail ?? "")];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  const digits = [...before, ...zeros, ...after].map((group) => group.padStart(4, "0")).join("");
  return Array.from(digits).toReversed().join(".");
}

function groups(text: string): readonly string[] {
  return text === "" ? [] : text.split(":");
}
