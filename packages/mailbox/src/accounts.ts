import type { Rules } from "@postroad/core";
import { checkOptions, ConfigError, isBoolean, isObject, isString } from "@postroad/core";
import { asciiDomain, keyOf, mailboxPath, partsOf } from "./address.ts";
import { isFolderName } from "./folder.ts";
import type { Found, Lookup, Mailbox } from "./lookup.ts";
import { quotaRules } from "./options.ts";

export interface AccountsOptions {
  /**
   * Who has a mailbox: addresses, whose mail lies at `mailboxPath(address)`; or by address the path below the root, or
   * all about the mailbox.
   */
  readonly mailboxes: readonly string[] | Readonly<Record<string, string | Mailbox>>;
  /** Other addresses by address, each of which gets a copy. @default none */
  readonly aliases?: Readonly<Record<string, string | readonly string[]>>;
  /** By domain, the address that gets what nobody else gets. @default none */
  readonly catchAll?: Readonly<Record<string, string>>;
  /** What begins a tag: mail for `ann+shop@example.org` goes to `ann@example.org`. False for no tags. @default "+" */
  readonly tagSeparator?: string | false;
  /** Delivers to the folder of the tag's name where the mailbox has one. @default false */
  readonly tagFolders?: boolean;
}

const rules: Rules<AccountsOptions> = {
  mailboxes: isObject,
  aliases: isObject,
  catchAll: isObject,
  tagSeparator: (value) => (value === false || (typeof value === "string" && value !== "") ? undefined : 'must be false or text such as "+"'),
  tagFolders: isBoolean,
};

const mailboxRules: Rules<Mailbox> = {
  mailbox: isString,
  folder: (value) => (typeof value === "string" && isFolderName(value) ? undefined : "must be the name of a folder, without dots"),
  createFolder: isBoolean,
  quota: isObject,
};

/**
 * A lookup of addresses in lists, in this order: the address as it is, without its tag, and the catch-all of its domain.
 * Letter case counts for nothing. Throws a ConfigError for lists that cannot be meant.
 */
export function accounts(options: AccountsOptions): Lookup {
  checkOptions("accounts", options, rules, ["mailboxes"]);
  const { aliases = {}, catchAll = {}, tagSeparator = "+", tagFolders = false } = options;
  const known = new Map<string, Found>();
  for (const [address, mailbox] of mailboxesOf(options)) add(known, "mailboxes", address, mailbox);
  for (const [address, to] of Object.entries(aliases)) add(known, "aliases", address, { aliases: typeof to === "string" ? [to] : to });
  const rest = new Map(Object.entries(catchAll).map(([domain, address]) => [asciiDomain(domain), address]));
  checkTargets(known, rest);
  return (address) => {
    const exact = known.get(keyOf(address));
    if (exact !== undefined) return exact;
    const { local, domain } = partsOf(address);
    const at = tagSeparator === false ? -1 : local.indexOf(tagSeparator, 1);
    const base = at === -1 ? undefined : known.get(`${local.slice(0, at)}@${domain}`);
    if (base !== undefined) return tagFolders && tagSeparator !== false ? inFolder(base, local.slice(at + tagSeparator.length)) : base;
    const target = rest.get(domain);
    return target === undefined || keyOf(target) === keyOf(address) ? undefined : { aliases: [target] };
  };
}

/** A tag comes from outside: it chooses among the folders that are there, and makes none. */
function inFolder(found: Found, tag: string): Found {
  if (found === undefined || !("mailbox" in found) || found.folder !== undefined || !isFolderName(tag)) return found;
  return { ...found, folder: tag, createFolder: false };
}

function mailboxesOf({ mailboxes }: AccountsOptions): readonly (readonly [address: string, mailbox: Mailbox])[] {
  if (isList(mailboxes)) return mailboxes.map((address) => [address, { mailbox: mailboxPath(address) }]);
  return Object.entries(mailboxes).map(([address, given]) => {
    if (typeof given === "string") return [address, { mailbox: given }];
    checkOptions(`accounts mailboxes[${JSON.stringify(address)}]`, given, mailboxRules, ["mailbox"]);
    if (given.quota !== undefined) checkOptions(`accounts mailboxes[${JSON.stringify(address)}].quota`, given.quota, quotaRules);
    return [address, given];
  });
}

/** `Array.isArray` does not tell a readonly array from the rest. */
function isList(value: AccountsOptions["mailboxes"]): value is readonly string[] {
  return Array.isArray(value);
}

function add(known: Map<string, Found>, path: string, address: string, found: Found): void {
  const key = keyOf(address);
  if (known.has(key)) throw wrong(path, `has ${JSON.stringify(address)} twice, or as a mailbox and an alias`);
  if (!address.includes("@")) throw wrong(path, `has ${JSON.stringify(address)}, which is no address: it has no @`);
  known.set(key, found);
}

/** An alias or a catch-all for nobody would lose mail one by one, later. */
function checkTargets(known: ReadonlyMap<string, Found>, rest: ReadonlyMap<string, string>): void {
  for (const [address, found] of known) {
    if (found === undefined || !("aliases" in found)) continue;
    const lost = found.aliases.find((alias) => !known.has(keyOf(alias)) && !rest.has(partsOf(alias).domain));
    if (lost !== undefined || found.aliases.length === 0) throw wrong("aliases", `of ${address} lead to ${lost ?? "nobody"}, who has no mailbox here`);
  }
  for (const [domain, address] of rest) {
    if (!known.has(keyOf(address))) throw wrong("catchAll", `of ${domain} is ${address}, who has no mailbox here`);
  }
}

function wrong(path: string, message: string): ConfigError {
  return new ConfigError("accounts", [{ path, message }]);
}
