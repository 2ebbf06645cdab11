import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dkimSign } from "mailauth/lib/dkim/sign.js";
import { bodyHash } from "../src/canonical-body.ts";
import { lines } from "../src/lines.ts";
import type { Canonical, Signer } from "../src/index.ts";
import { ed, edKey, inPieces, rsa, signed, tagsOf, verdicts } from "./support.ts";

const kinds = ["relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"] as const;

/** One character per octet. White space, line ends and what looks like it but is none, more often than chance has it. */
const words = fc.constantFrom("a", "word", "=C3=A9", ".", "--b", "\f", "\v", "\xa0", "\xc3\xa9", "x".repeat(200), ":", ";");
const white = fc.constantFrom(" ", "\t", "  ", " \t ", "\t\t");
const body = fc.array(fc.oneof(words, white, fc.constant("\r\n"), fc.constant("\r\n\r\n")), { maxLength: 40 }).map((parts) => parts.join(""));
const fold = fc.constantFrom("\r\n ", "\r\n\t", " \r\n  ", "\r\n \t");
const value = fc.array(fc.oneof(words, white, fold), { maxLength: 12 }).map((parts) => `${parts.join("")}x`);
const name = fc.constantFrom("Subject", "SUBJECT", "To", "Cc", "Received", "X-Other", "List-Unsubscribe", "References", "Comments");
const field = fc.tuple(name, fc.constantFrom(":", ": ", ":\t", " :", " \t: "), value).map((parts) => parts.join(""));
const mail = fc.tuple(fc.array(field, { maxLength: 8 }), body, fc.nat(8)).map(([fields, text, at]) => {
  const header = fields.toSpliced(at, 0, "From: Shop <hi@shop.example>");
  return Buffer.from([...header, "", text].join("\r\n"), "latin1");
});

/** The bh= that mailauth finds for a body. */
async function theirHash(bytes: Buffer, how: Canonical): Promise<string | undefined> {
  const signatureData = [{ signingDomain: "shop.example", selector: "e1", privateKey: edKey.privateKey, canonicalization: `relaxed/${how}` }];
  const options = { signingDomain: "", selector: "", privateKey: "", signatureData };
  const { signatures } = await dkimSign(Buffer.concat([Buffer.from("From: a@shop.example\r\n\r\n"), bytes]), options);
  return tagsOf(Buffer.from(signatures)).get("bh");
}

describe("signatures of any mail", () => {
  it.each(kinds)("D4, #69: mailauth verifies what is signed %s", async (canonicalization) => {
    const signers: readonly Signer[] = [{ ...ed, canonicalization }];
    await fc.assert(
      fc.asyncProperty(mail, fc.integer({ min: 1, max: 200 }), async (bytes, size) => {
        const out = await signed(signers, inPieces(bytes, size));
        expect(out.subarray(-bytes.byteLength).equals(bytes)).toBe(true);
        expect(await verdicts(out, ...signers)).toEqual(["pass"]);
      }),
      { numRuns: 60 },
    );
  });

  it("D10: mailauth verifies signatures whose tags are of any length", async () => {
    const label = fc.stringMatching(/^[a-z0-9]{1,63}$/);
    const tags = fc.record({
      domain: fc.array(label, { minLength: 2, maxLength: 3 }).map((labels) => `a${labels.join(".")}`.slice(0, 180).replace(/\.+$/, "")),
      selector: fc.array(label, { minLength: 1, maxLength: 2 }).map((labels) => labels.join(".").slice(0, 60).replace(/\.+$/, "")),
      local: fc.stringMatching(/^(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,30}(?:\.[a-z=]{1,30})?)?$/),
      canonicalization: fc.constantFrom(...kinds),
    });
    await fc.assert(
      fc.asyncProperty(tags, async ({ local, ...given }) => {
        fc.pre(given.domain.includes(".") && given.domain.split(".").every((part) => part.length <= 63));
        const signer: Signer = { ...given, key: ed.key, timestamp: true, identity: `${local}@${given.domain}` };
        const out = await signed(signer);
        const lengths = out.toString("latin1").split("\r\n").map((line) => line.length);
        expect(Math.max(...lengths)).toBeLessThan(998);
        expect(await verdicts(out, signer)).toEqual(["pass"]);
      }),
      { numRuns: 60 },
    );
  });

  it("D4, #68: the hash of a body is mailauth's, however the body is cut", async () => {
    await fc.assert(
      fc.asyncProperty(body, fc.integer({ min: 1, max: 50 }), async (text, size) => {
        const bytes = Buffer.from(text, "latin1");
        for (const how of ["relaxed", "simple"] as const) {
          const ours = bodyHash(how);
          const cutter = lines(ours.push);
          for (let at = 0; at < bytes.byteLength; at += size) cutter.push(bytes.subarray(at, at + size));
          cutter.end();
          expect(ours.digest()).toBe(await theirHash(bytes, how));
        }
      }),
      { numRuns: 200 },
    );
  });

  it("#69: a header field of 100 KB, folded over and over, in both canonical forms", async () => {
    const long = `References:${"\r\n \t<some-message-id@example.net>".repeat(3200)}`;
    const bytes = Buffer.from(`From: hi@shop.example\r\n${long}\r\n\r\nHi.\r\n`);
    const signers = kinds.map((canonicalization): Signer => ({ ...rsa, canonicalization }));
    expect(await verdicts(await signed(signers, bytes), rsa)).toEqual(["pass", "pass", "pass", "pass"]);
  });
});
