import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checkMailbox, parseAddresses } from "../src/address.ts";
import { MessageError } from "../src/errors.ts";

interface Entry {
  readonly id: number;
  readonly address: string;
  readonly category: string;
  readonly diagnosis: string;
}

const { tests }: { readonly tests: readonly Entry[] } = JSON.parse(
  readFileSync(new URL("fixtures/addresses.json", import.meta.url), "utf8"),
);

const VALID: ReadonlySet<string> = new Set(["ISEMAIL_VALID_CATEGORY", "ISEMAIL_RFC5321", "ISEMAIL_DNSWARN"]);
/** The obsolete forms that have one reading all the same: white space or comments around a local part or a domain. */
const NORMALISED: ReadonlyMap<number, string> = new Map([
  [85, "test@iana.org"],
  [93, "test@iana.org"],
  [95, "test@[255.255.255.255]"],
  [97, "test@abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghikl.com"],
  [157, "test@iana.org"],
]);
/** Valid ones that lose quoting they do not need (RFC 5321 §4.1.2). */
const REQUOTED: ReadonlyMap<number, string> = new Map([
  [45, "a@iana.org"],
  [55, '"test test"@iana.org'],
]);

/** What comes out, or "refused". */
function verdict(check: () => unknown): unknown {
  try {
    return check();
  } catch (error) {
    if (error instanceof MessageError) return "refused";
    throw error;
  }
}

describe("isemail corpus", () => {
  it("F4: half of the set is here", () => {
    expect(tests.length).toBe(82);
  });

  it.each(tests)("F4: $id $diagnosis $address", ({ id, address, category }) => {
    const valid = VALID.has(category) ? (REQUOTED.get(id) ?? address) : undefined;
    const readable = category === "ISEMAIL_ERR" ? undefined : (valid ?? NORMALISED.get(id));
    expect(verdict(() => checkMailbox(address, "to"))).toBe(valid ?? "refused");
    expect(verdict(() => parseAddresses(address, "to"))).toEqual(readable === undefined ? "refused" : [{ address: readable }]);
  });
});
