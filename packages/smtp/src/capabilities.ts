import type { Reply } from "@postroad/core";

/** What a server said it can do (RFC 5321 §4.1.1.1): keyword in upper case to its parameters as written. */
export type Capabilities = ReadonlyMap<string, string>;

/** Reads the reply to EHLO. Its first line is the greeting; every further one is `KEYWORD parameters`. */
export function readCapabilities(reply: Reply): Capabilities {
  const found = new Map<string, string>();
  for (const line of reply.text.split("\n").slice(1)) {
    // QUIRK: "AUTH=PLAIN" is how servers before RFC 2554 spelled "AUTH PLAIN".
    const match = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:[ \t=]+(.*))?$/.exec(line.trim());
    const keyword = match?.[1]?.toUpperCase();
    if (keyword === undefined) continue;
    const parameters = match?.[2] ?? "";
    const before = found.get(keyword);
    found.set(keyword, before === undefined || before === "" ? parameters : `${before} ${parameters}`);
  }
  return found;
}

/** The limit that `SIZE` announces in bytes; undefined where there is none or it is 0 (RFC 1870 §3). */
export function sizeLimit(capabilities: Capabilities): number | undefined {
  const limit = Number(/^\d+$/.exec(capabilities.get("SIZE")?.trim() ?? "")?.[0] ?? 0);
  return limit > 0 ? limit : undefined;
}

/** The mechanisms that `AUTH` announces, in upper case. */
export function authMechanisms(capabilities: Capabilities): readonly string[] {
  return (capabilities.get("AUTH") ?? "").toUpperCase().split(/\s+/).filter(Boolean);
}
