import type { Mail, Recipient, SendOptions } from "@postroad/core";
import { narrow } from "@postroad/core";
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

/** The recipients by their key, in the order in which keys come up. What `by` throws is our misconfiguration: 4.3.5. */
export async function lanesOf<M extends Mail>(
  mail: M,
  by: By,
  options: SendOptions,
): Promise<ReadonlyMap<string | undefined, M>> {
  const lanes = new Map<string | undefined, Recipient[]>();
  for (const recipient of mail.envelope.to) {
    const key = await keyOf(mail, recipient, by, options);
    const lane = lanes.get(key);
    if (lane === undefined) lanes.set(key, [recipient]);
    else lane.push(recipient);
  }
  if (lanes.size === 1) return new Map([...lanes.keys()].map((key) => [key, mail]));
  return new Map([...lanes].map(([key, to]) => [key, narrow(mail, to)]));
}

async function keyOf(mail: Mail, recipient: Recipient, by: By, options: SendOptions): Promise<string | undefined> {
  try {
    const key = by(mail, recipient, options);
    return typeof key === "object" ? await key : key;
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw misconfigured(`no key for ${recipient.address}: ${cause instanceof Error ? cause.message : "by threw"}`, cause);
  }
}
