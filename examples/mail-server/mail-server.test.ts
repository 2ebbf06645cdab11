import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Receipt, Transport } from "@postroad/core";
import { Refusal, deliver } from "@postroad/core";
import { verify } from "@postroad/dkim";
import { mailboxPath } from "@postroad/mailbox";
import type { Server } from "@postroad/server";
import { createServer } from "@postroad/server";
import type { Fake } from "@postroad/testing/fake";
import { fake } from "@postroad/testing/fake";
import { createTransport } from "nodemailer";
import { createMailer, createMessage, smtp } from "postroad";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dnsServer } from "../../packages/mx/test/dns-server.ts";
import type { Place, Running } from "./running.ts";
import { place } from "./running.ts";

const PASSWORD = "pässwörd 密碼";
const ANN = "ann@example.org";
const BOB = "bob@example.com";

let stack: AsyncDisposableStack;
let here: Place;
let server: Running;
/** What has come to remote.example. */
let remote: Fake;
/** Where mail exchangers listen. */
let port: number;

beforeAll(async () => {
  stack = new AsyncDisposableStack();
  remote = fake();
  port = stack.use(await elsewhere(remote, "127.0.0.2", 0)).port;
  const zone = {
    "MX remote.example": ["10 mx.remote.example"],
    "A mx.remote.example": ["127.0.0.2"],
    "MX down.example": ["10 mx.down.example"],
    "A mx.down.example": ["127.0.0.3"],
  };
  const dns = stack.use(await dnsServer(zone));
  here = stack.use(
    await place({
      mailboxes: [ANN, BOB],
      aliases: { "sales@example.org": [ANN, BOB] },
      postmaster: ANN,
      password: PASSWORD,
      mx: { servers: [dns.address], port, allow: ["127.0.0.0/8"] },
      retry: { first: 1500, max: 1500 },
      ttl: 2000,
    }),
  );
  server = await here.start();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await stack.disposeAsync();
});

/** Another mail server. */
async function elsewhere(to: Transport, host: string, at: number): Promise<Server> {
  return createServer({ mode: "mx", to, hostname: "mx.remote.example", recipient: isSomebody }).listen({ host, port: at });
}

async function isSomebody({ address }: { readonly address: string }): Promise<boolean> {
  if (address.startsWith("nobody@")) throw new Refusal("5.1.1", "there is nobody of that name");
  return true;
}

/** As a mail program does it: port 587 with STARTTLS, or 465 with TLS from the first byte. */
function login(user: string, security: "starttls" | "tls" = "starttls"): Transport {
  const { submission, submissions } = server.ports;
  const at = security === "tls" ? submissions : submission;
  return smtp({ host: "localhost", port: at, security, tls: { ca: here.ca }, auth: { user, pass: PASSWORD } });
}

async function submit(from: string, subject: string, ...to: readonly string[]): Promise<Receipt> {
  await using mailer = createMailer(login(from), { from });
  return await mailer.send({ to, subject, text: `This is ${subject}.` });
}

/** The last word on a recipient. */
function settled(recipient: string): Promise<unknown> {
  return server.said(({ kind, outcomes }) => kind === "settled" && JSON.stringify(outcomes).includes(`"${recipient}"`));
}

/** What lies in somebody's inbox, unread. */
async function inbox(address: string): Promise<readonly string[]> {
  const folder = join(here.folder, "maildirs", mailboxPath(address), "new");
  const names = await readdir(folder).catch(() => []);
  return Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
}

async function inboxed(address: string, subject: string): Promise<readonly string[]> {
  return (await inbox(address)).filter((mail) => mail.includes(`\nSubject: ${subject}\n`));
}

describe("mail server", () => {
  it("delivers to local mailboxes what our own client submits with STARTTLS", async () => {
    await submit(ANN, "starttls", "bob+starttls@example.com");
    await settled("bob+starttls@example.com");
    const [mail] = await inboxed(BOB, "starttls");
    expect(mail).toMatch(/^Return-Path: <ann@example\.org>\n/);
    expect(mail).toMatch(/\nReceived: from [^]*? with ESMTPSA/);
    expect(mail).toMatch(/\nDKIM-Signature: /);
  });

  it("and what Nodemailer submits over TLS from the first byte", async () => {
    const { submissions } = server.ports;
    const nodemailer = createTransport({ host: "localhost", port: submissions, secure: true, tls: { ca: here.ca }, auth: { user: BOB, pass: PASSWORD } });
    await nodemailer.sendMail({ from: BOB, to: "sales@example.org", bcc: "ann+hidden@example.org", subject: "tls", text: "Hello" });
    nodemailer.close();
    await settled("sales@example.org");
    await settled("ann+hidden@example.org");
    expect(await inboxed(BOB, "tls")).toHaveLength(1);
    expect((await inboxed(ANN, "tls")).join()).not.toContain("hidden@example.org\nSubject");
  });

  it("U1, U8: lets nobody in without a password, nor send in another's name", async () => {
    await using stranger = smtp({ host: "localhost", port: server.ports.submission, security: "starttls", tls: { ca: here.ca } });
    await using bob = login(BOB);
    const forged = createMessage({ from: ANN, to: BOB, subject: "forged" });
    expect((await stranger.send(forged)).outcomes).toMatchObject([{ kind: "deferred", reply: { code: 530 } }]);
    expect((await bob.send(forged)).outcomes).toMatchObject([{ kind: "rejected", status: "5.7.1" }]);
  });

  it("signs what goes elsewhere, and finds the way by MX", async () => {
    await submit(ANN, "by MX", "carl@remote.example");
    await settled("carl@remote.example");
    const call = remote.calls.find(({ recipients }) => recipients.includes("carl@remote.example"));
    if (call === undefined) throw new Error("nothing arrived");
    const { signatures } = await verify(call.mail, {
      resolveTxt: async (name) => here.records.filter((record) => record.name === name).map(({ strings }) => strings),
    });
    expect(signatures).toMatchObject([{ result: "pass", domain: "example.org" }]);
  });

  it("B1, M37: tells the sender in their mailbox what was refused elsewhere", async () => {
    await submit(ANN, "to nobody", "nobody@remote.example");
    await settled("nobody@remote.example");
    await settled(ANN);
    const report = (await inbox(ANN)).find((mail) => mail.includes("nobody@remote.example") && mail.includes("report-type=delivery-status"));
    expect(report).toMatch(/^Return-Path: <>\n/);
    expect(report).toMatch(/\nFinal-Recipient: rfc822; ?nobody@remote\.example\n/);
    expect(report).toMatch(/\nDiagnostic-Code: smtp; ?550 5\.1\.1 /);
  });

  it("U9: takes mail from elsewhere for its own, and relays for nobody", async () => {
    await using stranger = smtp({ host: "127.0.0.1", port: server.ports.mx, security: "none" });
    const mail = createMessage({ from: "carl@remote.example", to: ["ann+mx@example.org", "postmaster@example.com", "noone@example.org", "dora@down.example"], subject: "from elsewhere" });
    const { outcomes } = await stranger.send(mail);
    expect(outcomes.map(({ kind, status }) => `${kind} ${status}`)).toMatchObject([
      expect.stringMatching("accepted"),
      expect.stringMatching("accepted"),
      "rejected 5.1.1",
      "rejected 5.7.1",
    ]);
    await settled("ann+mx@example.org");
    expect((await inboxed(ANN, "from elsewhere")).length).toBeGreaterThanOrEqual(1);
  });

  it("keeps what a destination that is down does not take, through a kill, until it is up", async () => {
    await submit(ANN, "patience", "dora@down.example");
    await server.said(({ kind, lane }) => kind === "deferred" && lane === "down.example");
    await server.kill();
    const late = fake();
    await using _ = await elsewhere(late, "127.0.0.3", port);
    server = await here.start();
    await settled("dora@down.example");
    expect(late.calls.map(({ recipients }) => recipients)).toEqual([["dora@down.example"]]);
  });

  it("I1, I5: loses nothing of what it has taken when it is killed", async () => {
    const before = remote.calls.length;
    const people = Array.from({ length: 40 }, (_, index) => `reader${index}@remote.example`);
    {
      await using transport = login(ANN);
      const send = (to: string): Promise<Receipt> => deliver(transport, createMessage({ from: ANN, to, subject: `for ${to}` }));
      await Promise.all(people.map(send));
      await server.kill();
    }
    server = await here.start();
    for (const reader of people) {
      while (!remote.calls.some(({ recipients }) => recipients.includes(reader))) await remote.call(remote.calls.length + 1);
    }
    // What was on its way when it was killed may come twice (I2): no more than the worker had in flight.
    const arrived = remote.calls.slice(before).flatMap(({ recipients }) => recipients);
    expect(new Set(arrived)).toEqual(new Set(people));
    expect(arrived.length).toBeLessThanOrEqual(2 * people.length);
  }, 90_000);
});
