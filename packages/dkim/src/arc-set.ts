import type { Chain, ChainStatus } from "./arc-chain.ts";
import { AAR, AMS } from "./arc-chain.ts";
import { canonicalField } from "./canonical-header.ts";
import type { Field } from "./header.ts";
import { USUAL, select } from "./select.ts";
import { algorithmOf, signatureOf } from "./signature.ts";
import type { ReadyKey } from "./signer.ts";
import type { Survey } from "./survey.ts";
import type { Tag } from "./tags.ts";
import { signedField, unsignedField } from "./tags.ts";

/** What the new set of a chain says. */
export interface NewSet {
  readonly authServId: string;
  /** The results of RFC 8601, without the name of the server. One character per octet. */
  readonly results: string;
  readonly status: ChainStatus;
  /** Seconds since 1970. */
  readonly time: number;
}

/** RFC 8617 §4.1.2: the signatures of others are covered, ARC's own fields never. */
const LIST = [...USUAL, { name: "dkim-signature", oversign: "never" }] as const;

/** The three fields of a new ARC set (RFC 8617 §5.1), the seal on top. */
export async function arcSet(key: ReadyKey, message: Survey, chain: Chain, set: NewSet): Promise<string> {
  const instance = String(chain.last + 1);
  const results: Field = { name: AAR, line: resultsField(instance, set) };
  const signature: Field = { name: AMS, line: await messageSignature(key, message, instance, set.time) };
  // A seal over a chain that failed covers its own set alone, as others may not agree on what the rest is (§5.1.2).
  const sealed = [...(set.status === "pass" ? chain.fields : []), results, signature];
  const seal = await chainSeal(key, sealed, instance, set);
  return seal + signature.line + results.line;
}

function resultsField(instance: string, { authServId, results }: NewSet): string {
  const folded = results.replaceAll(/;[ \t]+/g, ";\r\n ");
  return `ARC-Authentication-Results: i=${instance}; ${authServId};\r\n ${folded}\r\n`;
}

function messageSignature(key: ReadyKey, message: Survey, instance: string, time: number): Promise<string> {
  const { names, fields } = select(message.fields, LIST);
  const tags: readonly Tag[] = [
    ["i", instance],
    ["a", algorithmOf(key.type)],
    ["c", "relaxed/relaxed"],
    ["d", key.domain],
    ["s", key.selector],
    ["t", String(time)],
    ["h", names],
    ["bh", message.bodyHashes.get("relaxed") ?? ""],
  ];
  return signed(key, "ARC-Message-Signature", tags, fields);
}

function chainSeal(key: ReadyKey, sealed: readonly Field[], instance: string, set: NewSet): Promise<string> {
  const tags: readonly Tag[] = [
    ["i", instance],
    ["a", algorithmOf(key.type)],
    ["t", String(set.time)],
    ["cv", set.status],
    ["d", key.domain],
    ["s", key.selector],
  ];
  return signed(key, "ARC-Seal", tags, sealed);
}

async function signed(key: ReadyKey, name: string, tags: readonly Tag[], fields: readonly Field[]): Promise<string> {
  const unsigned = unsignedField(name, tags);
  const own: Field = { name: name.toLowerCase(), line: `${unsigned}\r\n` };
  const canonical = [...fields, own].map((field) => canonicalField(field, "relaxed"));
  return signedField(unsigned, await signatureOf(key, canonical));
}
