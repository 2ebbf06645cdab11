import type { Mail, Transport } from "@postroad/core";
import { mailboxKey, receipt, transport } from "@postroad/core";
import { entriesOf } from "./entries.ts";
import { limited } from "./limited.ts";
import { notify } from "./notify.ts";
import type { QueueOptions, QueuePolicy } from "./queue-options.ts";
import { resolveQueueOptions } from "./queue-options.ts";
import type { Added, Entry, Store } from "./store.ts";

/**
 * A transport that writes mail down: its receipt comes when the store has it for good, all recipients or none. `ref` of
 * an outcome is the key of the entry. A mail with the same id and recipients is taken once, however often it is sent.
 *
 * The store stays yours: dispose it after the queues and workers that use it.
 */
export function queue(store: Store, options: QueueOptions = {}): Transport {
  const policy = resolveQueueOptions(options);
  const name = `queue(${store.name})`;
  return transport(
    name,
    async (mail, { signal }) => {
      const entries = entriesOf(mail, policy);
      const added = await store.add(entries, limited(mail.content, policy.maxSize, signal));
      tell(policy, mail, entries, added);
      const refs = new Map(entries.flatMap(({ key, envelope }) => envelope.to.map(({ address }) => [mailboxKey(address), key])));
      return receipt(mail, ({ address }) => {
        const ref = refs.get(mailboxKey(address));
        return { kind: "accepted", status: "2.0.0", by: name, ...(ref !== undefined && { ref }) };
      });
    },
    {
      // A store that is closed or cannot be read says so.
      async check() {
        await store.nextDue();
      },
    },
  );
}

function tell({ onEvent, now }: QueuePolicy, mail: Mail, entries: readonly Entry[], { added, superseded }: Added): void {
  if (onEvent === undefined) return;
  const at = now();
  for (const [index, { key, lane, meta, envelope }] of entries.entries()) {
    const recipients = envelope.to.map(({ address }) => address);
    notify("onEvent", onEvent, { kind: "accepted", at, key, mail: mail.id, lane, meta, recipients, known: added[index] === false });
  }
  for (const key of superseded) notify("onEvent", onEvent, { kind: "superseded", at, key, by: mail.id });
}
