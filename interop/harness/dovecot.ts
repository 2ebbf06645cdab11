import { testCertificate } from "@postroad/testing/certificate";
import { createHmac, randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { found } from "./changes.ts";
import { startDaemon } from "./daemon.ts";
import type { User } from "./dovecot-config.ts";
import { configureDovecot } from "./dovecot-config.ts";
import { temporaryFolder } from "./folder.ts";
import type { Arrival } from "./maildir.ts";
import { readMaildir } from "./maildir.ts";
import { onFreePorts } from "./ports.ts";

/** A Dovecot of one's own. */
export interface Dovecot extends AsyncDisposable {
  readonly ports: { readonly lmtp: number; readonly imap: number; readonly pop3: number };
  /** PEM. Its certificate is for the address 127.0.0.1 and no name. */
  readonly ca: string;
  readonly lmtpSocket: string;
  /** Where a mail server asks about logins. */
  readonly authSocket: string;
  /** Somebody no other test has. */
  user(): User;
  /** Where the Maildirs are, each by its user's name, owned by nobody. */
  readonly mailboxes: string;
  /** The names of the files in somebody's inbox. */
  names(user: User): Promise<readonly string[]>;
  /** What has been delivered to somebody. */
  arrivals(user: User): Promise<readonly Arrival[]>;
  /** The process that has greeted a client address last, over LMTP. */
  serverOf(client: string): Promise<number>;
  /** An access token that lets this user in for `seconds` from now; less than 0 for one that has expired. */
  token(user: User, seconds: number): string;
}

/** Their mailbox has no room for even a small mail. */
export const FULL: User = { name: "full", password: "none", quota: 100 };
const USERS: readonly User[] = Array.from({ length: 200 }, (_, index) => ({ name: `user${index}`, password: `pässwörd 密碼 ${index}` }));

/** Starts Dovecot with a configuration, users and mailboxes of its own. */
export async function startDovecot(): Promise<Dovecot> {
  const { key, cert, ca } = testCertificate({ names: ["127.0.0.1"] });
  const tokenKey = randomBytes(32);
  return onFreePorts(async (freePort) => {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await temporaryFolder("dovecot")).path;
    const ports = { lmtp: await freePort(), imap: await freePort(), pop3: await freePort() };
    await configureDovecot({ folder, ports, users: [...USERS, FULL], key, cert, tokenKey });
    const command = ["/usr/sbin/dovecot", "-F", "-c", join(folder, "dovecot.conf")] as const;
    stack.use(await startDaemon({ command, log: join(folder, "log"), ready: "starting up" }));
    const owned = stack.move();
    const unused = USERS.values();
    return {
      ports,
      ca,
      lmtpSocket: join(folder, "run", "lmtp"),
      authSocket: join(folder, "run", "postfix"),
      user() {
        const { value } = unused.next();
        if (value === undefined) throw new Error("every user has been given to a test");
        return value;
      },
      mailboxes: join(folder, "mail"),
      names: async ({ name }) => (await Promise.all(["new", "cur"].map((each) => readdir(join(folder, "mail", name, each))))).flat(),
      arrivals: ({ name }) => readMaildir(join(folder, "mail", name)),
      serverOf: (client) => serverIn(folder, client),
      token: ({ name }, seconds) => tokenFor(name, seconds, tokenKey),
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  });
}

function serverIn(folder: string, client: string): Promise<number> {
  return found({
    folder,
    sought: `a session of ${client}`,
    async probe() {
      const greetings = [...(await readFile(join(folder, "log"), "utf8")).matchAll(/ lmtp\((\d+)\): Info: Connect from (\S+)$/gm)];
      const last = greetings.findLast(([, , address]) => address === client);
      return last === undefined ? undefined : Number(last[1]);
    },
  });
}

/** A JSON Web Token (RFC 7519) that Dovecot can check by itself. */
function tokenFor(name: string, seconds: number, key: Buffer): string {
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: "HS256", typ: "JWT" };
  const claims = { sub: name, iat: now - 60, nbf: now - 60, exp: now + seconds };
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}
