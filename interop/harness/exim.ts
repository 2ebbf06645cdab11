import { testCertificate } from "@postroad/testing/certificate";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { startDaemon } from "./daemon.ts";
import type { EximPorts, NextHop } from "./exim-config.ts";
import { configureExim } from "./exim-config.ts";
import { namesFor } from "./exim-program.ts";
import { temporaryFolder } from "./folder.ts";
import type { Mailbox } from "./mailbox.ts";
import { arrivalsIn } from "./mailbox.ts";
import { onFreePorts } from "./ports.ts";

export interface EximOptions {
  /** Where the program is. */
  readonly program: string;
  /** Where mail for `next.test` goes. @default nowhere: such mail cannot be delivered */
  readonly next?: NextHop;
}

/** An Exim of one's own. */
export interface Exim extends AsyncDisposable {
  readonly ports: EximPorts;
  /** PEM: the authority of its certificate, which is for 127.0.0.1. */
  readonly ca: string;
  /** An address whose mailbox no other test has. */
  mailbox(): Mailbox;
  /** Gives it a mail, as a program on its machine does, and waits until it has tried to deliver it to everybody. */
  submit(mail: { readonly from: string; readonly to: readonly string[]; readonly bytes: Uint8Array }): Promise<void>;
  /** Tries everything in the queue again, and waits until that is done. */
  retry(): Promise<void>;
  /** Recipients it has yet to deliver to. */
  queue(): Promise<readonly string[]>;
  /** Lines of its log with these words. */
  logged(words: string): Promise<readonly string[]>;
}

const NAMES: readonly string[] = Array.from({ length: 400 }, (_, index) => `box${index}`);

/** Starts Exim with a configuration, a spool and mailboxes of its own. */
export async function startExim({ program, next }: EximOptions): Promise<Exim> {
  const { key, cert, ca } = testCertificate({ names: ["127.0.0.1"] });
  return onFreePorts(async (freePort) => {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await temporaryFolder("exim")).path;
    const ports: EximPorts = { relay: await freePort(), data: await freePort(), lockStep: await freePort(), submissions: await freePort() };
    await configureExim({ program, folder, ports, chain: key + cert, mailboxes: NAMES, next });
    const env = await namesFor(folder);
    const command = [program, "-C", join(folder, "exim.conf"), "-bdf"] as const;
    stack.use(await startDaemon({ command, log: join(folder, "mainlog"), ready: "daemon started", env }));
    const owned = stack.move();
    return { ports, ca, ...records(folder), ...client(program, folder, env), [Symbol.asyncDispose]: () => owned.disposeAsync() };
  });
}

function records(folder: string): Pick<Exim, "mailbox" | "logged"> {
  const unused = NAMES.values();
  return {
    mailbox() {
      const { value } = unused.next();
      if (value === undefined) throw new Error("every mailbox has been given to a test");
      const isBusy = async (): Promise<boolean> => hasUnfinished(await logOf(folder));
      const maildir = join(folder, "mail", value);
      return { address: `${value}@example.test`, arrivals: (count) => arrivalsIn({ folder, maildir, count, isBusy }) };
    },
    async logged(words) {
      return (await logOf(folder)).split("\n").filter((line) => line.includes(words));
    },
  };
}

function client(program: string, folder: string, env: Record<string, string>): Pick<Exim, "submit" | "retry" | "queue"> {
  async function exim(args: readonly string[], input: Uint8Array = Buffer.alloc(0)): Promise<string> {
    const child = spawn(program, ["-C", join(folder, "exim.conf"), ...args], { env, stdio: ["pipe", "pipe", "inherit"] });
    const output: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
    // Who does not read it to its end has another way to say so.
    child.stdin.on("error", () => undefined).end(input);
    const [code]: unknown[] = await once(child, "close");
    if (code !== 0) throw new Error(`exim ${args.join(" ")} ended with ${String(code)}: ${Buffer.concat(output).toString()}`);
    return Buffer.concat(output).toString();
  }
  return {
    // -i: a lone dot is text. -odi: in the foreground.
    submit: async ({ from, to, bytes }) => void (await exim(["-i", "-odi", "-f", from, "--", ...to], bytes)),
    retry: async () => void (await exim(["-qff"])),
    // A recipient stands on a line of its own; behind a D it is done with.
    queue: async () => Array.from((await exim(["-bp"])).matchAll(/^ {10}(\S+)$/gm), ([, address = ""]) => address),
  };
}

function logOf(folder: string): Promise<string> {
  return readFile(join(folder, "mainlog"), "utf8");
}

/** Is there a mail that has come and is not completed? */
function hasUnfinished(log: string): boolean {
  const ids = new Set<string>();
  for (const [, id = "", event] of log.matchAll(/^\S+ \S+ (\S+) (<=|Completed)/gm)) {
    if (event === "<=") ids.add(id);
    else ids.delete(id);
  }
  return ids.size > 0;
}
