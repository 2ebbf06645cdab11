import type { Mail, Recipient } from "@postroad/core";
import { Refusal } from "@postroad/core";
import { keyOf } from "./key.ts";
import { isName, wishesOf } from "./mail-options.ts";
import type { QueuePolicy } from "./queue-options.ts";
import type { Entry } from "./store.ts";

const LONGEST_ID = 1000;
const LONGEST_NOTES = 65_536;

/** The entries of a mail: one for each lane, or more where one has many recipients. Throws a Refusal for what no store has to keep. */
export function entriesOf(mail: Mail, policy: QueuePolicy): readonly Entry[] {
  checkLengths(mail);
  const wishes = wishesOf(mail);
  const now = policy.now();
  const { holdUntil: _, ...envelope } = mail.envelope;
  const { sendAt, expiresAt, priority = policy.priority, supersedes } = wishes;
  const rest = {
    mail: mail.id,
    meta: mail.meta,
    priority,
    state: "ready" as const,
    createdAt: now,
    // Not "now": a worker's clock may lie behind.
    dueAt: sendAt ?? 0,
    agesFrom: Math.max(now, sendAt ?? now),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(supersedes !== undefined && { series: supersedes }),
    attempts: 0,
    lapses: 0,
    last: [],
  };
  return [...lanesOf(mail, wishes.lane, policy)].flatMap(([lane, to]) =>
    partsOf(to, policy.maxRecipients).map((part) => ({ ...rest, key: keyOf(mail.id, part), lane, envelope: { ...envelope, to: part } })),
  );
}

function lanesOf(mail: Mail, lane: string | undefined, policy: QueuePolicy): ReadonlyMap<string, readonly Recipient[]> {
  const { to } = mail.envelope;
  if (lane !== undefined) return new Map([[lane, to]]);
  const lanes = new Map<string, Recipient[]>();
  for (const [index, recipient] of to.entries()) {
    const name = nameOf(recipient, index, mail, policy);
    const others = lanes.get(name);
    if (others === undefined) lanes.set(name, [recipient]);
    else others.push(recipient);
  }
  return lanes;
}

/** What `lane` throws or gives wrongly is our misconfiguration: 4.3.5, without the address, or what `lane` says of it. */
function nameOf(recipient: Recipient, index: number, mail: Mail, { lane }: QueuePolicy): string {
  const which = `recipient ${index + 1} of ${mail.envelope.to.length}`;
  let name: string;
  try {
    name = lane(recipient, mail);
  } catch (cause) {
    throw new Refusal("4.3.5", `the queue's lane threw for ${which}`, { cause });
  }
  const wrong = isName(name);
  if (wrong !== undefined) throw new Refusal("4.3.5", `the queue's lane for ${which} ${wrong}`);
  return name;
}

function partsOf(to: readonly Recipient[], max: number): readonly (readonly Recipient[])[] {
  if (to.length <= max) return [to];
  return Array.from({ length: Math.ceil(to.length / max) }, (_, index) => to.slice(index * max, (index + 1) * max));
}

function checkLengths({ id, meta }: Mail): void {
  if (id === "" || id.length > LONGEST_ID) throw new Refusal("4.3.5", `the mail's id has ${id.length} characters; 1 to ${LONGEST_ID} can be kept`);
  const notes = Object.entries(meta).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  if (notes > LONGEST_NOTES) throw new Refusal("4.3.5", `the mail's notes (meta) have ${notes} characters; ${LONGEST_NOTES} can be kept`);
}
