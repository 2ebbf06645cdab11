import type { Mail, Outcome, Receipt, SendOptions } from "@postroad/core";
import { readAll } from "@postroad/core";
import assert from "node:assert/strict";
import type { Bench, ReceivedMail } from "./check.ts";

const CLASS = { accepted: "2", deferred: "4", rejected: "5" } as const;

/** Sends, and holds the receipt against the contract. */
export async function send(bench: Bench, mail: Mail, options?: SendOptions): Promise<Receipt> {
  const work = options === undefined ? bench.transport.send(mail) : bench.transport.send(mail, options);
  const got = await bench.settled("send", work);
  assertReceipt(mail, got);
  return got;
}

/** One outcome per recipient, in order, each of them complete. */
export function assertReceipt(mail: Mail, got: Receipt): void {
  assert.equal(got.mail, mail.id, "the receipt is about another mail");
  const named = got.outcomes.map(({ recipient }) => recipient);
  const wanted = mail.envelope.to.map(({ address }) => address);
  assert.deepEqual(named, wanted, "outcomes are not those of the envelope's recipients, in its order");
  for (const outcome of got.outcomes) assertOutcome(outcome);
}

function assertOutcome(outcome: Outcome): void {
  const { kind, status, by, recipient } = outcome;
  assert.ok(Object.hasOwn(CLASS, kind), `${recipient}: ${kind} is no kind of outcome`);
  assert.match(status, /^[245]\.\d{1,3}\.\d{1,3}$/, `${recipient}: ${status} is no enhanced status code`);
  assert.equal(status[0], CLASS[kind], `${recipient}: status ${status} contradicts ${kind}`);
  assert.ok(by !== "", `${recipient}: nobody says so, "by" is empty`);
  if (outcome.kind !== "accepted") assert.ok(outcome.message !== "", `${recipient}: ${kind} without a message`);
}

export function assertKinds(got: Receipt, ...kinds: readonly Outcome["kind"][]): void {
  const told = got.outcomes.map(({ kind }) => kind).join(", ");
  assert.equal(told, kinds.join(", "), `the outcomes are ${told}, not ${kinds.join(", ")}`);
}

/** Nobody was accepted, and nobody is in doubt about it. */
export function assertNotSent({ outcomes }: Receipt): void {
  for (const outcome of outcomes) {
    const told = outcome.kind === "deferred" && outcome.uncertain === true ? "uncertain" : outcome.kind;
    assert.equal(told, "deferred", `${outcome.recipient}: ${told}, though nothing could be sent`);
  }
}

/** What has arrived of this mail; empty where the other side keeps no record. */
export async function arrivedOf(bench: Bench, mail: Mail): Promise<readonly ReceivedMail[]> {
  const all = (await bench.received?.()) ?? [];
  return all.filter(({ content }) => Buffer.from(content).includes(`<${mail.id}@example.org>`));
}

/** It has arrived once, for these recipients and with its own bytes. Passes where nobody keeps a record. */
export async function assertArrived(bench: Bench, mail: Mail, to: readonly string[]): Promise<void> {
  if (bench.received === undefined) return;
  const arrived = await arrivedOf(bench, mail);
  const reached = arrived.flatMap((each) => each.to).toSorted();
  assert.deepEqual(reached, [...to].toSorted(), "it did not arrive exactly for those who were accepted");
  if (bench.has("rewrites")) return;
  const sent = Buffer.from(await readAll(mail.content)).toString("latin1");
  for (const { content } of arrived) assert.equal(Buffer.from(content).toString("latin1"), sent, "other bytes arrived");
}
