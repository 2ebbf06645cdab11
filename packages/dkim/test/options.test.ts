import { ConfigError } from "@postroad/core";
import { describe, expect, it } from "vitest";
import type { Signer } from "../src/index.ts";
import { dkim } from "../src/index.ts";
import { bytesOf, ed, judge, dnsOf, signed, tagsOf } from "./support.ts";

function issues(change: object): ConfigError["issues"] {
  try {
    dkim({ ...ed, ...change });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.issues;
  }
  return [];
}

describe("options", () => {
  it.each([
    ["domain", "", /must not be empty/],
    ["domain", "shop", /must be a full domain/],
    ["domain", "shop.example\r\nBcc: x@y", /has the label/],
    ["domain", "shop.example; l=0", /has the label/],
    ["domain", `${"a".repeat(64)}.example`, /1 to 63/],
    ["domain", `${"a.".repeat(127)}example`, /253 characters/],
    ["domain", "a..example", /has the label ""/],
    ["domain", "-a.example", /has the label/],
    ["selector", "", /must not be empty/],
    ["selector", "s;t", /has the label/],
    ["selector", "s\n", /has the label/],
    ["selector", "a".repeat(64), /1 to 63/],
    ["selector", `${"a".repeat(60)}.`.repeat(4).slice(0, -1), /too long: there can be no record/],
    ["identity", "ann@other.example", /must be an address at shop\.example or below/],
    ["identity", "ann", /must be an address/],
    ["identity", "a..b@shop.example", /must be an address/],
    ["identity", `${"a".repeat(5000)}(@shop.example`, /must be an address/],
    ["identity", "a\r\nb@shop.example", /must be an address at shop/],
    ["headers", ["Subject"], /lacks From/],
    ["headers", ["From", "Received"], /has received, which changes/],
    ["headers", ["From", "Sub ject"], /no name of a field/],
    ["headers", ["From", "from"], /a name twice/],
    ["headers", "From", /a list of field names/],
    ["canonicalization", "relaxed", /must be one of/],
    ["passphrase", 5, /must be a string/],
    ["timestamp", new Date(Date.now() + 100_000), /ahead of the clock/],
    ["timestamp", new Date(Number.NaN), /must be true, false or a Date/],
    ["expiresIn", 0, /1000 milliseconds or more/],
    ["expiresIn", -5000, /1000 milliseconds or more/],
    ["selectr", "x", /did you mean selector/],
  ])("#67, #72: %s %j is refused when the pipeline is built", (path, value, message) => {
    expect(issues({ [path]: value })).toEqual([{ path, message: expect.stringMatching(message) }]);
  });

  it("#67: what is missing is named, all of it", () => {
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => dkim({})).toThrow("domain is missing; selector is missing; key is missing");
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => dkim(ed, { chose: "all" })).toThrow("did you mean choose");
  });

  it("#67: upper case, U-labels and a dot at the end become the one normal form", async () => {
    const tags = tagsOf(await signed({ ...ed, domain: "SHOP.Example.", selector: "Größe.2026" }));
    expect(tags.get("d")).toBe("shop.example");
    expect(tags.get("s")).toBe("xn--gre-6ka8i.2026");
  });

  it("#72: a signature from the future, or void already, is not made", async () => {
    const signer: Signer = { ...ed, timestamp: new Date(1_000_000) };
    let now = 1_000_000;
    const clock = (): number => now;
    expect(tagsOf(await signed(signer, bytesOf(), { clock })).get("t")).toBe("1000");
    const lasting: Signer = { ...signer, expiresIn: 60_000 };
    const times = [1_000_000, 900_000, 1_060_000];
    const told = await Promise.all(times.map(async (time) => {
      let calls = 0;
      // The clock is asked when the pipeline is built and when it signs.
      return signed(lasting, bytesOf(), { clock: () => ((calls += 1) === 1 ? 1_000_000 : time) }).then(() => "signed", String);
    }));
    expect(told).toEqual(["signed", expect.stringContaining("4.7.0"), expect.stringContaining("4.7.0")]);
    now = Number.NaN;
    await expect(signed({ ...ed, timestamp: true }, bytesOf(), { clock })).rejects.toThrow("4.7.0");
  });

  it("#72: a verifier takes the signature until x=, and not after it", async () => {
    const now = Date.UTC(2026, 0, 1);
    const out = await signed({ ...ed, expiresIn: 60_000 }, bytesOf(), { clock: () => now });
    const at = async (time: number): Promise<string | undefined> => (await judge(out, dnsOf(ed), time))[0]?.status.result;
    expect(await at(now + 59_000)).toBe("pass");
    expect(await at(now + 61_000)).not.toBe("pass");
  });
});
