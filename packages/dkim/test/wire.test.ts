import { Buffer } from "node:buffer";
import { compose, deliver } from "@postroad/core";
import { createMessage, rawMail } from "@postroad/message";
import { smtp } from "@postroad/smtp";
import { modelPeer } from "@postroad/testing/peer";
import { describe, expect, it } from "vitest";
import type { Signer } from "../src/index.ts";
import { dkim } from "../src/index.ts";
import { bytesOf, ed, inPieces, mailOf, rsa, verdicts } from "./support.ts";

const signers: readonly Signer[] = [rsa, { ...ed, canonicalization: "simple/simple" }];

describe("signatures on the wire", () => {
  it.each([
    ["DATA", ["PIPELINING", "8BITMIME"]],
    ["BDAT", ["PIPELINING", "8BITMIME", "CHUNKING"]],
  ])("D9: survive the trip through smtp() by %s: dots, blank lines, attachments, List-Unsubscribe", async (_, extensions) => {
    await using peer = await modelPeer({ extensions });
    await using pipeline = compose(dkim(signers), smtp({ host: "127.0.0.1", port: peer.port, security: "none" }));
    await deliver(pipeline, createMessage({
      from: "Shöp <hi@shop.example>",
      to: "Ann <ann@example.net>",
      subject: "Ihre Bestellung: Grüße",
      text: ".\r\n..\r\n.dots\r\n\r\nspaces  \t\r\n\r\n\r\n",
      html: "<p>Grüße</p>",
      attachments: [{ filename: "data.bin", content: Buffer.alloc(300_000, "abc\0") }],
      list: { unsubscribe: { url: "https://shop.example/u?t=1", oneClick: true } },
    }));
    expect(peer.violations).toEqual([]);
    const [arrived] = peer.messages;
    expect(await verdicts(arrived?.content ?? Buffer.alloc(0), rsa, ed)).toEqual(["pass", "pass"]);
  });

  it("D9: survive where the content is streamed", async () => {
    await using peer = await modelPeer();
    await using pipeline = compose(dkim(signers), smtp({ host: "127.0.0.1", port: peer.port, security: "none" }));
    await deliver(pipeline, mailOf(inPieces(bytesOf(undefined, ".\r\nGrüße  \r\n\r\n".repeat(20_000)), 7000)));
    expect(await verdicts(peer.messages[0]?.content ?? Buffer.alloc(0), rsa, ed)).toEqual(["pass", "pass"]);
  });

  it("D9, #70: 8-bit mail is refused where the server takes 7 bits, not changed under its signature", async () => {
    await using peer = await modelPeer({ extensions: ["PIPELINING"] });
    await using pipeline = compose(dkim(signers), smtp({ host: "127.0.0.1", port: peer.port, security: "none" }));
    const { outcomes } = await pipeline.send(mailOf(bytesOf(undefined, "Grüße\r\n")));
    expect(outcomes[0]).toMatchObject({ kind: "rejected", status: "5.6.3" });
    expect(peer.messages).toHaveLength(0);
  });

  it("a mail that exists already keeps its bytes under the signature", async () => {
    await using peer = await modelPeer();
    await using pipeline = compose(dkim(signers), smtp({ host: "127.0.0.1", port: peer.port, security: "none" }));
    const bytes = bytesOf();
    await deliver(pipeline, await rawMail(bytes));
    const arrived = peer.messages[0]?.content ?? Buffer.alloc(0);
    expect(arrived.subarray(-bytes.byteLength).equals(bytes)).toBe(true);
    expect(await verdicts(arrived, rsa, ed)).toEqual(["pass", "pass"]);
  });
});
