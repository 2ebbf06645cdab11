import type { Address, Group } from "@postroad/core";
import { WIDTH, fieldOfTokens } from "./fold.ts";
import { phrase } from "./header-text.ts";

/** A field of addresses and groups (RFC 5322 §3.4), folded between words only. */
export function addressField(name: string, list: readonly (Address | Group)[]): string {
  const tokens: string[] = [];
  for (const entry of list) {
    if (tokens.length > 0) append(tokens, ",");
    addEntry(tokens, entry, tokens.length === 0 ? WIDTH - name.length - 2 : undefined);
  }
  return fieldOfTokens(name, tokens);
}

/** An address or group as a header field shows it, on one line: names quoted or encoded where they need it. */
export function formatAddress(entry: Address | Group): string {
  const tokens: string[] = [];
  addEntry(tokens, entry);
  return tokens.join(" ");
}

function addEntry(tokens: string[], entry: Address | Group, room?: number): void {
  if (!("members" in entry)) return addAddress(tokens, entry, room);
  tokens.push(...phrase(entry.name, room));
  // White space keeps an encoded word apart from what is special (RFC 2047 §5 (3)).
  if (tokens.at(-1)?.startsWith("=?") === true) tokens.push(":");
  else append(tokens, ":");
  for (const [i, member] of entry.members.entries()) {
    if (i > 0) append(tokens, ",");
    addAddress(tokens, member);
  }
  append(tokens, ";");
}

function addAddress(tokens: string[], { address, name }: Address, room?: number): void {
  if (name === undefined) tokens.push(address);
  else tokens.push(...phrase(name, room), `<${address}>`);
}

/** Text that belongs to the token before it. */
function append(tokens: string[], text: string): void {
  tokens.push((tokens.pop() ?? "") + text);
}

/** `words <id>`, where the words are a phrase (RFC 2919 §3). */
export function listIdField(value: string): string {
  const open = value.lastIndexOf("<");
  const words = value.slice(0, open).trim();
  return fieldOfTokens("List-ID", words === "" ? [value] : [...phrase(words), value.slice(open)]);
}
