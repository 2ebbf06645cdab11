import { join } from "node:path";
import type { Line } from "../../harness/line.ts";
import { END_OF_DATA, envelopeOf, openLine, REPLIES } from "../../harness/line.ts";
import { bareTable } from "./bare-table.ts";
import type { Delivery, DurableQueue, OpenQueue, Posted } from "./queue.ts";

/** As many as ours has. */
const CONNECTIONS = 5;

interface Row {
  readonly id: number;
  readonly mail: Posted;
}

/**
 * The limit: bodies in one table, a transaction for all who write at the same time; a loop around each socket that looks
 * at nothing; a mail's row deleted when it was answered. No lanes, leases, retries, outcomes. No queue on SQLite can do much less.
 */
export const bare: OpenQueue = ({ folder }): Promise<DurableQueue> => {
  const owned = new AsyncDisposableStack();
  const table = owned.use(bareTable(join(folder, "mail.db")));
  const waiting: Row[] = [];
  let loops: readonly Loop[] = [];
  let last = 0;

  async function add(mail: Posted): Promise<void> {
    const id = (last += 1);
    await table.write({ id, body: new Uint8Array(mail.bytes) });
    waiting.push({ id, mail });
    loops.find(({ isIdle }) => isIdle())?.wake();
  }

  async function start({ port, onDelivered }: Delivery): Promise<void> {
    async function answered({ id, mail }: Row): Promise<void> {
      await table.write({ id });
      onDelivered(mail.id);
    }
    const lines = await Promise.all(Array.from({ length: CONNECTIONS }, () => openLine(port)));
    for (const line of lines) owned.defer(() => line.end());
    loops = lines.map((line) => loopOn(line, () => waiting.shift(), (row) => void answered(row)));
    for (const each of loops) each.wake();
  }

  return Promise.resolve({
    add,
    async fill(mails) {
      await Promise.all(mails.map(add));
    },
    deliver: (delivery) => void start(delivery),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  });
};

interface Loop {
  readonly isIdle: () => boolean;
  /** There is something to send. */
  readonly wake: () => void;
}

/** Sends what `take` gives. The next envelope goes behind the last dot where another mail is waiting (RFC 2920). */
function loopOn(line: Line, take: () => Row | undefined, answered: (row: Row) => void): Loop {
  let idle = true;

  function wake(): void {
    const row = take();
    idle = row === undefined;
    if (row !== undefined) line.say(envelopeOf(row.mail), REPLIES.envelope, () => send(row));
  }

  function send(row: Row): void {
    const next = take();
    const data = [row.mail.bytes, END_OF_DATA];
    if (next === undefined) {
      line.say(Buffer.concat(data), REPLIES.data, () => {
        answered(row);
        wake();
      });
    } else {
      line.say(Buffer.concat([...data, envelopeOf(next.mail)]), REPLIES.data + REPLIES.envelope, () => {
        answered(row);
        send(next);
      });
    }
  }

  return { isIdle: () => idle, wake };
}
