// For tests: the mail server in a process of its own, with settings made on the spot.
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { EventEmitter, on, once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { DnsRecord } from "@postroad/dkim";
import { dnsRecord, generateKey } from "@postroad/dkim";
import { hashPassword } from "@postroad/server";
import { testCertificate } from "@postroad/testing/certificate";
import type { Config } from "./config.ts";
import { addressesOf } from "./mail-server.ts";

/** A line of its log. */
export type Line = Readonly<Record<string, unknown>>;

export interface Place extends AsyncDisposable {
  readonly folder: string;
  /** PEM: whom a client of the server trusts. */
  readonly ca: string;
  /** Where the keys that sign are published. */
  readonly records: readonly DnsRecord[];
  /** Starts the server; again after it has ended. */
  start(): Promise<Running>;
}

export interface Running extends AsyncDisposable {
  readonly ports: { readonly submission: number; readonly submissions: number; readonly mx: number };
  /** The first line of its log that passes, said before or to come. */
  said(test: (line: Line) => boolean): Promise<Line>;
  /** Ends it without a word. */
  kill(): Promise<void>;
}

export interface Settings extends Pick<Config, "mailboxes" | "postmaster" | "aliases" | "mx" | "retry" | "ttl" | "owner"> {
  readonly password: string;
  /** @default a folder of its own */
  readonly maildirs?: string;
}

/** A folder with all that the server needs. Everybody with a mailbox has the same password. */
export async function place({ password, ...settings }: Settings): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), "postroad-mail-server-"));
  const path = (name: string): string => join(folder, name);
  const { key, cert, ca } = testCertificate({ names: ["localhost", "127.0.0.1"] });
  const addresses = addressesOf(settings);
  const domains = [...new Set(addresses.map((address) => address.slice(address.indexOf("@") + 1)))];
  const { privateKey } = await generateKey();
  const keys = domains.map((domain) => ({ domain, selector: "mail", key: privateKey }));
  const hash = await hashPassword(password);
  await writeFile(path("key.pem"), key);
  await writeFile(path("cert.pem"), cert);
  await writeFile(path("users"), addresses.map((address) => `${address}:${hash}\n`).join(""));
  await mkdir(path("dkim"));
  for (const each of keys) await writeFile(path(`dkim/${each.domain}.pem`), each.key);
  const config: Config = {
    hostname: "mail.example.org",
    tls: { key: "key.pem", cert: "cert.pem" },
    passwords: "users",
    maildirs: "maildirs",
    database: "queue.db",
    dkim: keys.map(({ domain, selector }) => ({ domain, selector, key: `dkim/${domain}.pem` })),
    listen: { host: "127.0.0.1", submission: 0, submissions: 0, mx: 0 },
    ...settings,
  };
  await writeFile(path("settings.json"), JSON.stringify(config));
  return {
    folder,
    ca,
    records: keys.map((each) => dnsRecord(each)),
    start: () => start(path("settings.json")),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}

async function start(settings: string): Promise<Running> {
  const command = ["-C", "@postroad/source", join(import.meta.dirname, "main.ts"), settings];
  const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] });
  const log = logOf(child);
  const { submission, submissions, mx } = await log.said(({ kind }) => kind === "listening");
  return {
    ports: { submission: Number(submission), submissions: Number(submissions), mx: Number(mx) },
    said: log.said,
    kill: () => end(child, "SIGKILL"),
    [Symbol.asyncDispose]: () => end(child, "SIGTERM"),
  };
}

function logOf({ stdout }: ChildProcess): Pick<Running, "said"> {
  if (stdout === null) throw new Error("the log is not piped");
  const lines: Line[] = [];
  const news = new EventEmitter().setMaxListeners(100);
  let isOver = false;
  createInterface({ input: stdout })
    .on("line", (text) => {
      lines.push(JSON.parse(text));
      news.emit("line");
    })
    .on("close", () => {
      isOver = true;
      news.emit("line");
    });
  return {
    async said(test) {
      const more = on(news, "line");
      for (;;) {
        const line = lines.find(test);
        if (line !== undefined) return line;
        if (isOver) throw new Error(`the server ended without saying so; last: ${JSON.stringify(lines.slice(-3))}`);
        await more.next();
      }
    },
  };
}

async function end(child: ChildProcess, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill(signal);
  await exit;
}
