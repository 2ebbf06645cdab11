import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Copy, Report, SinkLedger } from "./ledgers.ts";
import { MARK, fateOf } from "./ledgers.ts";
import { readerOf } from "./reader.ts";

/** A server that writes down what arrives, in a process that nobody kills. */
export interface Sink extends AsyncDisposable {
  readonly port: number;
  readonly ledger: SinkLedger;
  /** RCPT commands by recipient, refused and deferred ones too. */
  readonly attempts: ReadonlyMap<string, number>;
  /** When all connections are closed, and what came over them is written down: what a killed process sent may come after its end. */
  idle(): Promise<unknown>;
}

/** Milliseconds that it takes at most to say 250: the longer, the more often a kill comes between. */
const DAWDLE = 5;

interface Books {
  readonly copies: Copy[];
  readonly reports: Report[];
  readonly attempts: Map<string, number>;
}

/** Tells of every message, which is answered when the promise is kept. */
export type OnMessage = (recipients: readonly string[]) => Promise<unknown>;

/** Starts one. `onMessage` is by default a short wait, not always the same. */
export async function startSink(onMessage: OnMessage = () => sleep(Math.random() * DAWDLE)): Promise<Sink> {
  const books: Books = { copies: [], reports: [], attempts: new Map() };
  const sockets = new Set<Socket>();
  const conversations = new Set<Promise<void>>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // Whoever is killed resets its connections.
    socket.on("error", () => socket.destroy());
    const conversation = converse(socket, books, onMessage).finally(() => conversations.delete(conversation));
    conversations.add(conversation);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the sink has no port");
  return {
    port: address.port,
    ledger: books,
    attempts: books.attempts,
    idle: () => Promise.all(conversations),
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function converse(socket: Socket, books: Books, onMessage: OnMessage): Promise<void> {
  const reader = readerOf(socket);
  let from = "";
  let recipients: string[] = [];
  socket.write("220 sink.example ESMTP\r\n");
  for (let line = await reader.line(); line !== undefined; line = await reader.line()) {
    const [, verb = "", path = ""] = /^(\w+)[^<]*(?:<([^>]*)>)?/.exec(line.replace(/^\w+/, (word) => word.toUpperCase())) ?? [];
    if (verb === "MAIL") [from, recipients] = [path, []];
    if (verb === "DATA" && recipients.length > 0) {
      socket.write("354 go ahead\r\n");
      const message = await reader.message();
      if (message === undefined) return;
      record(books, from, recipients, message);
      await onMessage(recipients);
      socket.write("250 2.0.0 taken\r\n");
    } else if (verb === "RCPT") {
      const refusal = refusalOf(path, books.attempts);
      if (refusal === undefined) recipients.push(path);
      socket.write(refusal ?? "250 2.1.5 ok\r\n");
    } else socket.write(REPLIES[verb] ?? "250 2.0.0 ok\r\n");
  }
  socket.end();
}

const REPLIES: Readonly<Record<string, string>> = {
  EHLO: "250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 10000000\r\n250 ENHANCEDSTATUSCODES\r\n",
  DATA: "554 5.5.1 no valid recipients\r\n",
  QUIT: "221 2.0.0 bye\r\n",
};

function refusalOf(address: string, attempts: Map<string, number>): string | undefined {
  const attempt = (attempts.get(address) ?? 0) + 1;
  attempts.set(address, attempt);
  const fate = fateOf(address);
  if (fate === "refused") return "550 5.1.1 no such user\r\n";
  if (fate === "never") return "451 4.2.1 not now\r\n";
  return fate.startsWith("later") && attempt <= Number(fate.slice(-1)) ? "451 4.2.1 not now\r\n" : undefined;
}

function record(books: Books, from: string, recipients: readonly string[], message: Buffer): void {
  const at = Date.now();
  const text = message.toString("latin1");
  if (from === "") {
    const about = [...text.matchAll(/^Final-Recipient:\s*rfc822;\s*(\S+)/gim)].map(([, address = ""]) => address);
    const id = /^Message-ID:\s*(\S+)/im.exec(text)?.[1] ?? "";
    for (const to of recipients) books.reports.push({ id, to, recipients: about, at });
    return;
  }
  const start = text.indexOf(MARK);
  const id = start === -1 ? "" : text.slice(start + MARK.length, text.indexOf("\r\n", start));
  const hash = createHash("sha256").update(message.subarray(Math.max(0, start))).digest("hex");
  for (const recipient of recipients) books.copies.push({ id, recipient, hash, at });
}
