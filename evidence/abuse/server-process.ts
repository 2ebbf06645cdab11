// The server under abuse, in a process of its own, so that what it costs in memory can be measured.
import { scrypt } from "node:crypto";
import { promisify } from "node:util";
import type { Mail, Transport } from "@postroad/core";
import { receipt } from "@postroad/core";
import type { Limits, Server, Timeouts } from "@postroad/server";
import { createServer } from "@postroad/server";
import { smtp } from "@postroad/smtp";

/** What the process is to be, as JSON in its first argument. */
export interface Role {
  readonly mode: "mx" | "submission";
  /** Port of 127.0.0.1 that accepted mail is passed on to. @default it is read to its end, counted and dropped */
  readonly relayTo?: number;
  readonly limits?: Limits;
  readonly timeouts?: Timeouts;
}

/** What it has seen from the start; `peak` since it was told to begin afresh. */
export interface State {
  /** Resident memory now and at its highest, octets. */
  readonly rss: number;
  readonly peak: number;
  /** Mails accepted, and their octets. */
  readonly taken: number;
  readonly octets: number;
  /** Passwords looked at. */
  readonly asked: number;
}

/** Milliseconds between two looks at the memory. */
const SAMPLE = 20;
const domains = ["@example.org", "@example.test"];
const hash = promisify<string, string, number, Buffer>(scrypt);
const secret = await hash("s3cret", "salt", 32);
const role: Role = JSON.parse(process.argv[2] ?? "{}");
let [peak, taken, octets, asked] = [0, 0, 0, 0];
setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), SAMPLE);

const counting: Transport = {
  name: "counting",
  check: () => Promise.resolve(),
  async send(mail: Mail) {
    for await (const chunk of mail.content.open()) octets += chunk.byteLength;
    taken += 1;
    return receipt(mail, { kind: "accepted", status: "2.0.0", by: "counting" });
  },
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

const server = await listening(role);
process.on("message", (said) => {
  const rss = process.memoryUsage.rss();
  if (said === "afresh") peak = rss;
  process.send?.({ rss, peak: Math.max(peak, rss), taken, octets, asked } satisfies State);
});
process.on("disconnect", () => process.exit());
process.send?.(server.port);

function listening({ mode, relayTo, limits = {}, timeouts = {} }: Role): Promise<Server> {
  const to = relayTo === undefined ? counting : smtp({ host: "127.0.0.1", port: relayTo, security: "none" });
  const common = { to, hostname: "mail.example.org", limits, timeouts };
  const made =
    mode === "mx"
      ? createServer({ ...common, mode, recipient: ({ address }) => domains.some((domain) => address.endsWith(domain)) })
      : createServer({ ...common, mode, authenticate: passwords, insecureCleartextAuth: true });
  return made.listen({ port: 0, host: "127.0.0.1" });
}

async function passwords({ user, pass }: { readonly user: string; readonly pass: string }): Promise<{ user: string } | undefined> {
  asked += 1;
  return (await hash(pass, "salt", 32)).equals(secret) ? { user } : undefined;
}
