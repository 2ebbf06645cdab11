import { contentOf } from "@postroad/core";
import type { SmtpOptions, SmtpTransport } from "@postroad/smtp";
import { lmtp } from "@postroad/smtp";
import { beforeAll, describe, expect, inject, it } from "vitest";
import type { User } from "../harness/dovecot-config.ts";
import type { Dovecot } from "../harness/dovecot.ts";
import { FULL, startDovecot } from "../harness/dovecot.ts";
import { clientAddress } from "../harness/clients.ts";
import { fetchFirst } from "../harness/imap.ts";
import { arrivalOf } from "../harness/maildir.ts";
import { bytesOf, mailOf } from "../harness/mails.ts";
import { SAMPLES, closed } from "../harness/samples.ts";

const accepted = { kind: "accepted", status: "2.0.0" };

describe.skipIf("dovecot" in inject("missing"))("Dovecot over LMTP", () => {
  let dovecot: Dovecot;

  beforeAll(async () => {
    dovecot = await startDovecot();
    return () => dovecot[Symbol.asyncDispose]();
  });

  function connect(options: Partial<SmtpOptions> = {}): SmtpTransport {
    const place = options.socketPath === undefined ? { host: "127.0.0.1", port: dovecot.ports.lmtp } : {};
    return lmtp({ ...place, pool: 1, deadline: 40_000, ...options });
  }

  function addressOf({ name }: User): string {
    return `${name}@example.test`;
  }

  it("X7: after the final dot each recipient has an answer of its own", async () => {
    const [first, second] = [dovecot.user(), dovecot.user()];
    const to = [addressOf(first), "nobody@example.test", addressOf(FULL), addressOf(second)];
    await using transport = connect();
    const { outcomes } = await transport.send(mailOf({ to }));
    expect(outcomes).toMatchObject([
      { ...accepted, recipient: to[0] },
      { kind: "rejected", status: "5.1.1", reply: { code: 550 }, diagnosis: { phase: "rcpt" } },
      { kind: "deferred", status: "4.2.2", reply: { code: 452 }, diagnosis: { phase: "final" } },
      { ...accepted, recipient: to[3] },
    ]);
    expect(outcomes.filter((outcome) => outcome.kind === "deferred" && outcome.uncertain === true)).toEqual([]);
    expect(await dovecot.arrivals(first)).toHaveLength(1);
    expect(await dovecot.arrivals(second)).toHaveLength(1);
    expect(await dovecot.arrivals(FULL)).toHaveLength(0);
  });

  it("X8: goes on after a mail that nobody was to get", async () => {
    const user = dovecot.user();
    await using transport = connect();
    const mails = [["nobody@example.test"], [addressOf(FULL)], [addressOf(user)]].map((to) => mailOf({ to }));
    const receipts = await Promise.all(mails.map((mail) => transport.send(mail)));
    expect(receipts.map(({ outcomes }) => outcomes.map(({ status }) => status))).toEqual([["5.1.1"], ["4.2.2"], ["2.0.0"]]);
    expect(await dovecot.arrivals(user)).toHaveLength(1);
  });

  it.for([
    ["a port", () => ({})],
    ["a port, with STARTTLS", () => ({ security: "starttls", tls: { ca: dovecot.ca } }) as const],
    ["a Unix socket", () => ({ socketPath: dovecot.lmtpSocket })],
  ] as const)("X7: every byte arrives as it was sent, over %s", async ([, options]) => {
    await using transport = connect(options());
    for (const { title, body } of SAMPLES) {
      const user = dovecot.user();
      const bytes = bytesOf(title, body);
      const { outcomes } = await transport.send(mailOf({ to: [addressOf(user)], content: contentOf(bytes) }));
      expect(outcomes, title).toMatchObject([accepted]);
      const stored = await dovecot.arrivals(user);
      expect(stored.map(({ content }) => content.equals(closed(bytes))), title).toEqual([true]);
      const fetched = arrivalOf(await fetchFirst(dovecot.ports.imap, user));
      expect(fetched.content.equals(closed(bytes)), title).toBe(true);
    }
  });

  it("X7: 100 mails over 2 connections, each to three, arrive once each", async () => {
    const users = [dovecot.user(), dovecot.user(), dovecot.user()];
    const mails = Array.from({ length: 100 }, (_, index) => mailOf({ to: users.map(addressOf), body: `${index}\r\n` }));
    await using transport = connect({ pool: 2 });
    const receipts = await Promise.all(mails.map((mail) => transport.send(mail)));
    expect(receipts.flatMap(({ outcomes }) => outcomes.filter(({ kind }) => kind !== "accepted"))).toEqual([]);
    for (const user of users) {
      const texts = (await dovecot.arrivals(user)).map(({ content }) => bodyOf(content));
      expect(new Set(texts).size).toBe(100);
      expect(texts).toHaveLength(100);
    }
  });

  it("X10, I1, I2: the server dies in the middle", async () => {
    const localAddress = clientAddress();
    // The dead leave locks behind: no mailbox is used twice.
    const pairs = Array.from({ length: 40 }, () => [dovecot.user(), dovecot.user()]);
    await using transport = connect({ localAddress });
    const sends = pairs.map(async (users) => (await transport.send(mailOf({ to: users.map(addressOf) }))).outcomes);
    await sends[5];
    process.kill(await dovecot.serverOf(localAddress), "SIGKILL");
    const outcomes = (await Promise.all(sends)).flat();
    expect(outcomes.slice(-2)).toMatchObject([accepted, accepted]);
    for (const [index, user] of pairs.flat().entries()) {
      const outcome = outcomes[index];
      const count = (await dovecot.arrivals(user)).length;
      const uncertain = outcome?.kind === "deferred" && outcome.uncertain === true;
      const possible = uncertain ? [0, 1] : [outcome?.kind === "accepted" ? 1 : 0];
      expect(possible, user.name).toContain(count);
    }
  });

  it("C37: an address beyond ASCII is refused by us where the server has no SMTPUTF8", async () => {
    const user = dovecot.user();
    await using transport = connect();
    const { outcomes } = await transport.send(mailOf({ to: ["jörg@example.test", addressOf(user)] }));
    expect(outcomes).toMatchObject([{ kind: "rejected", status: "5.6.7" }, accepted]);
    expect(outcomes[0]?.reply).toBeUndefined();
  });
});

function bodyOf(content: Buffer): string {
  return content.subarray(content.indexOf("\r\n\r\n") + 4).toString().trimEnd();
}
