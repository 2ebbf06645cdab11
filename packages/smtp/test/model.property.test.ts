import type { Mail, Receipt } from "@postroad/core";
import { contentOf, envelope } from "@postroad/core";
import type { ModelPeer, ModelStep, Moment, Reaction } from "@postroad/testing/peer";
import { modelPeer } from "@postroad/testing/peer";
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Connect, SmtpOptions } from "../src/index.ts";
import { plain, streamed } from "./support.ts";

/** A mail as drawn: how many recipients, how much content and in which form, and whether and when its sender gives up. */
const letter = fc.record({
  recipients: fc.integer({ min: 1, max: 5 }),
  lines: fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 0, max: 20 }) }, { weight: 1, arbitrary: fc.integer({ min: 900, max: 4_000 }) }),
  form: fc.constantFrom("memory", "stream", "broken"),
  abortAfter: fc.option(fc.integer({ min: 0, max: 12 }), { freq: 8 }),
});
type Letter = typeof letter extends fc.Arbitrary<infer T> ? T : never;

const FORMS_OF_FAILURE = ["421 4.3.2 bye", "450 4.2.0 later", "452 4.5.3 too many", "452 4.3.1 full", "500 5.5.2 what", "502 5.5.1 what", "503 5.5.1 nested", "550 5.7.1 no", "554 5.0.0 no"];

const reaction: fc.Arbitrary<Reaction> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...FORMS_OF_FAILURE) },
  { weight: 1, arbitrary: fc.record({ drop: fc.constantFrom("before", "mid", "after"), reset: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ drop: fc.constant("after"), reply: fc.constantFrom(...FORMS_OF_FAILURE) }) },
);

/** On the n-th occasion of a step, over all connections. */
const fault = fc.record({
  step: fc.constantFrom<ModelStep>("greeting", "ehlo", "mail", "mail", "rcpt", "rcpt", "rcpt", "data", "content", "bdat", "message", "message", "message", "rset", "quit"),
  at: fc.integer({ min: 0, max: 25 }),
  reaction,
}).map(({ step, at, reaction: drawn }) => {
  // RSET cannot be refused (RFC 5321 §4.1.1.5): a server that does so all the same, and goes on, mixes up mails by itself.
  const final: Reaction = step === "rset" && typeof drawn === "string" ? { drop: "after", reply: drawn } : drawn;
  return { step, at, reaction: final };
});

const extensions = fc.subarray(["PIPELINING", "PIPELINING", "CHUNKING", "CHUNKING", "8BITMIME", "SIZE 10000000", "DSN", "LIMITS RCPTMAX=2", "LIMITS MAILMAX=2", "LIMITS RCPTDOMAINMAX=1"]);

const world = fc.record({
  extensions,
  letters: fc.array(letter, { minLength: 1, maxLength: 25 }),
  faults: fc.array(fault, { maxLength: 8 }),
  pool: fc.integer({ min: 1, max: 3 }),
  window: fc.integer({ min: 1, max: 8 }),
  warmUp: fc.integer({ min: 0, max: 3 }),
});
type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

interface Play {
  readonly mood: (moment: Moment) => Reaction | Promise<Reaction>;
  /** Milliseconds that each step may take. */
  readonly impatience: number;
  readonly deadline: number;
  readonly afterwards: () => void;
}

function textOf(id: string, lines: number): string {
  return `Subject: ${id}\r\n\r\n${`.${id} a line that begins with a dot\r\n`.repeat(lines)}`;
}

function mailOf({ recipients, lines, form }: Letter, index: number): Mail {
  const id = `m${index}`;
  const text = textOf(id, lines);
  const to = Array.from({ length: recipients }, (_, number) => `r${number}.${id}@d${number % 2}.example`);
  async function* broken(): AsyncGenerator<string> {
    yield text;
    throw new Error("unreadable");
  }
  const content = form === "memory" ? contentOf(Buffer.from(text)) : streamed(form === "stream" ? text.match(/[^]{1,5000}/g) ?? [] : broken());
  return { id, envelope: envelope(`${id}@sender.example`, to), content, meta: {} };
}

/** Plays the faults, each once. Whoever refuses a chunk refuses the message (RFC 3030 §2). */
function moods(faults: World["faults"], isOn: () => boolean): (moment: Moment) => Reaction {
  const count = new Map<ModelStep, number>();
  const spoiled = new Set<number>();
  return ({ step, connection }) => {
    if (!isOn()) return undefined;
    const occasion = count.get(step) ?? 0;
    count.set(step, occasion + 1);
    const wish = faults.find((each) => each.step === step && each.at === occasion)?.reaction;
    if (step === "bdat" && wish !== undefined) spoiled.add(connection);
    if (step === "mail") spoiled.delete(connection);
    // Who speaks before the message is over has to go, or would read the rest of it as commands.
    if (step === "content" && typeof wish === "string") return { drop: "after", reply: wish };
    if (step !== "message" || !spoiled.has(connection)) return wish;
    return typeof wish === "object" ? { reply: "503 5.5.1 a chunk was refused", ...wish } : "503 5.5.1 a chunk was refused";
  };
}

/** Connects, and says how many of its sockets are open. */
function counted(port: number, tell: (open: number) => void): Connect {
  const sockets: Socket[] = [];
  return async ({ signal }) => {
    const socket = connect({ port, host: "127.0.0.1", signal });
    sockets.push(socket);
    tell(sockets.filter(({ destroyed }) => !destroyed).length);
    await once(socket, "connect");
    return socket;
  };
}

async function play({ extensions: offered, letters, faults, pool, window, warmUp }: World, silent?: Play): Promise<void> {
  let armed = false;
  let most = 0;
  await using peer = await modelPeer({ extensions: offered, on: silent?.mood ?? moods(faults, () => armed) });
  const mails = letters.map((each, index) => mailOf(each, index));
  const receipts = await (async () => {
    await using transport = plain(peer, { pool, window, ...patience(silent), connect: counted(peer.port, (open) => (most = Math.max(most, open))) });
    for (let index = 0; index < warmUp; index += 1) await transport.send(mailOf({ recipients: 1, lines: 1, form: "memory", abortAfter: null }, 1000 + index));
    armed = true;
    return await Promise.all(
      mails.map(async (each, index) => {
        const controller = new AbortController();
        const sent = transport.send(each, { signal: controller.signal });
        const turns = letters[index]?.abortAfter ?? undefined;
        for (let passed = 0; passed < (turns ?? 0); passed += 1) await turn();
        if (turns !== undefined) controller.abort();
        return sent;
      }),
    );
  })();
  silent?.afterwards();
  // Nobody was left waiting where the server answered.
  const late = receipts.flatMap(({ outcomes }) => outcomes).filter(({ status }) => status === "4.4.7");
  expect(late.length > 0 && silent === undefined).toBe(false);
  expect(peer.violations).toEqual([]);
  expect(most).toBeLessThanOrEqual(pool);
  expectLedgersAgree(mails, letters, receipts, peer, warmUp);
}

function patience(silent: Play | undefined): Partial<SmtpOptions> {
  if (silent === undefined) return { deadline: 10_000 };
  const { impatience: each, deadline } = silent;
  return { deadline, timeouts: { connect: 5_000, greeting: each, command: each, rcpt: each, data: each, block: each, final: each } };
}

/** Both ledgers: what the client was told, and what the server took. */
function expectLedgersAgree(mails: readonly Mail[], letters: readonly Letter[], receipts: readonly Receipt[], peer: ModelPeer, warmUp: number): void {
  const copies = new Map<string, number>();
  for (const message of peer.messages.slice(warmUp)) {
    const index = Number(/^m(\d+)@/.exec(message.from)?.[1]);
    const known = mails[index];
    // I3, I4: nothing that was not sent, and byte for byte.
    expect(message.content.toString()).toBe(textOf(`m${index}`, letters[index]?.lines ?? -1));
    for (const { address } of message.to) {
      // I5: nobody who is not in its envelope.
      expect(known?.envelope.to.map((to) => to.address)).toContain(address);
      copies.set(address, (copies.get(address) ?? 0) + 1);
    }
  }
  const wrong = receipts.flatMap(({ outcomes }) => outcomes).filter((outcome) => {
    const count = copies.get(outcome.recipient) ?? 0;
    // I1, I2: accepted is there once; in doubt at most once; all others not at all.
    if (outcome.kind === "accepted") return count !== 1;
    return count > (outcome.kind === "deferred" && outcome.uncertain ? 1 : 0);
  });
  expect(wrong).toEqual([]);
  expect(receipts.map(({ outcomes }) => outcomes.map(({ recipient }) => recipient))).toEqual(mails.map((each) => each.envelope.to.map(({ address }) => address)));
}

describe("model: a server of any mood (I1 to I5)", () => {
  it("C13 C14 C33 C48 C54 #29 #32 #34: no recipient lost, none doubled, none added, every byte the same, the pool within its cap, nothing hangs", () =>
    fc.assert(fc.asyncProperty(world, (drawn) => play(drawn)), { numRuns: 200, interruptAfterTimeLimit: 20_000 }));

  it("C7 #27: a server that falls silent anywhere: every mail settles by its timeouts and deadline, and the ledgers agree", () =>
    fc.assert(
      fc.asyncProperty(world, fc.constantFrom<ModelStep>("greeting", "ehlo", "mail", "rcpt", "data", "content", "bdat", "message", "rset", "quit"), fc.nat(6), async (drawn, step, at) => {
        let stop = (): void => undefined;
        const silence = new Promise<undefined>((resolve) => (stop = () => resolve(undefined)));
        let occasion = 0;
        const mood = (moment: Moment): Promise<undefined> | undefined => (moment.step === step && (occasion += 1) > at ? silence : undefined);
        await play({ ...drawn, faults: [], warmUp: 0 }, { mood, impatience: 40, deadline: 150, afterwards: stop });
      }),
      { numRuns: 25, interruptAfterTimeLimit: 15_000 },
    ));
});
