import { contentOf } from "@postroad/core";
import { lmtp, smtp } from "@postroad/smtp";
import type { Auth, SmtpOptions } from "@postroad/smtp";
import { describe, expect, it } from "vitest";
import { bytesOf, mailOf } from "../harness/mails.ts";
import { SAMPLES, closed } from "../harness/samples.ts";
import type { SmtpServer } from "../harness/smtp-server.ts";
import { USER, startSmtpServer } from "../harness/smtp-server.ts";

const accepted = { kind: "accepted", status: "2.0.0" };

describe.for(["tls", "starttls"] as const)("smtp-server, security %s", (security) => {
  function optionsFor({ port, ca }: SmtpServer, auth: Auth = { user: USER.user, pass: USER.pass }): SmtpOptions {
    return { host: "127.0.0.1", port, security, tls: { ca }, auth, deadline: 40_000 };
  }

  it.for(["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"] as const)("C24, C28: a login by %s", async (method) => {
    await using server = await startSmtpServer({ secure: security === "tls" });
    const auth: Auth = method === "XOAUTH2" ? { user: USER.user, token: USER.token, method } : { user: USER.user, pass: USER.pass, method };
    await using transport = smtp(optionsFor(server, auth));
    expect((await transport.send(mailOf({ to: ["box@example.test"] }))).outcomes).toMatchObject([accepted]);
    expect(server.received).toMatchObject([{ user: USER.user }]);
    expect(server.logins).toEqual([method]);
  });

  it.for([
    ["CRAM-MD5", { user: USER.user, pass: "wrong" }],
    ["PLAIN", { user: USER.user, pass: "wrong", method: "PLAIN" }],
    ["LOGIN", { user: USER.user, pass: "wrong", method: "LOGIN" }],
    ["XOAUTH2", { user: USER.user, token: "wrong" }],
  ] as const)("C27, C28: a secret that is wrong defers the mail, and no weaker way is tried (%s)", async ([method, auth]) => {
    await using server = await startSmtpServer({ secure: security === "tls" });
    await using transport = smtp(optionsFor(server, auth));
    const { outcomes } = await transport.send(mailOf({ to: ["box@example.test"] }));
    expect(outcomes).toMatchObject([{ kind: "deferred", status: "4.7.8", reply: { code: 535 } }]);
    expect(server.received).toEqual([]);
    expect(server.logins).toEqual([method]);
  });

  it("C2, C3: every byte arrives as it was sent", async () => {
    await using server = await startSmtpServer({ secure: security === "tls" });
    await using transport = smtp({ ...optionsFor(server), pool: 1 });
    const letters = SAMPLES.map(({ title, body }) => bytesOf(title, body));
    const mails = letters.map((bytes) => mailOf({ to: ["box@example.test"], content: contentOf(bytes) }));
    const receipts = await Promise.all(mails.map((mail) => transport.send(mail)));
    expect(receipts.flatMap(({ outcomes }) => outcomes.filter(({ kind }) => kind !== "accepted"))).toEqual([]);
    const same = server.received.map(({ content }, index) => content.equals(closed(letters[index] ?? Buffer.alloc(0))));
    expect(same).toEqual(SAMPLES.map(() => true));
  });

  it("C13: each recipient has an outcome of its own", async () => {
    await using server = await startSmtpServer({ secure: security === "tls" });
    await using transport = smtp(optionsFor(server));
    const { outcomes } = await transport.send(mailOf({ to: ["a@example.test", "nobody@example.test", "b@example.test"] }));
    expect(outcomes).toMatchObject([accepted, { kind: "rejected", status: "5.1.1", reply: { code: 550 } }, accepted]);
    expect(server.received[0]?.envelope.rcptTo.map(({ address }) => address)).toEqual(["a@example.test", "b@example.test"]);
  });

  it("C36, C39 to C41, C45: the envelope's parameters arrive", async () => {
    await using server = await startSmtpServer({ secure: security === "tls" });
    await using transport = smtp(optionsFor(server));
    const to = [{ address: "jörg@example.test", notify: ["success", "delay"], originalRecipient: "rfc822;Ann+1@example.com" }] as const;
    const mail = mailOf({ to, dsn: { ret: "hdrs", envid: "order 7+8" }, requireTls: true, body: "Grüße\r\n" });
    expect((await transport.send(mail)).outcomes).toMatchObject([accepted]);
    expect(server.received[0]?.envelope).toMatchObject({
      smtpUtf8: true,
      requireTLS: true,
      bodyType: "8bitmime",
      dsn: { ret: "HDRS", envid: "order 7+8" },
      rcptTo: [{ address: "jörg@example.test", dsn: { notify: ["SUCCESS", "DELAY"], orcpt: "rfc822;Ann+1@example.com" } }],
    });
  });
});

describe("smtp-server over LMTP", () => {
  it("X7, X8: after the final dot each recipient has an answer of its own", async () => {
    await using server = await startSmtpServer({ lmtp: true, authOptional: true });
    await using transport = lmtp({ host: "127.0.0.1", port: server.port, deadline: 40_000 });
    const to = ["a@example.test", "nobody@example.test", "full@example.test", "b@example.test"];
    expect((await transport.send(mailOf({ to }))).outcomes).toMatchObject([
      accepted,
      { kind: "rejected", status: "5.1.1", diagnosis: { phase: "rcpt" } },
      { kind: "deferred", status: "4.2.2", diagnosis: { phase: "final" } },
      accepted,
    ]);
  });
});
