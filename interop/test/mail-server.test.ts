import type { Receipt, Transport } from "@postroad/core";
import { createServer } from "@postroad/server";
import { fake } from "@postroad/testing/fake";
import { createTransport } from "nodemailer";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { createMailer, smtp } from "postroad";
import { beforeAll, describe, expect, inject, it } from "vitest";
import type { Place, Running } from "../../examples/mail-server/running.ts";
import { place } from "../../examples/mail-server/running.ts";
import { dnsServer } from "../../packages/mx/test/dns-server.ts";
import type { User } from "../harness/dovecot-config.ts";
import type { Dovecot } from "../harness/dovecot.ts";
import { startDovecot } from "../harness/dovecot.ts";
import { fetchFirst } from "../harness/imap.ts";
import { retrieveFirst } from "../harness/pop3.ts";
import type { Postfix } from "../harness/postfix.ts";
import { startPostfix } from "../harness/postfix.ts";

const missing = inject("missing");
const PASSWORD = "pässwörd 密碼";

describe.skipIf("postfix" in missing || "dovecot" in missing)("the whole road: examples/mail-server between clients, Dovecot and Postfix", () => {
  let dovecot: Dovecot;
  let postfix: Postfix;
  let here: Place;
  let server: Running;
  /** With mailboxes that Dovecot serves. */
  let people: readonly User[];

  beforeAll(async () => {
    const stack = new AsyncDisposableStack();
    dovecot = stack.use(await startDovecot());
    postfix = stack.use(await startPostfix());
    people = [dovecot.user(), dovecot.user(), dovecot.user(), dovecot.user()];
    const zone = {
      "MX example.test": ["10 mx.example.test"],
      "A mx.example.test": ["127.0.0.1"],
      "MX down.example": ["10 mx.down.example"],
      "A mx.down.example": ["127.0.0.3"],
    };
    const dns = stack.use(await dnsServer(zone));
    here = stack.use(
      await place({
        mailboxes: Object.fromEntries(people.map((user) => [addressOf(user), user.name])),
        maildirs: dovecot.mailboxes,
        owner: await nobody(),
        postmaster: addressOf(at(0)),
        password: PASSWORD,
        mx: { servers: [dns.address], port: postfix.ports.relay, allow: ["127.0.0.0/8"] },
        retry: { first: 1500, max: 1500 },
        ttl: 2000,
      }),
    );
    server = await here.start();
    return async () => {
      await server[Symbol.asyncDispose]();
      await stack.disposeAsync();
    };
  });

  function at(index: number): User {
    const user = people[index];
    if (user === undefined) throw new Error("not so many people");
    return user;
  }

  function login(user: User): Transport {
    return smtp({ host: "localhost", port: server.ports.submission, security: "starttls", tls: { ca: here.ca }, auth: { user: addressOf(user), pass: PASSWORD } });
  }

  async function submit(from: User, subject: string, to: string): Promise<Receipt> {
    await using mailer = createMailer(login(from), { from: addressOf(from) });
    return await mailer.send({ to, subject, text: `This is ${subject}.` });
  }

  async function settled(recipient: string): Promise<void> {
    await server.said(({ kind, outcomes }) => kind === "settled" && JSON.stringify(outcomes).includes(`"${recipient}"`));
  }

  it("what our client submits with STARTTLS is read over IMAP and POP3", async () => {
    const [sender, reader] = [at(0), at(1)];
    await submit(sender, "587", addressOf(reader));
    await settled(addressOf(reader));
    const imap = (await fetchFirst(dovecot.ports.imap, reader)).toString();
    expect(imap).toContain("\r\nSubject: 587\r\n");
    expect(imap).toContain(`Return-Path: <${addressOf(sender)}>\r\n`);
    expect((await retrieveFirst(dovecot.ports.pop3, reader)).toString()).toBe(imap);
  });

  it("so is what Nodemailer submits over TLS from the first byte", async () => {
    const [sender, reader] = [at(0), at(2)];
    const auth = { user: addressOf(sender), pass: PASSWORD };
    const nodemailer = createTransport({ host: "localhost", port: server.ports.submissions, secure: true, tls: { ca: here.ca }, auth });
    await nodemailer.sendMail({ from: addressOf(sender), to: addressOf(reader), subject: "465", text: "Hello" });
    nodemailer.close();
    await settled(addressOf(reader));
    expect((await fetchFirst(dovecot.ports.imap, reader)).toString()).toContain("\r\nSubject: 465\r\n");
  });

  it("goes by MX to Postfix, and what Postfix refuses is reported in the sender's mailbox", async () => {
    const box = postfix.mailbox();
    const sender = at(3);
    await submit(sender, "by MX", box.address);
    const [arrived] = await box.arrivals(1);
    expect(arrived?.content.toString()).toContain("\r\nSubject: by MX\r\n");
    expect(arrived?.content.toString()).toContain("DKIM-Signature: ");
    await submit(sender, "to nobody", "nobody@example.test");
    await settled(addressOf(sender));
    const report = (await fetchFirst(dovecot.ports.imap, sender)).toString();
    expect(report).toMatch(/^Return-Path: <>\r\n/);
    expect(report).toMatch(/Final-Recipient: rfc822; ?nobody@example\.test\r\n/);
    expect(report).toMatch(/Diagnostic-Code: smtp; ?550 5\.1\.1/);
  });

  it("what a destination that is down does not take waits through a kill, and arrives when it is up", async () => {
    await submit(at(0), "patience", "dora@down.example");
    await server.said(({ kind, lane }) => kind === "deferred" && lane === "down.example");
    await server.kill();
    const late = fake();
    await using _ = await createServer({ mode: "mx", to: late, recipient: () => true }).listen({ host: "127.0.0.3", port: postfix.ports.relay });
    server = await here.start();
    await settled("dora@down.example");
    expect(late.calls.map(({ recipients }) => recipients)).toEqual([["dora@down.example"]]);
  });
});

function addressOf({ name }: User): string {
  return `${name}@road.example`;
}

/** The user that Dovecot reads as. */
async function nobody(): Promise<{ readonly uid: number; readonly gid: number }> {
  const { stdout } = await promisify(execFile)("getent", ["passwd", "nobody"]);
  const [, , uid, gid] = stdout.split(":");
  return { uid: Number(uid), gid: Number(gid) };
}
