import type { Address, Group } from "@postroad/core";
import { shown } from "./address-error.ts";
import { checkMailbox, parseAddresses } from "./address.ts";
import type { Issues } from "./issues.ts";
import { collect, isRecord, kindOf, oneLine, report } from "./issues.ts";

type Entry = Address | Group;

/** The addresses and groups of a draft's field, each checked and in its final form. */
export function addressList(input: unknown, path: string, limit: number, issues: Issues): Entry[] {
  if (input === undefined) return [];
  if (!Array.isArray(input)) return entriesOf(input, path, limit, issues);
  if (input.length > limit) reportTooMany(input.length, path, limit, issues);
  else return input.flatMap((entry, i) => entriesOf(entry, `${path}[${i}]`, limit, issues));
  return [];
}

/** The same for a field that holds mailboxes only. */
export function mailboxList(input: unknown, path: string, limit: number, issues: Issues): Address[] {
  return withoutGroups(addressList(input, path, limit, issues), path, issues);
}

/** Every mailbox of a list, those of its groups included. */
export function mailboxesOf(list: readonly Entry[]): Address[] {
  const all: Address[] = [];
  for (const entry of list) {
    if ("members" in entry) all.push(...entry.members);
    else all.push(entry);
  }
  return all;
}

export function countMailboxes(list: readonly Entry[]): number {
  let count = 0;
  for (const entry of list) count += "members" in entry ? entry.members.length : 1;
  return count;
}

export function reportTooMany(count: number, path: string, limit: number, issues: Issues): void {
  const message = `names ${count} recipients; the limit is ${limit}: send several mails, or raise maxRecipients`;
  report(issues, path, message, "5.5.3");
}

function entriesOf(entry: unknown, path: string, limit: number, issues: Issues): Entry[] {
  if (!isRecord(entry) || !("members" in entry)) return mailboxEntries(entry, path, issues);
  const { name, members } = entry;
  if (name === "") report(issues, `${path}.name`, "is empty; a group has a name", "5.1.3");
  return [
    { name: oneLine(name, `${path}.name`, issues), members: membersOf(members, `${path}.members`, limit, issues) },
  ];
}

function membersOf(members: unknown, path: string, limit: number, issues: Issues): Address[] {
  if (!Array.isArray(members)) report(issues, path, `must be an array of addresses, not ${kindOf(members)}`, "5.1.3");
  else if (members.length > limit) reportTooMany(members.length, path, limit, issues);
  else return members.flatMap((member, i) => memberOf(member, `${path}[${i}]`, issues));
  return [];
}

/** Groups do not nest (RFC 5322 §3.4), so there is nothing to recurse into. */
function memberOf(member: unknown, path: string, issues: Issues): Address[] {
  return withoutGroups(mailboxEntries(member, path, issues), path, issues);
}

function withoutGroups(entries: readonly Entry[], path: string, issues: Issues): Address[] {
  const mailboxes: Address[] = [];
  for (const entry of entries) {
    if (!("members" in entry)) mailboxes.push(entry);
    else report(issues, path, `holds the group ${shown(entry.name)}; only mailboxes stand here`, "5.1.3");
  }
  return mailboxes;
}

function mailboxEntries(entry: unknown, path: string, issues: Issues): Entry[] {
  if (typeof entry === "string") return collect(issues, () => parseAddresses(entry, path), []);
  if (isRecord(entry) && typeof entry["address"] === "string")
    return [addressOf(entry, entry["address"], path, issues)];
  report(issues, path, `must be an address, { address, name } or { name, members }, not ${kindOf(entry)}`, "5.1.3");
  return [];
}

function addressOf(entry: Readonly<Record<string, unknown>>, given: string, path: string, issues: Issues): Address {
  const address = collect(issues, () => checkMailbox(given, `${path}.address`), "");
  const name = entry["name"] === undefined ? "" : oneLine(entry["name"], `${path}.name`, issues);
  return name === "" ? { address } : { address, name };
}
