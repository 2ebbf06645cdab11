import { contentOf, envelope } from "@postroad/core";
import type { Mail } from "@postroad/core";
import { lmtp as lmtpClient, smtp } from "@postroad/smtp";
import { fake } from "@postroad/testing/fake";
import { createTransport } from "nodemailer";
import { describe, expect, it } from "vitest";
import { authority, lmtp, mx, submission, textOf } from "./support.ts";

const USER = "ann@example.org";
let count = 0;

function mail(to: readonly string[], text: string, from: string = USER): Mail {
  count += 1;
  return { id: `m${count}`, envelope: envelope(from, to), content: contentOf(Buffer.from(text)), meta: {} };
}

describe("real clients", () => {
  it.each(["PLAIN", "LOGIN"] as const)("@postroad/smtp submits with STARTTLS and %s, pipelined and in chunks", async (method) => {
    await using running = await submission({}, fake({ "no@x.example": "rejected" }));
    const options = { host: "localhost", port: running.port, tls: { ca: authority.cert }, auth: { user: USER, pass: "s3cret", method }, pool: 2 };
    for (const chunking of [true, false]) {
      await using client = smtp({ ...options, security: "starttls", chunking });
      const text = `From: ${USER}\r\n\r\n.dot\r\n..\r\n${"x".repeat(76)}\r\n`;
      const receipts = await Promise.all(Array.from({ length: 30 }, () => client.send(mail(["bob@x.example"], text))));
      expect(new Set(receipts.map(({ outcomes }) => outcomes[0]?.kind))).toEqual(new Set(["accepted"]));
      expect(textOf(running.to.calls.at(-1)?.bytes).endsWith(`\r\n\r\n.dot\r\n..\r\n${"x".repeat(76)}\r\n`)).toBe(true);
      expect((await client.send(mail(["no@x.example"], text))).outcomes).toMatchObject([{ kind: "rejected", reply: { code: 554 } }]);
    }
    expect(running.to.calls).toHaveLength(62);
  });

  it("@postroad/smtp logs in with SCRAM-SHA-256-PLUS, and with a token that is renewed", async () => {
    const { scramSecret, secretFrom } = await import("../src/index.ts");
    const secret = secretFrom(await scramSecret("s3cret"), { user: USER });
    const tokens: string[] = [];
    await using running = await submission({
      authenticate: {
        scram: async (user) => (user === USER ? secret : undefined),
        token: async ({ user, token }) => (tokens.push(token), token === "new" && user === USER ? { user } : undefined),
      },
    });
    const options = { host: "localhost", port: running.port, security: "starttls", tls: { ca: authority.cert } } as const;
    for (const method of ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"] as const) {
      await using client = smtp({ ...options, auth: { user: USER, pass: "s3cret", method } });
      expect((await client.send(mail(["bob@x.example"], `From: ${USER}\r\n\r\nhi\r\n`))).outcomes).toMatchObject([{ kind: "accepted" }]);
    }
    for (const method of ["OAUTHBEARER", "XOAUTH2"] as const) {
      await using client = smtp({ ...options, auth: { user: USER, token: ({ refresh }) => (refresh ? "new" : "old"), method } });
      expect((await client.send(mail(["bob@x.example"], `From: ${USER}\r\n\r\nhi\r\n`))).outcomes).toMatchObject([{ kind: "accepted" }]);
    }
    // What was wrong a moment ago is not looked at again.
    expect(tokens).toEqual(["old", "new", "new"]);
  });

  it("nodemailer submits, with an attachment that is spooled", async () => {
    await using running = await submission({ spool: { memory: 1000 } });
    const client = createTransport({ host: "localhost", port: running.port, secure: false, requireTLS: true, tls: { ca: authority.cert }, auth: { user: USER, pass: "s3cret" } });
    const attachment = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251));
    const info = await client.sendMail({ from: USER, to: "bob@x.example", bcc: "cid@x.example", subject: "Grüße", text: "hi", attachments: [{ filename: "a.bin", content: attachment }] });
    client.close();
    expect(info.accepted).toEqual(["bob@x.example", "cid@x.example"]);
    expect(info.response).toMatch(/^250 2\.0\.0 queued as /);
    const text = textOf(running.to.calls[0]?.bytes);
    expect(text.replaceAll("\r\n", "")).toContain(attachment.toString("base64"));
    expect(text).not.toContain("cid@x.example");
  });

  it("@postroad/smtp hears for each recipient what an MX, and LMTP, says", async () => {
    const recipient = ({ address }: { readonly address: string }): boolean => !address.startsWith("no");
    await using server = await mx({ recipient });
    await using client = smtp({ host: "127.0.0.1", port: server.port, security: "none" });
    const letter = mail(["ann@example.org", "no@example.org"], "A: b\r\n\r\nhi\r\n", "x@y.example");
    expect((await client.send(letter)).outcomes).toMatchObject([{ kind: "accepted" }, { kind: "rejected", status: "5.7.1" }]);
    await using next = await lmtp({}, fake({ "no@example.org": { kind: "deferred", status: "4.2.2" } }));
    await using local = lmtpClient({ host: "127.0.0.1", port: next.port });
    expect((await local.send(letter)).outcomes).toMatchObject([{ kind: "accepted" }, { kind: "deferred", status: "4.2.2" }]);
  });
});
