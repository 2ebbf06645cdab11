import type { KeyType } from "./private-key.ts";
import { parseTags } from "./tags.ts";

/** What stands in DNS under a key's name. */
export interface PublishedKey {
  readonly type: KeyType;
  /** Base64; empty where the key was withdrawn (RFC 6376 §3.6.1). */
  readonly p: string;
  readonly flags: readonly string[];
}

/** Reads a key record as verifiers do (RFC 6376 §3.6.1); a string says why they would not take it. */
export function publishedKey(record: string): PublishedKey | string {
  const tags = parseTags(record);
  if (tags === undefined) return "is no list of tags such as v=DKIM1; k=rsa; p=…";
  const [first] = tags.keys();
  if (tags.has("v") && (first !== "v" || tags.get("v") !== "DKIM1")) return "does not begin with v=DKIM1";
  const type = tags.get("k") ?? "rsa";
  if (type !== "rsa" && type !== "ed25519") return `has keys of type ${JSON.stringify(type)}`;
  if (!allows(tags.get("h"), "sha256")) return "allows hashes other than SHA-256 only (h=)";
  if (!allows(tags.get("s"), "email", "*")) return "is not for mail (s=)";
  const p = tags.get("p");
  if (p === undefined) return "has no public key (p=)";
  return { type, p, flags: (tags.get("t") ?? "").split(":").filter((flag) => flag !== "") };
}

function allows(list: string | undefined, ...names: readonly string[]): boolean {
  return list === undefined || list.split(":").some((name) => names.includes(name));
}
