import { ConfigError } from "@postroad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AlignmentRequest, ResolveTxt } from "../src/index.ts";
import { checkAlignment } from "../src/index.ts";

type Zone = Readonly<Record<string, string | readonly string[]>>;

/** DNS of these DMARC records, by domain; and what it was asked. */
function dns(zone: Zone): { readonly resolveTxt: ResolveTxt; readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    async resolveTxt(name) {
      asked.push(name.replace(/^_dmarc\./, ""));
      const found = zone[name.replace(/^_dmarc\./, "")];
      if (found === undefined) throw Object.assign(new Error(name), { code: "ENOTFOUND" });
      return [found].flat().map((record) => [record]);
    },
  };
}

const shop: Zone = { "shop.example": "v=DMARC1; p=reject" };

describe("checkAlignment (D16)", () => {
  const cases: readonly (readonly [string, Zone, AlignmentRequest, object])[] = [
    ["the very domain signs", shop, { from: "hi@shop.example", dkim: ["shop.example"] }, { state: "aligned", dkim: ["shop.example"], spf: false, policy: "reject" }],
    ["the organization signs for a name below it", shop, { from: "hi@news.shop.example", dkim: ["other.test", "shop.example"] }, { state: "aligned", dkim: ["shop.example"], organization: "shop.example" }],
    ["a name below it signs for the organization", shop, { from: "hi@shop.example", dkim: ["mta.shop.example"] }, { state: "aligned", dkim: ["mta.shop.example"] }],
    ["a cousin signs", shop, { from: "a.shop.example", dkim: ["b.shop.example"] }, { state: "aligned", dkim: ["b.shop.example"] }],
    ["the reverse-path is of the organization", shop, { from: "hi@shop.example", mailFrom: "b+1@bounce.shop.example", dkim: ["esp.test"] }, { state: "aligned", dkim: [], spf: true }],
    ["somebody else signs and sends", shop, { from: "hi@shop.example", mailFrom: "b@esp.test", dkim: ["esp.test"] }, { state: "unaligned", dkim: [], spf: false, message: expect.stringContaining("shop.example") }],
    ["nobody signs, and the reverse-path is null", shop, { from: "hi@shop.example", mailFrom: "" }, { state: "unaligned", spf: false }],
    ["strict DKIM, signed by the organization", { "shop.example": "v=DMARC1; p=none; adkim=s" }, { from: "x@shop.example", dkim: ["mta.shop.example"] }, { state: "unaligned" }],
    ["strict SPF does not touch DKIM", { "shop.example": "v=DMARC1; p=none; aspf=s" }, { from: "x@shop.example", dkim: ["mta.shop.example"], mailFrom: "b@b.shop.example" }, { state: "aligned", dkim: ["mta.shop.example"], spf: false }],
    ["the own record goes before that of the organization", { ...shop, "news.shop.example": "v=DMARC1; p=none; adkim=s" }, { from: "x@news.shop.example", dkim: ["shop.example"] }, { state: "unaligned", policy: "none", organization: "shop.example" }],
    ["psd=n makes a name its own organization", { ...shop, "unit.shop.example": "v=DMARC1; p=none; psd=n" }, { from: "x@unit.shop.example", dkim: ["shop.example"] }, { state: "unaligned", organization: "unit.shop.example" }],
    ["psd=y parts the names below it", { "co.example": "v=DMARC1; p=reject; psd=y" }, { from: "x@a.co.example", dkim: ["b.co.example"] }, { state: "unaligned", organization: "a.co.example", policy: "reject" }],
    ["psd=y of a registry, and a name of several labels below", { "co.example": "v=DMARC1; p=none; psd=y", "a.co.example": "v=DMARC1; p=none" }, { from: "x@m.a.co.example", dkim: ["s.a.co.example"] }, { state: "aligned", organization: "a.co.example" }],
    ["a registry that sends for itself", { "co.example": "v=DMARC1; p=none; psd=y" }, { from: "x@co.example", dkim: ["co.example"] }, { state: "aligned", organization: "co.example" }],
    ["no record at all", {}, { from: "x@shop.example", dkim: ["shop.example"] }, { state: "no-policy", dkim: ["shop.example"], organization: "shop.example", message: expect.stringContaining("v=DMARC1; p=none") }],
    ["two records are none", { "shop.example": ["v=DMARC1; p=none", "v=DMARC1; p=reject"] }, { from: "x@shop.example", dkim: ["shop.example"] }, { state: "no-policy" }],
    ["records of other kinds stand beside it", { "shop.example": ["google-site=1", "v=DMARC1;p=quarantine"] }, { from: "x@shop.example", dkim: ["shop.example"] }, { state: "aligned", policy: "quarantine" }],
    ["what is no record", { "shop.example": "v=DMARC12; p=none" }, { from: "x@shop.example", dkim: ["shop.example"] }, { state: "no-policy" }],
    ["names in capitals and letters of their own", { "xn--bcher-kva.example": "v=DMARC1; p=none" }, { from: "x@Bücher.example", dkim: ["MAIL.xn--bcher-kva.EXAMPLE."] }, { state: "aligned", dkim: ["mail.xn--bcher-kva.example"] }],
  ];

  it.each(cases)("D16: %s", async (_, zone, request, expected) => {
    expect(await checkAlignment(request, { resolveTxt: dns(zone).resolveTxt })).toMatchObject(expected);
  });

  it("D16: asks no more than eight times for a domain, and for no name twice", async () => {
    const { resolveTxt, asked } = dns({});
    const deep = `${Array.from({ length: 30 }, (_, index) => `l${index}`).join(".")}.shop.example`;
    await checkAlignment({ from: `x@${deep}`, dkim: [deep, `m.${deep}`], mailFrom: `b@${deep}` }, { resolveTxt });
    expect(new Set(asked).size).toBe(asked.length);
    expect(asked.slice(0, 8)).toEqual([deep, ...Array.from({ length: 7 }, (_, index) => deep.split(".").slice(index - 7).join("."))]);
    expect(asked).toHaveLength(9);
  });

  it("D16: an error of DNS, and an abort, are no verdict", async () => {
    const failing: ResolveTxt = () => Promise.reject(Object.assign(new Error("x"), { code: "ESERVFAIL" }));
    expect(await checkAlignment({ from: "x@shop.example" }, { resolveTxt: failing })).toMatchObject({ state: "unknown", message: expect.stringContaining("ESERVFAIL") });
    const never: ResolveTxt = () => new Promise(() => undefined);
    expect(await checkAlignment({ from: "x@shop.example" }, { resolveTxt: never, signal: AbortSignal.abort() })).toMatchObject({ state: "unknown" });
  });

  it("D16: whatever the records are: a domain is aligned with itself", async () => {
    const tag = fc.constantFrom("p=none", "psd=y", "psd=n", "adkim=s", "aspf=s", "p=reject", "x");
    const record = fc.array(tag, { maxLength: 3 }).map((tags) => ["v=DMARC1", ...new Set(tags)].join("; "));
    const zone = fc.dictionary(fc.constantFrom("example", "shop.example", "a.shop.example"), record);
    await fc.assert(
      fc.asyncProperty(zone, fc.constantFrom("shop.example", "a.shop.example"), async (records, name) => {
        const { dkim, spf, state } = await checkAlignment({ from: `x@${name}`, dkim: [name], mailFrom: `b@${name}` }, { resolveTxt: dns(records).resolveTxt });
        expect([dkim, spf]).toEqual([[name], true]);
        expect(["aligned", "no-policy"]).toContain(state);
      }),
    );
  });

  it("refuses what is no domain, and names it", async () => {
    const wrong = checkAlignment({ from: "nobody", dkim: ["shop.example", "a b.example"], mailFrom: "x@" });
    await expect(wrong).rejects.toThrow(ConfigError);
    await expect(wrong).rejects.toMatchObject({ issues: [{ path: "from" }, { path: "dkim[1]" }, { path: "mailFrom" }] });
  });
});
