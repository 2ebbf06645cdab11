import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkMailbox, parseAddresses } from "../src/address.ts";
import { MessageError } from "../src/errors.ts";

/** Strings of the characters that mean something in a list, long enough to nest and to break. */
const soup = fc.string({
  unit: fc.constantFrom(...Array.from("<>@,;:()[].\"\\ \t aB1-_'%é日🎉\ud800\u200b\u0301"), "\r\n", "\0", "xn--", "IPv6:", "=?utf-8?q?"),
  maxLength: 80,
});
const anyText = fc.oneof(soup, fc.string({ unit: "binary", maxLength: 60 }));

/** A local part's meaning, free of quoting: what a quoted string may say (RFC 5321 §4.1.2, RFC 6531 §3.3). */
const localText = fc.oneof(
  fc.stringMatching(/^[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,8}(?:\.[a-z0-9-]{1,8}){0,3}$/),
  fc.string({ unit: fc.constantFrom(...Array.from("aZ.9@<>,;:()[]\\\" é日🎉")), maxLength: 12 }),
);
const domain = fc.oneof(
  fc.stringMatching(/^[a-z0-9]{1,10}(?:-[a-z0-9]{1,5})?(?:\.[a-z][a-z0-9]{1,8}){0,3}$/),
  fc.constantFrom("[192.0.2.1]", "[IPv6:2001:db8::1]", "xn--bcher-kva.example"),
);
const mailbox = fc.tuple(localText, domain).map(([text, at]) => `${quoted(text)}@${at}`);

/** Names as a parser returns them: one line, white space runs single, nothing around. */
const name = fc
  .string({ unit: fc.constantFrom(...Array.from("aB.,;:<>@()[]\"\\ é日א🎉='")), minLength: 1, maxLength: 20 })
  .map((text) => text.trim())
  .filter((text) => text !== "");
const address = fc.oneof(
  mailbox.map((box) => ({ address: checkMailbox(box, "to") })),
  fc.record({ address: mailbox.map((box) => checkMailbox(box, "to")), name }),
);
const entry = fc.oneof(address, fc.record({ name, members: fc.array(address, { maxLength: 4 }) }));
type Entry = typeof entry extends fc.Arbitrary<infer T> ? T : never;

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

function format(one: Entry): string {
  if ("members" in one) return `${quoted(one.name)}:${one.members.map(format).join(", ")};`;
  return "name" in one ? `${quoted(one.name)} <${one.address}>` : one.address;
}

/** The parsed form, or "refused"; anything but a MessageError goes on up. */
function read(input: string): unknown {
  try {
    return parseAddresses(input, "to");
  } catch (error) {
    if (error instanceof MessageError) return "refused";
    throw error;
  }
}

/** The mailbox, or "refused". */
function check(input: string): string {
  try {
    return checkMailbox(input, "to");
  } catch (error) {
    if (error instanceof MessageError) return "refused";
    throw error;
  }
}

describe("properties of addresses", () => {
  it("F4 F5: what is formatted by the grammar parses back, in lists and groups", () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 6 }), (list) => {
        expect(parseAddresses(list.map(format).join(", "), "to")).toEqual(list);
      }),
      { numRuns: 500 },
    );
  });

  it("#4 #18: any text gives addresses that stand by themselves, or a MessageError", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const found = read(text);
        if (found === "refused") return;
        for (const one of parseAddresses(text, "to")) {
          for (const { address: box } of "members" in one ? one.members : [one]) expect(checkMailbox(box, "to")).toBe(box);
        }
      }),
      { numRuns: 5000 },
    );
  });

  it("#4: the quick way and the long way read the same", () => {
    fc.assert(
      fc.property(fc.oneof(soup, entry.map(format), fc.tuple(soup, mailbox).map(([n, m]) => `${n} <${m}>`)), (text) => {
        expect(read(text)).toEqual(read(`(long way)${text}`));
      }),
      { numRuns: 2000 },
    );
  });

  it("#4: what a comment or a quoted name says changes no mailbox", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from("<>@,;:()[].\"\\ ab")), maxLength: 30 }), mailbox, (text, box) => {
        const inside = text.replace(/[()\\"]/g, "\\$&");
        const plain = { address: checkMailbox(box, "to") };
        expect(read(`(${inside}) ${box} (${inside})`)).toEqual([plain]);
        expect(read(`"${inside}" <${box}>`)).toMatchObject([plain]);
      }),
    );
  });

  it("C17: checking again changes nothing, and quoting never changes which mailbox it is", () => {
    fc.assert(
      fc.property(localText, domain, (text, at) => {
        const box = checkMailbox(`${quoted(text)}@${at}`, "to");
        expect(checkMailbox(box, "to")).toBe(box);
        const local = box.slice(0, box.lastIndexOf("@"));
        expect(local.startsWith('"') ? local.slice(1, -1).replace(/\\(.)/gsu, "$1") : local).toBe(text);
      }),
    );
  });

  it("C10 #19: what passes fits the wire: no controls, no brackets that end a path, within the limits", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const box = check(text);
        expect(box).not.toMatch(/\p{Cc}/u);
        expect(box.replace(/"(?:[^"\\]|\\.)*"/gsu, "")).not.toMatch(/[<>\s]/);
        expect(Buffer.byteLength(box)).toBeLessThanOrEqual(254);
      }),
      { numRuns: 3000 },
    );
  });
});
