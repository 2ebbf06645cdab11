import { join } from "node:path";
import type { Mail } from "@postroad/core";
import { contentOf, deliver, envelope } from "@postroad/core";
import { drain, queue, withQueueOptions } from "@postroad/queue";
import { sqliteStore } from "@postroad/queue-sqlite";
import { smtp } from "@postroad/smtp";
import type { DurableQueue, OpenQueue, Posted } from "./queue.ts";
import { IN_FLIGHT } from "./queue.ts";

export const postroad: OpenQueue = ({ folder }): Promise<DurableQueue> => {
  const store = sqliteStore(join(folder, "mail.db"));
  const accepting = queue(store);
  const owned = new AsyncDisposableStack();
  owned.use(store);
  owned.use(accepting);
  return Promise.resolve({
    async add(mail) {
      await deliver(accepting, mailOf(mail));
    },
    async fill(mails) {
      await Promise.all(mails.map((mail) => deliver(accepting, mailOf(mail))));
    },
    deliver({ port, onDelivered }) {
      const transport = smtp({ host: "127.0.0.1", port, security: "none", pool: { connections: 5, messages: Number.MAX_SAFE_INTEGER } });
      owned.use(drain(store, transport, { concurrency: IN_FLIGHT, reserve: 0, bounce: false, onSettled: ({ mail }) => onDelivered(mail) }));
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  });
};

function mailOf({ id, from, to, bytes, urgent = false }: Posted): Mail {
  const mail = { id, envelope: envelope(from, [to]), content: contentOf(bytes), meta: {} };
  return urgent ? withQueueOptions(mail, { priority: 9 }) : mail;
}
