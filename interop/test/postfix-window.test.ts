import type { Mail, Outcome } from "@postroad/core";
import type { SmtpOptions, SmtpTransport } from "@postroad/smtp";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { clientAddress } from "../harness/clients.ts";
import { hashesOf, hashesOfArrived, letters, plainly, sendAll } from "../harness/letters.ts";
import type { Mailbox } from "../harness/mailbox.ts";
import { DEFERRED } from "../harness/mailbox.ts";
import type { Postfix } from "../harness/postfix.ts";
import { startPostfix } from "../harness/postfix.ts";

const accepted = { kind: "accepted", status: "2.0.0" };

describe.skipIf("postfix" in inject("missing"))("Postfix and mails that do not wait for each other", () => {
  let postfix: Postfix;

  beforeAll(async () => {
    postfix = await startPostfix();
    return () => postfix[Symbol.asyncDispose]();
  });

  function connect(port: "relay" | "data", options: Partial<SmtpOptions> = {}): SmtpTransport {
    return plainly(postfix.ports[port], options);
  }

  it.for(["relay", "data"] as const)("I1, I2, I4: 200 mails over 2 connections arrive once each (%s)", async (port) => {
    const localAddress = clientAddress();
    const box = postfix.mailbox();
    const mails = letters(200, () => [box.address]);
    await using transport = connect(port, { localAddress, pool: 2, window: 16 });
    const outcomes = await sendAll(transport, mails);
    expect(outcomes.flat().filter(({ kind }) => kind !== "accepted")).toEqual([]);
    expect(hashesOfArrived(await box.arrivals(200))).toEqual(await hashesOf(mails));
    await transport[Symbol.asyncDispose]();
    const sessions = await postfix.sessions(localAddress, 2);
    const taken = sessions.map((session) => session.get(port === "relay" ? "bdat" : "data")?.accepted ?? 0);
    expect(taken.reduce((sum, count) => sum + count)).toBe(200);
  });

  it.for(["relay", "data"] as const)("C13: a recipient refused in the middle costs the others nothing (%s)", async (port) => {
    const box = postfix.mailbox();
    const mails = letters(60, (index) => (index % 5 === 2 ? [box.address, "nobody@example.test", DEFERRED] : [box.address]));
    await using transport = connect(port);
    const outcomes = await sendAll(transport, mails);
    for (const [index, all] of outcomes.entries()) {
      const others = index % 5 === 2 ? ["5.1.1", "4.3.0"] : [];
      expect(all.map(({ status }) => status), `mail ${index}`).toEqual(["2.0.0", ...others]);
    }
    expect(hashesOfArrived(await box.arrivals(60))).toEqual(await hashesOf(mails));
  });

  it.for(["relay", "data"] as const)("C12, C31: stays in step when nobody is to get a mail in the middle (%s)", async (port) => {
    const localAddress = clientAddress();
    const box = postfix.mailbox();
    const mails = letters(60, (index) => (index % 5 === 2 ? ["nobody@example.test", DEFERRED] : [box.address]));
    await using transport = connect(port, { localAddress });
    const outcomes = await sendAll(transport, mails);
    for (const [index, all] of outcomes.entries()) {
      expect(all.map(({ status }) => status), `mail ${index}`).toEqual(index % 5 === 2 ? ["5.1.1", "4.3.0"] : ["2.0.0"]);
    }
    const good = mails.filter((_, index) => index % 5 !== 2);
    expect(hashesOfArrived(await box.arrivals(good.length))).toEqual(await hashesOf(good));
    await transport[Symbol.asyncDispose]();
    expect(await postfix.sessions(localAddress, 1)).toHaveLength(1);
  });

  /** Whoever was told "accepted" has it once; whoever was told otherwise, and not "uncertain", does not have it. */
  async function expectTruth(mails: readonly Mail[], outcomes: readonly (readonly Outcome[])[], box: Mailbox): Promise<void> {
    const of = (test: (outcome: Outcome) => boolean): readonly Mail[] => mails.filter((_, index) => outcomes[index]?.some(test));
    const taken = await hashesOf(of(({ kind }) => kind === "accepted"));
    const open = new Set(await hashesOf(of((outcome) => outcome.kind === "deferred" && outcome.uncertain === true)));
    const arrived = hashesOfArrived(await box.arrivals(taken.length));
    expect(new Set(arrived).size).toBe(arrived.length);
    expect(arrived.filter((mail) => !open.has(mail))).toEqual(taken);
  }

  it.for(["relay", "data"] as const)("C9, I1, I2: the server hangs up over too many errors (%s)", async (port) => {
    const localAddress = clientAddress();
    const box = postfix.mailbox();
    const mails = letters(120, (index) => (index >= 40 && index < 80 ? ["nobody@example.test"] : [box.address]));
    await using transport = connect(port, { localAddress });
    const outcomes = await sendAll(transport, mails);
    expect(outcomes.slice(40, 80).flat().filter(({ kind }) => kind === "accepted")).toEqual([]);
    await expectTruth(mails, outcomes, box);
    expect(await postfix.logged(`too many errors after ${port === "relay" ? "BDAT" : "DATA"} from unknown[${localAddress}]`)).toBeDefined();
  });

  it.for(["relay", "data"] as const)("I1, I2: the server dies in the middle (%s)", async (port) => {
    const localAddress = clientAddress();
    const box = postfix.mailbox();
    const mails = letters(200, () => [box.address]);
    await using transport = connect(port, { localAddress });
    const sends = mails.map(async (mail) => (await transport.send(mail)).outcomes);
    await sends[40];
    process.kill(await postfix.serverOf(localAddress), "SIGKILL");
    const outcomes = await Promise.all(sends);
    expect(outcomes.slice(-1)).toMatchObject([[accepted]]);
    await expectTruth(mails, outcomes, box);
  });
});
