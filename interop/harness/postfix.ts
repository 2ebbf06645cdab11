import { testCertificate } from "@postroad/testing/certificate";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { found } from "./changes.ts";
import { startDaemon } from "./daemon.ts";
import { temporaryFolder } from "./folder.ts";
import type { Mailbox } from "./mailbox.ts";
import { arrivalsIn } from "./mailbox.ts";
import { onFreePorts } from "./ports.ts";
import type { PostfixPorts } from "./postfix-config.ts";
import { configurePostfix } from "./postfix-config.ts";
import type { Session } from "./postfix-log.ts";
import { serverIn, sessionsIn, unfinishedIn } from "./postfix-log.ts";
import type { PostfixQueue } from "./postfix-queue.ts";
import { queueIn } from "./postfix-queue.ts";

export interface PostfixOptions {
  /** Dovecot's socket to ask about logins. @default nobody has to log in */
  readonly authSocket?: string;
  /** What its certificate is for. @default ["127.0.0.1"] */
  readonly names?: readonly string[];
  /** PEM: the authority it trusts where it is the client. @default none */
  readonly trusted?: string;
  /** Parameters of main.cf that go before those of the tests. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A Postfix of one's own. */
export interface Postfix extends PostfixQueue, AsyncDisposable {
  readonly ports: PostfixPorts;
  /** PEM: the authority of its certificate, and that itself. */
  readonly ca: string;
  readonly cert: string;
  /** An address whose mailbox no other test has: the next of those made of letters, or `UTF8_ADDRESS`. */
  mailbox(address?: string): Mailbox;
  /** What Postfix has counted in the sessions of a client address, when `count` of them have ended. */
  sessions(client: string, count: number): Promise<readonly Session[]>;
  /** The process that serves a client address now. */
  serverOf(client: string): Promise<number>;
  /** The first line of its log with these words, which may yet have to come. */
  logged(words: string): Promise<string>;
  /** Its log so far. */
  log(): Promise<string>;
  /** Seconds of CPU that its processes have used so far. */
  cpu(): Promise<number>;
}

/** A mailbox whose name only SMTPUTF8 can say. */
export const UTF8_ADDRESS = "jörg@example.test";
const MAILBOXES: readonly string[] = Array.from({ length: 1000 }, (_, index) => `box${index}@example.test`);

/** Starts Postfix with a configuration, a queue and mailboxes of its own. */
export async function startPostfix({ authSocket, names = ["127.0.0.1"], trusted, settings = {} }: PostfixOptions = {}): Promise<Postfix> {
  const { key, cert, ca } = testCertificate({ names });
  const mailboxes = new Map([...MAILBOXES, UTF8_ADDRESS].map((address, index) => [address, String(index)]));
  return onFreePorts(async (freePort) => {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await temporaryFolder("postfix")).path;
    const ports: PostfixPorts = {
      relay: await freePort(),
      data: await freePort(),
      lockStep: await freePort(),
      impatient: await freePort(),
      submissions: await freePort(),
      submission: await freePort(),
    };
    await configurePostfix({ folder, ports, chain: key + cert, mailboxes, authSocket, trusted, settings });
    const command = ["/usr/lib/postfix/sbin/master", "-c", join(folder, "etc")] as const;
    const daemon = stack.use(await startDaemon({ command, log: join(folder, "log"), ready: "daemon started" }));
    const owned = stack.move();
    return { ports, ca, cert, ...records(folder, mailboxes), ...queueIn(folder), cpu: () => daemon.cpu(), [Symbol.asyncDispose]: () => owned.disposeAsync() };
  });
}

function records(folder: string, mailboxes: ReadonlyMap<string, string>): Pick<Postfix, "mailbox" | "sessions" | "serverOf" | "logged" | "log"> {
  const unused = MAILBOXES.values();
  const log = (): Promise<string> => readFile(join(folder, "log"), "utf8");
  const isBusy = async (): Promise<boolean> => unfinishedIn(await log()).size > 0;
  return {
    log,
    mailbox(address = unused.next().value) {
      const box = mailboxes.get(address ?? "");
      if (address === undefined || box === undefined) throw new Error(`there is no mailbox ${address}`);
      return { address, arrivals: (count) => arrivalsIn({ folder, maildir: join(folder, "mail", box), count, isBusy }) };
    },
    serverOf(client) {
      return found({ folder, sought: `a session of ${client}`, probe: async () => serverIn(await log(), client) });
    },
    logged(words) {
      const probe = async (): Promise<string | undefined> => (await log()).split("\n").find((line) => line.includes(words));
      return found({ folder, sought: words, probe });
    },
    sessions(client, count) {
      return found({
        folder,
        sought: `the end of ${count} sessions of ${client}`,
        async probe() {
          const ended = sessionsIn(await log(), client);
          return ended.length < count ? undefined : ended;
        },
      });
    },
  };
}
