import type { Mail, Recipient, SendOptions } from "@postroad/core";
import { Refusal, narrow } from "@postroad/core";
import { domainToASCII } from "node:url";
import { headerField } from "./header.ts";
import { misconfigured } from "./several.ts";

/** The key of a recipient, or of the whole mail; undefined where there is none. */
export type By = (
  mail: Mail,
  recipient: Recipient,
  options: SendOptions,
) => string | undefined | Promise<string | undefined>;

/** By the recipient's domain, in lower case and with A-labels (RFC 5890 §2.3.2.1): `xn--bcher-kva.example`. */
export const byDomain: By = (_, { address }) => {
  const at = address.lastIndexOf("@");
  return at === -1 ? undefined : domainKey(address.slice(at + 1));
};

/** One spelling for all of a domain. What is no domain name, such as an address literal, is only lower-cased. */
export function domainKey(domain: string): string {
  return domainToASCII(domain) || domain.toLowerCase();
}

/** By a note of the mail: `byMeta("tenant")`. */
export function byMeta(key: string): By {
  return ({ meta }) => (Object.hasOwn(meta, key) ? meta[key] : undefined);
}

/** By the first header field of this name, unfolded, without the space around it. It is read from the bytes, once per content. */
export function byHeader(name: string): By {
  return ({ content }, _, { signal }) => headerField(content, name, signal);
}

/**
 * `"no"` for a mail whose sender would rather have it without TLS than not at all: a header field `TLS-Required: No`
 * (RFC 8689), which counts for nothing where the envelope requires TLS. Else `"yes"`.
 */
export const byTlsRequired: By = async ({ content, envelope }, _, { signal }) => {
  if (envelope.requireTls === true) return "yes";
  return (await headerField(content, "TLS-Required", signal))?.toLowerCase() === "no" ? "no" : "yes";
};

/** The key of each recipient, in order. What `by` throws is our misconfiguration: 4.3.5. */
export async function keysOf(mail: Mail, by: By, options: SendOptions): Promise<readonly (string | undefined)[]> {
  const keys: (string | undefined)[] = [];
  for (const recipient of mail.envelope.to) keys.push(await keyOf(mail, recipient, by, options));
  return keys;
}

/** The mail for the recipients of each lane, in the order in which lanes come up. `lanes` has one for each recipient. */
export function lanesOf<M extends Mail, Lane>(mail: M, lanes: readonly Lane[]): ReadonlyMap<Lane, M> {
  const { to } = mail.envelope;
  const recipients = new Map<Lane, Recipient[]>();
  for (const [index, lane] of lanes.entries()) {
    const others = recipients.get(lane);
    const own = to.slice(index, index + 1);
    if (others === undefined) recipients.set(lane, own);
    else others.push(...own);
  }
  return new Map([...recipients].map(([lane, each]) => [lane, each.length === to.length ? mail : narrow(mail, each)]));
}

async function keyOf(mail: Mail, recipient: Recipient, by: By, options: SendOptions): Promise<string | undefined> {
  try {
    const key = by(mail, recipient, options);
    return typeof key === "object" ? await key : key;
  } catch (cause) {
    // One of our own: the signal's reason itself would leave in doubt what has not been sent.
    if (options.signal?.aborted === true) throw new Refusal("4.3.2", "aborted before the mail was sent", { cause });
    throw misconfigured(`no key for ${recipient.address}: ${cause instanceof Error ? cause.message : "by threw"}`, cause);
  }
}
