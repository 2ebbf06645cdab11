// The main job: mail, composed and raw, through a pipeline, over TLS and a login, to an SMTP server in another process.
// With SMTP_URL and TO set, it goes to your own server instead: SMTP_URL=smtps://user:pass@host TO=you@example.org
import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { EventEmitter, once } from "node:events";
import type { Mail, Middleware, Receipt, Transport } from "@postroad/core";
import { readAll, wrap } from "@postroad/core";
import { testCertificate } from "@postroad/testing/certificate";
import { compose, smtp } from "postroad";
import { composedMail, rawMails } from "./mails.ts";
import type { News, Setup } from "./server.ts";
import { outcomeRows, table } from "./table.ts";

type Arrived = Extract<News, { kind: "message" }>;

interface Destination extends AsyncDisposable {
  readonly transport: Transport;
  readonly recipients: { readonly to: string[]; readonly cc: string[]; readonly bcc: string[] };
  readonly from: string;
  /** What the server says it got; undefined where it is not ours to ask. */
  readonly arrived: readonly Arrived[] | undefined;
  /** Tells of more of it. */
  readonly news: EventEmitter;
}

/** A middleware of four lines: says what is on its way. */
const announce: Middleware = (next) =>
  wrap("announce", next, (mail, options) => {
    console.log(`sending ${mail.id} to ${mail.envelope.to.length} recipient(s) through ${next.name}`);
    return next.send(mail, options);
  });

async function ownServer(): Promise<Destination> {
  const { key, cert, ca } = testCertificate({ names: ["localhost"] });
  const login = { user: "shop", pass: "correct horse / battery: staple" };
  const server = fork(join(import.meta.dirname, "server.ts"));
  server.send({ key, cert, ...login } satisfies Setup);
  const arrived: Arrived[] = [];
  const [first]: News[] = await once(server, "message");
  if (first?.kind !== "listening") throw new Error("the server did not start");
  server.on("message", (news: News) => void (news.kind === "message" && arrived.push(news)));
  console.log(`submission server in process ${server.pid}, port ${first.port}: TLS, login required\n`);
  const transport = compose(announce, smtp({ host: "localhost", port: first.port, security: "tls", tls: { ca }, auth: login }));
  return {
    transport,
    arrived,
    news: server,
    from: "Zoë vom Postamt <zoe@shop.example>",
    recipients: {
      to: ["Ann Müller <ann@example.net>", "Nobody <nobody@example.net>"],
      cc: ['"Busy, Bob" <busy@example.net>'],
      bcc: ["李小龙 <li@example.net>"],
    },
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]();
      const gone = once(server, "exit");
      server.disconnect();
      await gone;
    },
  };
}

function yourServer(url: string, to: string): Destination {
  const transport = compose(announce, smtp(url));
  const from = process.env["FROM"] ?? to;
  const dispose = (): PromiseLike<void> => transport[Symbol.asyncDispose]();
  return { transport, from, recipients: { to: [to], cc: [], bcc: [] }, arrived: undefined, news: new EventEmitter(), [Symbol.asyncDispose]: dispose };
}

async function sha256(mail: Mail): Promise<string> {
  return createHash("sha256").update(await readAll(mail.content)).digest("hex");
}

const { SMTP_URL, TO } = process.env;
if ((SMTP_URL === undefined) !== (TO === undefined)) throw new Error("SMTP_URL and TO go together: set both or neither");
await using destination = SMTP_URL === undefined || TO === undefined ? await ownServer() : yourServer(SMTP_URL, TO);
const { transport, recipients, from, arrived } = destination;

const mails: (readonly [string, Mail])[] = [["composed", composedMail(from, recipients)]];
const sender = mails[0]?.[1].envelope.from ?? "";
const reader = TO ?? "archive@example.net";
mails.push(...(await rawMails(join(import.meta.dirname, "../mail"), sender, reader)));

await transport.check();
const receipts: (readonly [string, Receipt])[] = [];
for (const [label, mail] of mails) receipts.push([label, await transport.send(mail)]);

console.log(`\n${table([["mail", "recipient", "outcome", "status", "reason"], ...receipts.flatMap(([label, r]) => outcomeRows(label, r))])}`);

if (arrived !== undefined) {
  // What the server tells its parent and what it answers come by different ways.
  while (arrived.length < mails.length) await once(destination.news, "message");
  const hashes = new Set(arrived.map((message) => message.sha256));
  const rows = await Promise.all(
    mails.map(async ([label, mail]) => {
      const hash = await sha256(mail);
      return [label, `${mail.content.size ?? "?"} bytes`, hash.slice(0, 16), hashes.has(hash) ? "arrived unchanged" : "DIFFERS"];
    }),
  );
  console.log(`\n${table([["mail", "size", "SHA-256", "what the server got"], ...rows])}`);
  if (rows.some((row) => row[3] === "DIFFERS")) process.exitCode = 1;
}
