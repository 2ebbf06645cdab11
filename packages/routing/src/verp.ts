import { ConfigError } from "@postroad/core";
import type { RewriteOptions } from "./rewrite.ts";
import { isAddress } from "./several.ts";

/** Reverse-paths that name the recipient, so that a bounce says whose it is. */
export interface Verp {
  /** For `rewrite({ from })`. */
  readonly from: NonNullable<RewriteOptions["from"]>;
  /** The recipient that such a reverse-path names, or undefined for any other address. */
  readonly recipientOf: (address: string) => string | undefined;
}

/** Longest local part that every server takes, in octets (RFC 5321 §4.5.3.1.1). */
const LONGEST_LOCAL_PART = 64;

/**
 * Variable envelope return paths: mail for `ann@example.net` goes out as `bounces+ann=example.net@example.org`. Where
 * that would be too long, or the recipient's name would need quotes, it goes out as `bounces@example.org`.
 */
export function verp(returnPath: string, { delimiter = "+" }: { readonly delimiter?: "+" | "-" } = {}): Verp {
  const at = returnPath.lastIndexOf("@");
  if (at < 1 || !isAddress(returnPath)) {
    throw new ConfigError("verp", [{ path: "returnPath", message: "must be an address, such as bounces@example.org" }]);
  }
  const prefix = `${returnPath.slice(0, at)}${delimiter}`;
  const domain = returnPath.slice(at);
  return {
    from(_, { address }) {
      const split = address.lastIndexOf("@");
      const local = `${prefix}${address.slice(0, split)}=${address.slice(split + 1)}`;
      return split > 0 && isDotAtom(local) && Buffer.byteLength(local) <= LONGEST_LOCAL_PART ? local + domain : returnPath;
    },
    recipientOf(address) {
      const split = address.lastIndexOf("@");
      const local = address.slice(0, split);
      const equals = local.lastIndexOf("=");
      const isOurs = address.slice(split).toLowerCase() === domain.toLowerCase() && startsWith(local, prefix);
      if (!isOurs || equals <= prefix.length) return undefined;
      return `${local.slice(prefix.length, equals)}@${local.slice(equals + 1)}`;
    },
  };
}

/** Local parts come back in any case: they are ours, and we read them in any. */
function startsWith(local: string, prefix: string): boolean {
  return local.slice(0, prefix.length).toLowerCase() === prefix.toLowerCase();
}

/** RFC 5322 §3.2.3, with UTF-8 (RFC 6532 §3.2). */
function isDotAtom(local: string): boolean {
  return /^[\w!#$%&'*+/=?^`{|}~\u{80}-\u{10ffff}-]+(?:\.[\w!#$%&'*+/=?^`{|}~\u{80}-\u{10ffff}-]+)*$/u.test(local);
}
