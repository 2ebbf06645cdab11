import { readFile, stat } from "node:fs/promises";
import { ConfigError } from "@postroad/core";
import type { Authenticator, ScramSecret } from "./authenticator.ts";
import { checkHash, hashPassword, verifyPassword } from "./password-hash.ts";
import { scramDecoys } from "./scram-decoys.ts";
import { secretFrom } from "./scram-secret.ts";
import type { Login } from "./types.ts";

interface Entry {
  readonly hash: string;
  readonly login: Login;
}

/**
 * Users of a file, one a line: `user:hash` or `user:hash:sender,sender`, with a hash as `hashPassword`, argon2 or bcrypt give it; lines
 * that begin with `#` count for nothing. Read anew when it changes. A file that cannot be read is "not now" (454) to whoever logs
 * in, and an `error` event.
 */
export function passwordFile(path: string): Authenticator {
  const read = reader(path);
  let decoy: Promise<string> | undefined;
  return {
    async password({ user, pass }) {
      const entries = await read();
      const entry = entries.get(key(user));
      const hash = hashToTry(entries, user) ?? (await (decoy ??= hashPassword("")));
      return (await verifyPassword(pass, hash)) && entry !== undefined ? entry.login : undefined;
    },
  };
}

/**
 * The same for a file in which every hash is one that `scramSecret` gave: clients can log in without showing their password. Kept
 * apart from `passwordFile` because a client that is offered SCRAM uses it, and then everybody needs such a secret. Who asks for a name that
 * nobody has is shown a salt and rounds as those of the others.
 */
export function scramFile(path: string): Authenticator {
  const read = reader(path);
  const decoys = new WeakMap<Entries, Decoys>();
  return {
    ...passwordFile(path),
    async scram(user) {
      const entries = await read();
      const entry = entries.get(key(user));
      if (entry !== undefined) return secretFrom(entry.hash, entry.login);
      const decoy = decoys.get(entries) ?? decoysLike(entries);
      decoys.set(entries, decoy);
      return decoy(key(user));
    },
  };
}

/** Keyed by the first of them, which stays when others come and go, and is secret to all but its owner. */
function decoysLike(entries: Entries): Decoys {
  const secrets = [...entries.values()].filter(({ hash }) => hash.startsWith("$scram")).map(({ hash, login }) => secretFrom(hash, login));
  const [first] = secrets;
  return first === undefined ? () => undefined : scramDecoys(first.storedKey, secrets);
}

type Entries = ReadonlyMap<string, Entry>;
type Decoys = (user: string) => ScramSecret | undefined;

/**
 * A name that nobody has takes as long as one that somebody has: somebody's hash is tried for it, since its kind and cost say how long.
 * Undefined where there is nobody.
 */
export function hashToTry(entries: ReadonlyMap<string, Pick<Entry, "hash">>, user: string): string | undefined {
  const [any] = entries.values();
  return (entries.get(key(user)) ?? any)?.hash;
}

/** Looks at the file's time before each login, and reads it where that has changed. */
function reader(path: string): () => Promise<Entries> {
  let known: { readonly version: string; readonly entries: Entries } | undefined;
  return async () => {
    const { mtimeMs, size, ino } = await stat(path);
    const version = `${mtimeMs} ${size} ${ino}`;
    if (known?.version !== version) known = { version, entries: parse(await readFile(path, "utf8"), path) };
    return known.entries;
  };
}

/** Names are compared as addresses mostly are: in any case. */
function key(user: string): string {
  return user.toLowerCase();
}

function parse(text: string, path: string): Entries {
  const entries = new Map<string, Entry>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [, user, hash, senders] = /^([^:]+):([^:]+)(?::([^:]*))?$/.exec(line.trim()) ?? [];
    const wrong = problem(user, hash);
    if (user === undefined || hash === undefined || wrong !== undefined) {
      throw new ConfigError("password file", [{ path: `${path}:${index + 1}`, message: wrong ?? "is not user:hash or user:hash:senders" }]);
    }
    const list = senders?.split(",").map((sender) => sender.trim()).filter((sender) => sender !== "");
    entries.set(key(user), { hash, login: { user, ...(list !== undefined && list.length > 0 && { senders: list }) } });
  }
  return entries;
}

function problem(user: string | undefined, hash: string | undefined): string | undefined {
  if (user === undefined || hash === undefined) return "is not user:hash or user:hash:senders";
  try {
    checkHash(hash);
    return undefined;
  } catch {
    // The line holds a secret, or what somebody took for one.
    return "has a hash that is none of scrypt, argon2, bcrypt and scram-sha-256";
  }
}
