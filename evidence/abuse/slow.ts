import { setTimeout as delay } from "node:timers/promises";
import { createMessage } from "@postroad/message";
import { smtp } from "@postroad/smtp";
import type { Client } from "../../packages/server/test/client.ts";
import type { Proof } from "./proof.ts";
import { mebibytes } from "./proof.ts";
import type { Target } from "./server.ts";
import { ENVELOPE, warmTarget } from "./server.ts";

const SLOW = 1000;
/** Of one address, below what a client may have. */
const PER_ADDRESS = 40;
const MAILS = 200;
/** Milliseconds between two octets of a slow client. */
const PAUSE = 1000;
/** Milliseconds the server has patience: minutes by default, and shorter here so that the end can be seen. */
const PATIENCE = 10_000;
/** Octets a connection may cost; most of it are the system's and Node's own. */
const PER_CONNECTION = 64 * 1024;

/** Clients that hold a thousand connections by an octet now and then, while others send mail. */
export async function slow(): Promise<readonly Proof[]> {
  await using target = await warmTarget({ limits: { connections: SLOW + 100 }, timeouts: { command: PATIENCE, data: PATIENCE, rate: 500 } });
  const before = await target.state("afresh");
  const clients = await occupy(target);
  const over = new AbortController();
  const trickling = Promise.all(clients.map((client, index) => trickle(client, index, over.signal)));
  const sent = await normal(target.port);
  const during = await target.state();
  const waiting = clients.filter(({ socket }) => !socket.destroyed && !socket.readableEnded).length;
  const ends = await Promise.all(clients.map((client) => lastWords(client)));
  over.abort();
  await trickling;
  for (const client of clients) await client[Symbol.asyncDispose]();
  const late = ends.filter((end) => end.startsWith("421 4.4.2")).length;
  const grown = during.peak - before.rss;
  return [
    {
      what: `${SLOW} connections that say an octet every ${PAUSE / 1000} s: mail goes through`,
      got: `${sent} of ${MAILS} mails accepted while ${waiting} were waiting`,
      holds: sent === MAILS && during.taken - before.taken === MAILS && waiting === SLOW,
    },
    {
      what: `a slow connection costs less than ${PER_CONNECTION / 1024} KiB`,
      got: `memory ${mebibytes(before.rss)} before, ${mebibytes(during.peak)} at its highest: ${Math.round(grown / SLOW / 1024)} KiB for each`,
      holds: grown < SLOW * PER_CONNECTION,
    },
    { what: "an octet now and then does not extend a deadline: every slow connection is closed", got: `${late} of ${SLOW} told 421 4.4.2`, holds: late === SLOW },
  ];
}

/** A third each says nothing, dawdles over a command, and over a message. */
async function occupy(target: Target): Promise<readonly Client[]> {
  const clients: Client[] = [];
  while (clients.length < SLOW) {
    const address = `127.9.1.${1 + clients.length / PER_ADDRESS}`;
    const more = Array.from({ length: PER_ADDRESS }, (_, index) => arrive(target, address, clients.length + index));
    clients.push(...(await Promise.all(more)));
  }
  return clients;
}

async function arrive(target: Target, address: string, index: number): Promise<Client> {
  const client = await target.dial(address);
  if (index % 3 === 2) await client.say(...ENVELOPE, "DATA");
  return client;
}

async function trickle(client: Client, index: number, signal: AbortSignal): Promise<void> {
  // Not all in the same moment.
  await delay(PAUSE * (index / SLOW), undefined, { signal }).catch(() => undefined);
  while (!signal.aborted && client.socket.writable) {
    if (index % 3 > 0) client.send("a");
    await delay(PAUSE, undefined, { signal }).catch(() => undefined);
  }
}

/** How many mails arrive. */
async function normal(port: number): Promise<number> {
  await using transport = smtp({ host: "127.0.0.1", port, security: "none", pool: 4 });
  const message = createMessage({ from: "bob@elsewhere.example", to: "ann@example.org", subject: "hi", text: "hello" });
  const receipts = await Promise.all(Array.from({ length: MAILS }, () => transport.send(message)));
  return receipts.filter(({ outcomes }) => outcomes.every(({ kind }) => kind === "accepted")).length;
}

/** What the server says to them at last. */
async function lastWords(client: Client): Promise<string> {
  return (await Promise.race([client.rest(), delay(PATIENCE * 2, "nothing", { ref: false })])).trimEnd();
}
