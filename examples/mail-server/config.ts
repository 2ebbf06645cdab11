import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** A mail server's file of settings, JSON. Paths are relative to it. */
export interface Config {
  /** Its name: in the greeting, in EHLO, in Received and in reports. DNS leads from it to this machine and back. */
  readonly hostname: string;
  /** PEM files. */
  readonly tls: { readonly key: string; readonly cert: string };
  /** Whose mail is kept here: addresses, or by address the path of the Maildir below `maildirs`. Their domains are the local ones. */
  readonly mailboxes: readonly string[] | Readonly<Record<string, string>>;
  /** Other addresses by address. */
  readonly aliases?: Readonly<Record<string, string | readonly string[]>>;
  /** Who reads what is for postmaster, a mailbox or an alias from above. */
  readonly postmaster: string;
  /** Lines of `user:hash`, see passwordFile() of @postroad/server. */
  readonly passwords: string;
  /** Folder of the Maildirs: `maildirs/example.org/ann`. */
  readonly maildirs: string;
  /** User and group that Maildirs are given to, so that an IMAP server may read them; needs root. @default those of the process */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** The queue, an SQLite file. */
  readonly database: string;
  /** Keys that sign what our users send, PEM files. */
  readonly dkim: readonly { readonly domain: string; readonly selector: string; readonly key: string }[];
  /** Ports; 0 takes a free one. Without `host` on all addresses of this machine. */
  readonly listen: {
    readonly host?: string;
    readonly submission: number;
    readonly submissions: number;
    readonly mx: number;
  };
  /** Mail for elsewhere. All of it is for tests and special networks: resolvers other than the system's, another port, private addresses. */
  readonly mx?: { readonly servers?: readonly string[]; readonly port?: number; readonly allow?: readonly string[] };
  /** Waits between attempts, see backoff(). */
  readonly retry?: { readonly first?: number; readonly max?: number; readonly until?: number };
  /** Milliseconds after which a server that starts again takes up what the one before it had in hand when it died. @default 60_000 */
  readonly ttl?: number;
}

/** Reads the file and makes its paths absolute. Each part of the server checks what it is given. */
export async function readConfig(file: string): Promise<Config> {
  const given: Config = JSON.parse(await readFile(file, "utf8"));
  const path = (relative: string): string => resolve(dirname(file), relative);
  return {
    ...given,
    tls: { key: path(given.tls.key), cert: path(given.tls.cert) },
    passwords: path(given.passwords),
    maildirs: path(given.maildirs),
    database: path(given.database),
    dkim: given.dkim.map((each) => ({ ...each, key: path(each.key) })),
  };
}
