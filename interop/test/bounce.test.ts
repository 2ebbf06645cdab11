import { deliveryReport } from "@postroad/bounce";
import type { Outcome } from "@postroad/core";
import { contentOf, readAll } from "@postroad/core";
import { smtp } from "@postroad/smtp";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { bytesOf, mailOf } from "../harness/mails.ts";
import type { Postfix } from "../harness/postfix.ts";
import { UTF8_ADDRESS, startPostfix } from "../harness/postfix.ts";

describe.skipIf("postfix" in inject("missing"))("a report on its way through Postfix", () => {
  let postfix: Postfix;

  beforeAll(async () => {
    postfix = await startPostfix();
    return () => postfix[Symbol.asyncDispose]();
  });

  it.for([
    ["B1: in seven bits", undefined, "message/delivery-status"],
    ["B9: with UTF-8, to an address that needs it", UTF8_ADDRESS, "message/global-delivery-status"],
  ] as const)("%s, arrives from nobody as it was written", async ([, address, type]) => {
    const box = postfix.mailbox(address);
    const text = "Grüße, 你好\r\n";
    const mail = mailOf({ from: box.address, to: ["用户@example.net"], content: contentOf(bytesOf("original", text)), smtputf8: true });
    const outcomes: readonly Outcome[] = [
      { kind: "rejected", status: "5.1.1", recipient: "用户@example.net", by: "smtp", message: "refused", reply: { code: 550, text: "5.1.1 没有" } },
    ];
    const report = await deliveryReport({ mail, outcomes, action: "failed", reportingMta: "mail.example.test" });
    if (report === undefined) throw new Error("no report is due");
    await using transport = smtp({ host: "127.0.0.1", port: postfix.ports.lockStep, security: "none", deadline: 40_000 });
    expect((await transport.send(report)).outcomes).toMatchObject([{ kind: "accepted" }]);
    const [arrival] = await box.arrivals(1);
    const bytes = Buffer.from(await readAll(report.content));
    expect(arrival?.trace).toContain("Return-Path: <>");
    expect(arrival?.content.equals(bytes)).toBe(true);
    expect(bytes.toString()).toContain(`Content-Type: ${type}\r\n`);
  });
});
