import type { Content, Mail, Outcome } from "@postroad/core";
import { contentOf } from "@postroad/core";
import { modelPeer } from "@postroad/testing/peer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mail, plain, streamed } from "./support.ts";

const fragment = fc.constantFrom("\r\n", "\r\n.\r\n", "\r\n..", ".", "text", "é", "\r\n.end", "x".repeat(60));

/** Lines that begin with dots, with and without a last CRLF, up to 300 KB. */
const body = fc
  .tuple(fc.array(fragment, { maxLength: 60 }), fc.constantFrom(1, 1, 1, 20, 200))
  .map(([parts, times]) => `Subject: x\r\n\r\n${`${parts.join("")}\r\n`.repeat(times).slice(0, 300_000)}`)
  .map((text) => text.replace(/\r$/, "").replace(/[^\r\n]{300,}/g, (long) => long.slice(0, 300)));

const form = fc.record({ async: fc.boolean(), sized: fc.boolean(), cut: fc.integer({ min: 1, max: 70_000 }) });

interface Shape {
  readonly async: boolean;
  readonly sized: boolean;
  readonly cut: number;
}

function contentIn(bytes: Buffer, { async, sized, cut }: Shape): Content {
  const size = Math.max(cut, Math.ceil(bytes.length / 500));
  const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
  if (async) return streamed(chunks, sized ? bytes.length : undefined);
  return size >= bytes.length ? contentOf(bytes) : { ...(sized && { size: bytes.length }), open: () => chunks };
}

const REPLIES = ["250 2.1.5 ok", "251 2.1.5 forwarded", "550 5.1.1 no such user", "450 4.2.1 later", "552 5.2.2 full"] as const;
const recipients = fc.array(fc.constantFrom(...REPLIES), { minLength: 1, maxLength: 6 });
const extensions = fc.subarray(["PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 200000", "ENHANCEDSTATUSCODES", "CHUNKING", "DSN"]);

/** What must become of a recipient, given what the server replies and what the mail needs. */
function expectedKind(reply: string, text: string, announced: readonly string[], shape: Shape): Outcome["kind"] {
  const eightBit = Buffer.byteLength(text) > text.length && !announced.includes("8BITMIME");
  const large = announced.includes("SIZE 200000") && Buffer.byteLength(text) > 200_000;
  // What is known beforehand is refused for everybody; what shows in a stream, for those that the server took.
  const known = (eightBit && !shape.async) || (large && (!shape.async || shape.sized));
  if (known || (reply.startsWith("2") && (eightBit || large))) return "rejected";
  return reply.startsWith("2") ? "accepted" : reply.startsWith("4") ? "deferred" : "rejected";
}

describe("property: what arrives is what was sent", () => {
  it("C2 C3 C13 C35 C43: random mails, recipients and extensions", async () => {
    const one = fc.record({ text: body, form, replies: recipients });
    await fc.assert(
      fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 8 }), extensions, fc.integer({ min: 1, max: 3 }), async (cases, announced, pool) => {
        const rules: Record<string, string> = {};
        const mails = cases.map(({ text, form: shape, replies }, index): Mail => {
          const to = replies.map((reply, position) => {
            const address = `r${index}-${position}@x.example`;
            rules[address] = reply;
            return address;
          });
          return mail({ from: `s${index}@x.example`, to, content: contentIn(Buffer.from(text), shape) });
        });
        await using peer = await modelPeer({ extensions: announced, recipients: rules });
        await using transport = plain(peer, { pool });
        const receipts = await Promise.all(mails.map((each) => transport.send(each)));
        const chunked = announced.includes("CHUNKING") && announced.includes("PIPELINING");
        for (const [index, { text, form: shape, replies }] of cases.entries()) {
          const kinds = replies.map((reply) => expectedKind(reply, text, announced, shape));
          expect(receipts[index]?.outcomes.map(({ kind }) => kind)).toEqual(kinds);
          const arrived = peer.messages.filter(({ from }) => from === `s${index}@x.example`);
          expect(arrived).toHaveLength(kinds.includes("accepted") ? 1 : 0);
          // With DATA a message cannot lack its last CRLF.
          const whole = chunked || text.endsWith("\r\n") ? text : `${text}\r\n`;
          for (const { content } of arrived) expect(content.toString()).toBe(whole);
        }
        expect(peer.violations).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });
});
