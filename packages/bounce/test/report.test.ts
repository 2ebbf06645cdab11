import type { Mail, Recipient } from "@postroad/core";
import { ConfigError, contentOf } from "@postroad/core";
import { MessageError } from "@postroad/message";
import { simpleParser } from "mailparser";
import PostalMime from "postal-mime";
import { describe, expect, it } from "vitest";
import type { Action, ReportOptions } from "../src/index.ts";
import { deliveryReport } from "../src/index.ts";
import { accepted, deferred, mailOf, optionsOf, ORIGINAL, partsOf, rejected, reportOf, statusOf } from "./mails.ts";

const OUTCOMES = { failed: rejected, delayed: deferred, delivered: accepted, relayed: accepted } as const;
const ACTIONS = ["failed", "delayed", "delivered", "relayed"] as const;

/** A report of `action` on whatever recipients the mail has. */
function about(action: Action, mail: Mail = mailOf(), rest: Partial<ReportOptions> = {}): ReportOptions {
  return optionsOf({ mail, action, outcomes: mail.envelope.to.map(({ address }) => OUTCOMES[action](address)), ...rest });
}

describe("a delivery report", () => {
  it("B1: is text, status and the original, as other parsers read it", async () => {
    const { bytes } = await reportOf();
    expect(partsOf(bytes).map(({ type, encoding }) => [type, encoding])).toEqual([
      ["text/plain; charset=utf-8", "7bit"],
      ["message/delivery-status", "7bit"],
      ["message/rfc822", "7bit"],
    ]);
    const mail = await PostalMime.parse(bytes, { forceRfc822Attachments: true });
    const type = mail.headers.find(({ key }) => key === "content-type")?.value;
    expect(type).toMatch(/^multipart\/report; report-type=delivery-status;/);
    expect(mail.text).toContain("bob@example.net");
    expect(mail.attachments.map(({ mimeType }) => mimeType)).toEqual(["message/delivery-status", "message/rfc822"]);
    const [, original] = mail.attachments;
    // The parser ends lines in LF, and takes the line end before the boundary along.
    const content = new TextDecoder().decode(original?.content instanceof ArrayBuffer ? original.content : undefined);
    expect(content.trimEnd()).toBe(ORIGINAL.replaceAll("\r\n", "\n").trimEnd());
    const other = await simpleParser(bytes);
    expect(other.subject).toBe("Delivery Status Notification (Failure)");
    expect(other.text).toContain("no such user");
  });

  it("B2, B3, B5: says who reports, on whom, what, and what was said", async () => {
    const times = { arrivedAt: Date.UTC(2026, 0, 1), lastAttemptAt: Date.UTC(2026, 0, 2), willRetryUntil: Date.UTC(2026, 0, 6) };
    const failed = statusOf((await reportOf(times)).bytes);
    expect(failed).toEqual([
      { "Reporting-MTA": "dns; mail.example.org", "Arrival-Date": "Thu, 01 Jan 2026 00:00:00 +0000" },
      {
        "Final-Recipient": "rfc822; bob@example.net",
        Action: "failed",
        Status: "5.1.1",
        "Remote-MTA": "dns; mx.example.net",
        "Diagnostic-Code": "smtp; 550 5.1.1 no such user",
        "Last-Attempt-Date": "Fri, 02 Jan 2026 00:00:00 +0000",
      },
    ]);
    const [, delayed] = statusOf((await reportOf(about("delayed", mailOf(), times))).bytes);
    expect(delayed).toMatchObject({ Action: "delayed", Status: "4.4.1", "Will-Retry-Until": "Tue, 06 Jan 2026 00:00:00 +0000" });
    expect(delayed).toMatchObject({ "Diagnostic-Code": "x-postroad; nobody answers" });
    const mail = mailOf({ to: [{ address: "bob@example.net", notify: ["success"] }] });
    const [, delivered] = statusOf((await reportOf(about("delivered", mail))).bytes);
    expect(delivered).toMatchObject({ Action: "delivered", Status: "2.1.5", "Remote-MTA": "dns; [IPv6:2001:db8::1]" });
    expect(statusOf((await reportOf(about("relayed", mail))).bytes)[1]).toMatchObject({ Action: "relayed" });
  });

  it.each([
    ["127.0.0.1:2525", "dns; [127.0.0.1]"],
    ["::1", "dns; [IPv6:::1]"],
    ["mx.example.net", "dns; mx.example.net"],
    ["/run/lmtp", undefined],
    ["evil\r\nStatus: 2.0.0:25", undefined],
  ])("B5: names the remote host %j", async (remote, expected) => {
    const { bytes } = await reportOf({ outcomes: [rejected("bob@example.net", { remote })] });
    expect(statusOf(bytes)[1]?.["Remote-MTA"]).toBe(expected);
    expect(statusOf(bytes)[1]?.["Status"]).toBe("5.1.1");
  });

  it("B4: gives ORCPT and ENVID back as they came", async () => {
    const to = [{ address: "bob@example.net", originalRecipient: "rfc822;Bob+x@example.com" }];
    const { bytes } = await reportOf({ mail: mailOf({ to, rest: { dsn: { envid: "QQ+314=159" } } }) });
    const [mail, recipient] = statusOf(bytes);
    expect(mail?.["Original-Envelope-Id"]).toBe("QQ+314=159");
    expect(recipient?.["Original-Recipient"]).toBe("rfc822; Bob+x@example.com");
  });

  it("B6: goes from nobody to the reverse-path, whatever the header says", async () => {
    const { report, text } = await reportOf({ mail: mailOf({ from: "ann+verp=1@bounces.example.org" }) });
    expect(report.envelope).toEqual({ from: "", to: [{ address: "ann+verp=1@bounces.example.org" }] });
    expect(text).toMatch(/^To: ann\+verp=1@bounces\.example\.org\r$/m);
    expect(text).toMatch(/^From: Mail Delivery System <MAILER-DAEMON@mail\.example\.org>\r$/m);
  });

  it.each(ACTIONS)("B6, #63: never bounces a bounce (%s)", async (action) => {
    const to: readonly Recipient[] = [{ address: "bob@example.net", notify: ["success", "failure", "delay"] }];
    await expect(deliveryReport(about(action, mailOf({ from: "", to })))).resolves.toBeUndefined();
  });

  it("B7: NOTIFY decides who is reported on", async () => {
    const wanted = { failed: "failure", delayed: "delay", delivered: "success", relayed: "success" } as const;
    const words = ["success", "failure", "delay"] as const;
    const subsets = Array.from({ length: 8 }, (_, bits) => words.filter((__, index) => (bits >> index) % 2 === 1));
    for (const action of ACTIONS) {
      for (const notify of [undefined, "never", ...subsets] as const) {
        const saysNothing = notify === undefined || notify.length === 0;
        const expected = saysNothing ? wanted[action] !== "success" : notify !== "never" && notify.includes(wanted[action]);
        const to = [{ address: "bob@example.net", ...(notify !== undefined && { notify }) }, { address: "never@x.example", notify: "never" as const }];
        const report = await deliveryReport(about(action, mailOf({ to })));
        expect(report !== undefined, `${action} with NOTIFY=${String(notify)}`).toBe(expected);
        if (report === undefined) continue;
        const { bytes } = await reportOf(about(action, mailOf({ to })));
        expect(statusOf(bytes).slice(1).map((each) => each["Final-Recipient"])).toEqual(["rfc822; bob@example.net"]);
      }
    }
  });

  it("B10: says that a program wrote it, and does not tell programs of delays unasked", async () => {
    const { text } = await reportOf();
    expect(text).toMatch(/^Auto-Submitted: auto-replied\r$/m);
    for (const field of ["Precedence: bulk", "List-Id: <x.example>", "Auto-Submitted: auto-generated"]) {
      const content = `${field}\r\n${ORIGINAL}`;
      await expect(deliveryReport(about("delayed", mailOf({ content }))), field).resolves.toBeUndefined();
      await expect(deliveryReport(about("failed", mailOf({ content }))), field).resolves.toBeDefined();
      const to: readonly Recipient[] = [{ address: "bob@example.net", notify: ["delay"] }];
      await expect(deliveryReport(about("delayed", mailOf({ content, to }))), field).resolves.toBeDefined();
    }
    await expect(deliveryReport(about("delayed", mailOf({ content: `Auto-Submitted: no\r\n${ORIGINAL}` })))).resolves.toBeDefined();
  });

  it("stands in the thread of the mail", async () => {
    expect((await reportOf()).text).toMatch(/^In-Reply-To: <lunch@example\.org>\r\nReferences: <lunch@example\.org>\r$/m);
    const without = await reportOf({ mail: mailOf({ content: "not a header\r\n\r\n" }) });
    expect(without.text).not.toMatch(/^In-Reply-To/m);
  });

  it("tells people what happened, when, and what may help, and no secrets", async () => {
    const { text } = await reportOf();
    expect(text).toContain("  What happened: the recipient was refused: 550 5.1.1 no such user");
    expect(text).toContain("  When: when the other server was told the recipient");
    expect(text).toContain("  What may help: Check the spelling.");
    expect(text).not.toMatch(/AUTH|c2VjcmV0/);
  });

  it("tells people of 100 recipients and programs of all", async () => {
    const to = Array.from({ length: 130 }, (_, index) => `r${index}@example.net`);
    const { bytes, text } = await reportOf({ mail: mailOf({ to }) });
    expect(text).toContain("And 30 more");
    expect(statusOf(bytes)).toHaveLength(131);
  });

  it("has the same id and bytes for the same options, and another id for another action or recipient", async () => {
    const [first, second] = [await reportOf(), await reportOf()];
    expect(second.report.id).toBe(first.report.id);
    expect(second.bytes.equals(first.bytes)).toBe(true);
    const mail = mailOf({ to: ["bob@example.net", "cid@example.net"] });
    const ids = [
      first.report.id,
      (await reportOf(about("delayed"))).report.id,
      (await reportOf({ mail })).report.id,
      (await reportOf({ mail, outcomes: [rejected("cid@example.net")] })).report.id,
      (await reportOf({ id: "mine" })).report.id,
    ];
    expect(new Set(ids).size).toBe(5);
    expect(ids[4]).toBe("mine");
    const swapped = await reportOf({ mail, outcomes: [rejected("cid@example.net"), rejected("bob@example.net")] });
    expect(swapped.report.id).toBe(ids[2]);
  });

  it("keeps REQUIRETLS, and returns no text then (RFC 8689 §5)", async () => {
    const { report, bytes } = await reportOf({ mail: mailOf({ rest: { requireTls: true, dsn: { ret: "full" } } }) });
    expect(report.envelope.requireTls).toBe(true);
    expect(partsOf(bytes)[2]?.type).toBe("text/rfc822-headers");
  });

  it("takes an author, and notes for its way", async () => {
    const { report, text } = await reportOf({ from: { name: "Jörg, Post", address: "mail@example.org" }, meta: { a: "b" } });
    expect(text).toMatch(/^From: =\?UTF-8\?Q\?J=C3=B6rg/m);
    expect(report.meta).toEqual({ a: "b" });
    expect((await reportOf({ from: "Post <p@example.org>" })).text).toMatch(/^From: Post <p@example\.org>\r$/m);
    expect((await reportOf()).report.meta).toEqual({});
  });

  it("reaches reverse-paths that are against the grammar, and never writes one that would break the header", async () => {
    const { report, text } = await reportOf({ mail: mailOf({ from: "a..b@docomo.example" }) });
    expect(report.envelope.to).toEqual([{ address: "a..b@docomo.example" }]);
    expect(text).toMatch(/^To: a\.\.b@docomo\.example\r$/m);
    for (const from of ["a@x.example\r\nBcc: b@y.example", "a b@x.example", "<a@x.example>, b@y.example", "nobody"]) {
      await expect(deliveryReport(optionsOf({ mail: mailOf({ from }) })), from).rejects.toThrow(MessageError);
    }
  });

  it("throws what reading the content throws", async () => {
    const content = {
      open() {
        throw new Error("the disk is gone");
      },
    };
    await expect(deliveryReport(optionsOf({ mail: { ...mailOf(), content } }))).rejects.toThrow("the disk is gone");
  });

  it("refuses options that are wrong, and outcomes that contradict them", async () => {
    const wrong: readonly Partial<ReportOptions>[] = [
      { reportingMta: "bad host" },
      { reportingMta: "x\r\nBcc: y" },
      { maxOriginal: -1 },
      { id: "a\nb" },
      { outcomes: [rejected("stranger@example.net")] },
      { outcomes: [accepted("bob@example.net")] },
      { action: "delivered" },
      { arrivedAt: Number.NaN },
    ];
    for (const options of wrong) await expect(deliveryReport(optionsOf(options))).rejects.toThrow(ConfigError);
    // @ts-expect-error JavaScript callers can pass anything
    await expect(deliveryReport({ ...optionsOf(), acton: "failed" })).rejects.toThrow(/did you mean action/);
  });

  it("reads no more of a mail than it may return", async () => {
    let read = 0;
    function* endless(): Generator<Uint8Array> {
      yield Buffer.from("Subject: endless\r\n\r\n");
      for (;;) {
        read += 1024;
        yield Buffer.alloc(1024, "x");
      }
    }
    const mail = { ...mailOf(), content: { open: endless } };
    const { bytes } = await reportOf({ mail });
    expect(partsOf(bytes)[2]?.body.toString()).toBe("Subject: endless\r\n");
    expect(read).toBeLessThan(70_000);
    expect(contentOf(bytes).size).toBeLessThan(10_000);
  });
});
