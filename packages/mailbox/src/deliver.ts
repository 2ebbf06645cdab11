import type { Mail, Recipient } from "@postroad/core";
import { mailboxKey, Refusal } from "@postroad/core";
import type { Draft, Setting } from "./draft.ts";
import { discard, publish, writeDraft } from "./draft.ts";
import { diskRefusal, throwIfAborted } from "./failure.ts";
import type { Mailbox, Quota } from "./lookup.ts";
import { placeOf } from "./place.ts";
import type { Locks } from "./locks.ts";
import type { Amount } from "./quota.ts";
import { checkRoom, checkSize } from "./quota.ts";
import type { Spool } from "./spool.ts";

/** A recipient and the mailboxes that get a copy each. */
export interface Delivery {
  readonly recipient: Recipient;
  readonly mailboxes: readonly Mailbox[];
}

/** How the transport delivers. */
export interface Ways {
  readonly setting: Setting;
  readonly quota: Quota | undefined;
  readonly whenFull: "defer" | "reject";
  readonly locks: Locks;
  readonly sweep: (folder: string) => Promise<void>;
}

/** Addresses stand in the file as they are: what would break the header is refused before. */
export function refusalFor({ envelope: { from } }: Mail, { address }: Recipient): Refusal | undefined {
  if (/\p{Cc}/u.test(from)) return new Refusal("5.1.7", "the sender has a control character", { phase: "lookup" });
  if (/\p{Cc}/u.test(address)) return new Refusal("5.1.3", "the recipient has a control character", { phase: "lookup" });
  return undefined;
}

/**
 * Delivers to all mailboxes of a recipient and gives the names of the files. Every copy is on disk before the first one
 * is visible, so that a full disk or mailbox leaves none behind. Throws where there is none, or where it is uncertain.
 */
export async function deliver(
  mail: Mail,
  { recipient, mailboxes }: Delivery,
  spool: Spool,
  ways: Ways,
  signal: AbortSignal | undefined,
): Promise<string> {
  if (spool.deliveredTo.has(mailboxKey(recipient.address))) throw looping();
  const prefix = `Return-Path: <${mail.envelope.from}>\nDelivered-To: ${recipient.address}\n`;
  await using drafts = new AsyncDisposableStack();
  const ready: Ready[] = [];
  for (const mailbox of mailboxes) {
    throwIfAborted(signal);
    const quota = mailbox.quota ?? ways.quota;
    checkSize(quota, mail.content.size ?? 0);
    const place = await placeOf(ways.setting.root, mailbox);
    await ways.sweep(place.folder);
    const draft = await writeDraft(spool, place, prefix, ways.setting);
    drafts.defer(() => discard(draft.path));
    ready.push({ draft, quota });
  }
  const limited = new Set(ready.filter(({ quota }) => quota !== undefined).map(({ draft }) => draft.place.mailbox));
  using _ = await ways.locks.take([...limited]);
  await checkQuotas(ready, ways.whenFull);
  throwIfAborted(signal);
  return await publishAll(ready, ways.setting);
}

interface Ready {
  readonly draft: Draft;
  readonly quota: Quota | undefined;
}

/** A mailbox may get several copies, each into another folder. */
async function checkQuotas(ready: readonly Ready[], whenFull: "defer" | "reject"): Promise<void> {
  const more = new Map<string, Amount>();
  for (const { draft, quota } of ready) {
    if (quota === undefined) continue;
    const { mailbox } = draft.place;
    const { bytes, messages } = more.get(mailbox) ?? { bytes: 0, messages: 0 };
    const wanted = { bytes: bytes + draft.size, messages: messages + 1 };
    more.set(mailbox, wanted);
    checkSize(quota, wanted.bytes);
    await checkRoom(mailbox, quota, wanted, whenFull);
  }
}

/** Past the first of several there is no way back: who has it, has it. */
async function publishAll(ready: readonly Ready[], setting: Setting): Promise<string> {
  const names: string[] = [];
  for (const { draft } of ready) {
    try {
      names.push(await publish(draft, setting));
    } catch (error) {
      const refusal = diskRefusal(error, "publish");
      if (names.length === 0) throw refusal;
      const message = `${refusal.message}; ${names.length} of ${ready.length} mailboxes have it`;
      throw new Refusal(refusal.status, message, { ...refusal.options, uncertain: true, cause: error });
    }
  }
  return names.join(" ");
}

/** A bounce tells the sender, and whoever forwards in a circle (RFC 3463 §3.5, X.4.6). */
function looping(): Refusal {
  return new Refusal("5.4.6", "the mail was delivered to this recipient before, and came back", {
    phase: "loop",
    advice: "Somebody forwards the mailbox to itself; take the forwarding out.",
  });
}
