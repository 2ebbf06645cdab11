import { join } from "node:path";
import type { Transport } from "@postroad/core";
import { receipt, transport } from "@postroad/core";
import { drain, queue } from "@postroad/queue";
import type { Store } from "@postroad/queue";
import { sqliteStore } from "@postroad/queue-sqlite";
import { createServer } from "@postroad/server";
import { smtp } from "@postroad/smtp";
import type { Counts, StartServer } from "./server.ts";

/** Mails under way to the receiver at once, and connections to it. */
const [UNDER_WAY, CONNECTIONS] = [20, 5];

/** Reads what it takes, without a promise where it is in memory, and forgets it. */
export const discarding: StartServer = (counts) =>
  listen(
    transport("discard", async (mail) => {
      const chunks = mail.content.open();
      if (Symbol.iterator in chunks) for (const { byteLength } of chunks) counts.bytes += byteLength;
      else for await (const { byteLength } of chunks) counts.bytes += byteLength;
      counts.messages += 1;
      return receipt(mail, { kind: "accepted", status: "2.0.0", by: "discard" });
    }),
  );

/** Has it in SQLite, on disk, before it says 250. */
export const queueing: StartServer = (counts, { folder }) => listen(counted(queue(openStore(folder)), counts));

/** The same, and relays it. */
export const relaying: StartServer = (counts, { folder, receiver }) => {
  const store = openStore(folder);
  const pool = { connections: CONNECTIONS, messages: Number.MAX_SAFE_INTEGER };
  drain(store, smtp({ host: "127.0.0.1", port: receiver, security: "none", pool }), { concurrency: UNDER_WAY, bounce: false });
  return listen(counted(queue(store), counts));
};

function openStore(folder: string): Store {
  return sqliteStore(join(folder, "mail.db"));
}

function counted(inner: Transport, counts: Counts): Transport {
  return transport("counted", async (mail, options) => {
    const report = await inner.send(mail, options);
    if (report.outcomes.every(({ kind }) => kind === "accepted")) counts.messages += 1;
    return report;
  });
}

async function listen(to: Transport): Promise<number> {
  const limits = { mails: 1_000_000_000, junk: 1_000_000_000 };
  const server = createServer({ mode: "mx", to, recipient: () => true, hostname: "mx.example", limits });
  return (await server.listen({ port: 0, host: "127.0.0.1" })).port;
}
