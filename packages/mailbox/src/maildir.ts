import type { Mail, Outcome, Recipient, Transport } from "@postroad/core";
import { transport, verdictOf } from "@postroad/core";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { hostname as thisHost } from "node:os";
import { resolve } from "node:path";
import type { Delivery, Ways } from "./deliver.ts";
import { deliver, refusalFor } from "./deliver.ts";
import { existing } from "./existing.ts";
import { diskRefusal } from "./failure.ts";
import { gate, inTurns } from "./gate.ts";
import { locks } from "./locks.ts";
import { resolveRecipient } from "./lookup.ts";
import { hostPart } from "./name.ts";
import type { MaildirOptions } from "./options.ts";
import { checkMaildirOptions } from "./options.ts";
import { placesIn } from "./place.ts";
import type { Spool } from "./spool.ts";
import { spoolOf } from "./spool.ts";
import { sweeper } from "./sweep.ts";

const by = "maildir";
/** Lookups and files of one mail at the same time. */
const AT_ONCE = 4;

/**
 * Delivers to Maildirs below `root`, the last station of a mail (RFC 5321 §4.4: Return-Path is added here). A recipient is
 * accepted when the mail is on disk and visible; every mail is written to tmp, synced, linked to new, and new is synced.
 * Mail to several mailboxes is read once. An abort counts for every recipient whose mail is not visible yet.
 *
 * Files end their lines in LF, and their names tell their sizes (`,S=`, `,W=`). Throws a ConfigError for wrong options.
 */
export function maildir(root: string, options: MaildirOptions = {}): Transport {
  checkMaildirOptions(root, options);
  const path = resolve(root);
  const { lookup = existing(path), concurrency = 32, hostname = thisHost(), now = Date.now, owner } = options;
  const entrance = gate(concurrency);
  const ways: Ways = {
    setting: { root: path, owner, places: placesIn(path, owner), host: hostPart(hostname), now },
    quota: options.quota,
    whenFull: options.whenFull ?? "defer",
    locks: locks(),
    sweep: sweeper(now),
  };

  /** Who is refused without a look at the mail has their outcome, the others their mailboxes. */
  async function plan(mail: Mail, recipient: Recipient): Promise<Outcome | Delivery> {
    try {
      const refusal = refusalFor(mail, recipient);
      if (refusal !== undefined) throw refusal;
      return { recipient, mailboxes: await resolveRecipient(lookup, recipient.address) };
    } catch (error) {
      return refused(recipient, error, "lookup");
    }
  }

  return transport(
    by,
    async (mail, { signal }) => {
      const leave = await entrance.enter(signal);
      try {
        const plans = await inTurns(mail.envelope.to, AT_ONCE, (recipient) => plan(mail, recipient));
        const deliveries = plans.filter((each) => "mailboxes" in each);
        const copies = deliveries.reduce((sum, { mailboxes }) => sum + mailboxes.length, 0);
        if (copies === 0) return { mail: mail.id, outcomes: plans.filter((each) => "kind" in each) };
        await using spool = await spoolOf(mail.content, copies > 1, signal);
        const made = await deliverAll(mail, deliveries, spool, ways, signal);
        return { mail: mail.id, outcomes: plans.flatMap((each) => ("kind" in each ? [each] : (made.get(each) ?? []))) };
      } finally {
        leave();
      }
    },
    {
      async check() {
        await access(path, constants.R_OK | constants.W_OK | constants.X_OK).catch((error: unknown) => {
          throw diskRefusal(error, "check");
        });
      },
    },
  );
}

/** One after the other until there is a file to copy, then several at once. */
async function deliverAll(
  mail: Mail,
  deliveries: readonly Delivery[],
  spool: Spool,
  ways: Ways,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<Delivery, Outcome>> {
  const outcomes = new Map<Delivery, Outcome>();
  async function one(delivery: Delivery): Promise<void> {
    try {
      const ref = await deliver(mail, delivery, spool, ways, signal);
      outcomes.set(delivery, { kind: "accepted", status: "2.0.0", by, recipient: delivery.recipient.address, ref });
    } catch (error) {
      outcomes.set(delivery, refused(delivery.recipient, error, "write"));
    }
  }
  for (const delivery of deliveries) {
    if (spool.isCopied) break;
    await one(delivery);
  }
  await inTurns(deliveries.slice(outcomes.size), AT_ONCE, one);
  return outcomes;
}

function refused({ address }: Recipient, error: unknown, phase: string): Outcome {
  return { ...verdictOf(diskRefusal(error, phase), by), recipient: address };
}
