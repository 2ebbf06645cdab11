import { Queue, Worker } from "bullmq";
import { createTransport } from "nodemailer";
import pRetry from "p-retry";
import type { DurableQueue, OpenQueue, Posted } from "./queue.ts";
import { IN_FLIGHT } from "./queue.ts";

/** What travels through Redis. */
interface Job {
  readonly from: string;
  readonly to: string;
  readonly raw: string;
}

const NAME = "mail";
/** BullMQ: the lower, the sooner; without one a job comes before all that have one. */
const BULK = 10;

export const bullmq: OpenQueue = ({ port }): Promise<DurableQueue> => {
  const connection = { host: "127.0.0.1", port, maxRetriesPerRequest: null };
  const queue = new Queue<Job>(NAME, { connection, defaultJobOptions: { removeOnComplete: true } });
  const owned = new AsyncDisposableStack();
  owned.defer(() => queue.close());
  return Promise.resolve({
    async add(mail) {
      await queue.add(NAME, jobOf(mail), optionsOf(mail));
    },
    async fill(mails) {
      await queue.addBulk(mails.map((mail) => ({ name: NAME, data: jobOf(mail), opts: { ...optionsOf(mail), priority: BULK } })));
    },
    deliver({ port: receiver, onDelivered }) {
      const transport = createTransport({
        pool: true,
        host: "127.0.0.1",
        port: receiver,
        ignoreTLS: true,
        maxConnections: IN_FLIGHT,
        maxMessages: Infinity,
      });
      const worker = new Worker<Job>(
        NAME,
        async ({ data: { from, to, raw } }) => {
          await pRetry(() => transport.sendMail({ envelope: { from, to }, raw }), { retries: 2 });
        },
        { connection, concurrency: IN_FLIGHT },
      );
      worker.on("completed", ({ id }) => onDelivered(id ?? ""));
      worker.on("failed", (_, error) => {
        throw error;
      });
      owned.defer(() => transport.close());
      owned.defer(() => worker.close());
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  });
};

function jobOf({ from, to, bytes }: Posted): Job {
  return { from, to, raw: bytes.toString("latin1") };
}

function optionsOf({ id, urgent = false }: Posted): { jobId: string; priority?: number } {
  return { jobId: id, ...(urgent && { priority: 1 }) };
}
