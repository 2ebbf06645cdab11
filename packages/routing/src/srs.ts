import type { Rules } from "@postroad/core";
import { checkOptions, isFunction, isInteger, isString } from "@postroad/core";
import { createHmac, timingSafeEqual } from "node:crypto";

export interface SrsOptions {
  /** Keys the signature; a list where it is changed: the first signs, all verify. Keep it as long as addresses live. At least 8 characters. */
  readonly secret: string | readonly string[];
  /** Our own domain, where bounces are to come back to. */
  readonly domain: string;
  /** Days for which an address is good, 1 to 512. @default 21 */
  readonly maxAge?: number;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
}

/** Reverse-paths for mail that is forwarded, in our own domain so that SPF holds, with the way back in them. */
export interface Srs {
  /** For `rewrite({ from })`: the reverse-path to forward with. Addresses of our own domain stay as they are. */
  readonly forward: (from: string) => string;
  /** For `rewrite({ to })`: where a bounce to one of our addresses goes. Undefined where it is not ours, forged or too old. */
  readonly reverse: (address: string) => string | undefined;
}

const rules: Rules<SrsOptions> = { secret: isSecret, domain: isString, maxAge: isInteger(1, 512), now: isFunction };

/** Hash length of the scheme's other implementations, in base64 characters. */
const HASH = 4;
const DAY = 86_400_000;
/** The timestamp counts days in ten bits, as two characters of base32. */
const DAYS = 1024;
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/**
 * The Sender Rewriting Scheme: `SRS0=hash=day=domain=local@ours`, and `SRS1=hash=first==rest@ours` for what another
 * forwarder has rewritten already, which then goes back to that one. Made and read as by libsrs2 and postsrsd.
 */
export function srs(options: SrsOptions): Srs {
  checkOptions("srs", options, rules, ["secret", "domain"]);
  const { domain, maxAge = 21, now = Date.now } = options;
  const secrets = [options.secret].flat();
  const today = (): number => Math.floor(now() / DAY) % DAYS;

  function sign(parts: readonly string[], secret: string = secrets[0] ?? ""): string {
    return createHmac("sha1", secret).update(parts.join("").toLowerCase()).digest("base64").slice(0, HASH);
  }

  function isSigned(hash: string, parts: readonly string[]): boolean {
    // Local parts may come back in another case, so case cannot count.
    const given = Buffer.from(hash.toLowerCase());
    return secrets.some((secret) => {
      const right = Buffer.from(sign(parts, secret).toLowerCase());
      return right.length === given.length && timingSafeEqual(right, given);
    });
  }

  function isFresh(stamp: string): boolean {
    const day = dayOf(stamp);
    return day !== undefined && (today() - day + DAYS) % DAYS <= maxAge;
  }

  return {
    forward(from) {
      const at = from.lastIndexOf("@");
      const [local, host] = [from.slice(0, at), from.slice(at + 1)];
      if (at < 1 || host.toLowerCase() === domain.toLowerCase()) return from;
      const again = forwardedOf(local, host);
      if (again !== undefined) return `SRS1=${sign(again)}=${again[0]}=${again[1]}@${domain}`;
      const stamp = stampOf(today());
      return `SRS0=${sign([stamp, host, local])}=${stamp}=${host}=${local}@${domain}`;
    },
    reverse(address) {
      const at = address.lastIndexOf("@");
      if (address.slice(at + 1).toLowerCase() !== domain.toLowerCase()) return undefined;
      const local = address.slice(0, at);
      const zero = /^SRS0[=+-](?<hash>[^=]+)=(?<stamp>[^=]+)=(?<host>[^=]+)=(?<user>.+)$/i.exec(local)?.groups;
      if (zero !== undefined) {
        const { hash = "", stamp = "", host = "", user = "" } = zero;
        return isSigned(hash, [stamp, host, user]) && isFresh(stamp) ? `${user}@${host}` : undefined;
      }
      const one = /^SRS1[=+-](?<hash>[^=]+)=(?<host>[^=]+)=(?<rest>[=+-].+)$/i.exec(local)?.groups;
      const { hash = "", host = "", rest = "" } = one ?? {};
      return one !== undefined && isSigned(hash, [host, rest]) ? `SRS0${rest}@${host}` : undefined;
    },
  };
}

/** Host and rest of an address that has been rewritten before: that of the first forwarder, whoever forwarded since. */
function forwardedOf(local: string, host: string): readonly [host: string, rest: string] | undefined {
  const zero = /^SRS0(?<rest>[=+-].+)$/i.exec(local)?.groups;
  if (zero?.rest !== undefined) return [host, zero.rest];
  const one = /^SRS1[=+-][^=]+=(?<first>[^=]+)=(?<rest>[=+-].+)$/i.exec(local)?.groups;
  return one?.first !== undefined && one.rest !== undefined ? [one.first, one.rest] : undefined;
}

function stampOf(day: number): string {
  return BASE32.charAt(day >> 5) + BASE32.charAt(day & 31);
}

function dayOf(stamp: string): number | undefined {
  const upper = stamp.toUpperCase();
  const [high, low] = [BASE32.indexOf(upper.charAt(0)), BASE32.indexOf(upper.charAt(1))];
  return stamp.length === 2 && high >= 0 && low >= 0 ? (high << 5) | low : undefined;
}

/** Says nothing of the value. */
function isSecret(value: unknown): string | undefined {
  const secrets: readonly unknown[] = Array.isArray(value) ? value : [value];
  const good = secrets.length > 0 && secrets.every((secret) => typeof secret === "string" && secret.length >= 8);
  return good ? undefined : "must be a string of at least 8 characters, or a list of such";
}

