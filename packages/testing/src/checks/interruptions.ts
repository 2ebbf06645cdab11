import type { Mail, Receipt } from "@postroad/core";
import { Refusal } from "@postroad/core";
import assert from "node:assert/strict";
import { arrivedOf, assertArrived, assertKinds, assertNotSent, assertReceipt, send } from "./asserts.ts";
import type { Bench, Check, TransportSuite } from "./check.ts";
import { transportCheck, turns } from "./check.ts";
import { MOMENTS, gated, mailTo, watched } from "./mails.ts";

/** Abort, disposal, and what happens to content afterwards. */
export const interruptionChecks: readonly Check<TransportSuite>[] = [
  transportCheck("sends nothing of a mail whose signal has aborted", [], async (bench) => {
    const content = watched();
    const mail = mailTo(bench, [bench.accepted(0), bench.accepted(1)], content.form);
    assertNotSent(await send(bench, mail, { signal: AbortSignal.abort() }));
    assert.equal(content.reads, 0, "the content was read all the same");
    await assertArrived(bench, mail, []);
  }),

  transportCheck("stops when the signal aborts while it reads the content", ["reads", "aborts"], async (bench) => {
    const content = gated();
    const mail = mailTo(bench, [bench.accepted(0), bench.accepted(1)], content.form);
    const stop = new AbortController();
    const sending = send(bench, mail, stop);
    await bench.settled("reading the content", Promise.race([content.reached, sending]));
    stop.abort();
    try {
      assertNotSent(await sending);
    } finally {
      content.release();
    }
    await turns();
    await assertArrived(bench, mail, []);
  }),

  transportCheck("tells what happened, whenever the signal aborts", ["reads"], async (bench) => {
    for (let moment = 0; moment < MOMENTS; moment += 1) await abortAt(bench, moment);
  }),

  transportCheck("ignores an abort after it has settled", [], async (bench) => {
    const stop = new AbortController();
    const mail = mailTo(bench, [bench.accepted(0)]);
    assertKinds(await send(bench, mail, stop), "accepted");
    stop.abort();
    await turns();
    await assertArrived(bench, mail, [bench.accepted(0)]);
    assertKinds(await send(bench, mailTo(bench, [bench.accepted(1)])), "accepted");
  }),

  transportCheck("does not read the content after it has settled", ["reads"], async (bench) => {
    const content = watched();
    await send(bench, mailTo(bench, [bench.accepted(0)], content.form));
    const before = content.reads;
    await turns();
    await bench.settled("dispose", bench.transport[Symbol.asyncDispose]());
    assert.equal(content.reads, before, "the content was read after send had settled");
  }),

  transportCheck("finishes what is in flight before it is disposed", ["reads"], async (bench) => {
    const content = gated();
    const mail = mailTo(bench, [bench.accepted(0)], content.form);
    const sending = send(bench, mail);
    await bench.settled("reading the content", Promise.race([content.reached, sending]));
    let disposed = false;
    const disposing = bench.transport[Symbol.asyncDispose]().then(() => (disposed = true));
    await turns();
    const early = disposed;
    content.release();
    assertKinds(await sending, "accepted");
    await bench.settled("dispose", disposing);
    assert.ok(!early, "it was disposed before a send had settled");
    await assertArrived(bench, mail, [bench.accepted(0)]);
  }),

  transportCheck("can be disposed twice, and takes no mail afterwards", [], async (bench) => {
    const { transport, settled } = bench;
    const both = [transport[Symbol.asyncDispose](), transport[Symbol.asyncDispose]()];
    await settled("dispose", Promise.all(both));
    await settled("the third dispose", transport[Symbol.asyncDispose]());
    const mail = mailTo(bench, [bench.accepted(0)]);
    assertNotSent(await send(bench, mail));
    await assertArrived(bench, mail, []);
    await assert.rejects(settled("check", transport.check()), Refusal, "check passed after disposal");
  }),
];

/** Aborts when the content is asked for its chunk number `moment`. */
async function abortAt(bench: Bench, moment: number): Promise<void> {
  const stop = new AbortController();
  const content = watched((index) => {
    if (index === moment) stop.abort();
  });
  const mail = mailTo(bench, [bench.accepted(0), bench.accepted(1)], content.form);
  const got = await bench.settled("send", bench.transport.send(mail, stop));
  assertReceipt(mail, got);
  await turns();
  await assertTold(bench, mail, got);
}

/** Who is accepted has it; who is deferred without doubt has it not. */
async function assertTold(bench: Bench, mail: Mail, { outcomes }: Receipt): Promise<void> {
  if (bench.received === undefined) return;
  const reached = (await arrivedOf(bench, mail)).flatMap(({ to }) => to);
  for (const outcome of outcomes) {
    if (outcome.kind === "deferred" && outcome.uncertain === true) continue;
    const told = outcome.kind === "accepted";
    assert.equal(
      reached.includes(outcome.recipient),
      told,
      `${outcome.recipient}: ${outcome.kind}, which is not what happened`,
    );
  }
}
