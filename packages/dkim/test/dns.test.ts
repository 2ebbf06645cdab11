import { Refusal } from "@postroad/core";
import { fake } from "@postroad/testing/fake";
import { describe, expect, it } from "vitest";
import type { ResolveTxt } from "../src/index.ts";
import { checkDns, dkim, dnsRecord, generateKey } from "../src/index.ts";
import { dnsOf, ed, edKey, rsa, rsaKey, signed, verdicts } from "./support.ts";

const txt = (...records: readonly string[]): ResolveTxt => () => Promise.resolve(records.map((record) => [record]));
const failing = (code: string): ResolveTxt => () => Promise.reject(Object.assign(new Error(code), { code }));

describe("dnsRecord", () => {
  it("D11: has k=, p=, flags on request, in strings of 255 octets at most", async () => {
    const large = { ...rsa, key: (await generateKey({ bits: 4096 })).privateKey };
    const record = dnsRecord(large, { testing: true, strict: true, ttl: 60 });
    expect(record.name).toBe("r1._domainkey.shop.example");
    expect(record.value).toMatch(/^v=DKIM1; k=rsa; t=y:s; p=[A-Za-z0-9+/]+=*$/);
    expect(record.strings.join("")).toBe(record.value);
    expect(record.strings.map(({ length }) => length)).toEqual([255, 255, expect.any(Number)]);
    expect(record.zone).toBe(`r1._domainkey.shop.example. 60 IN TXT ( ${record.strings.map((part) => `"${part}"`).join(" ")} )`);
    expect(await verdicts(await signed(large), large)).toEqual(["pass"]);
  });

  it("D11: is the same for the private and the public key", () => {
    expect(dnsRecord({ ...rsa, key: rsaKey.publicKey })).toEqual(dnsRecord(rsa));
    expect(dnsRecord({ ...ed, key: edKey.publicKey })).toEqual(dnsRecord(ed));
    expect(() => dnsRecord({ ...ed, key: "?" })).toThrow("dnsRecord: key is no private key");
  });
});

describe("checkDns", () => {
  it("D11: says that the published key belongs to the private one", async () => {
    const finding = await checkDns(rsa, { resolveTxt: dnsOf(rsa) });
    expect(finding).toMatchObject({ state: "matches", name: "r1._domainkey.shop.example" });
    expect(finding.published).toBe(finding.own);
    expect(await checkDns(ed, { resolveTxt: txt(dnsRecord(ed, { testing: true }).value) })).toMatchObject({ state: "matches", testing: true });
    expect(await checkDns(rsa, { resolveTxt: txt(dnsRecord(rsa).value.replace("v=DKIM1; k=rsa; ", "").replaceAll("A", "A ")) })).toMatchObject({ state: "matches" });
  });

  it("#71: tells both fingerprints where another key is published", async () => {
    const other = { ...rsa, key: (await generateKey()).privateKey };
    const { own, published = "", ...finding } = await checkDns(rsa, { resolveTxt: dnsOf(other) });
    expect(finding.state).toBe("differs");
    expect([own, published]).toEqual([expect.stringMatching(/^SHA256:.{43}$/), (await checkDns(other, { resolveTxt: dnsOf(other) })).own]);
    expect(finding.message).toContain(own);
    expect(finding.message).toContain(published);
    expect(await checkDns({ ...rsa, selector: "e1" }, { resolveTxt: dnsOf(ed) })).toMatchObject({ state: "differs" });
  });

  it.each<[string, ResolveTxt, string, RegExp]>([
    ["nothing", failing("ENOTFOUND"), "missing", /has no TXT record; publish/],
    ["no data", failing("ENODATA"), "missing", /no TXT/],
    ["an empty answer", txt(), "missing", /no TXT/],
    ["a server's failure", failing("ESERVFAIL"), "unknown", /DNS did not answer \(ESERVFAIL\)/],
    ["two records", txt("v=DKIM1; p=AA==", "v=DKIM1; p=AA=="), "ambiguous", /has 2 TXT records/],
    ["a withdrawn key", txt("v=DKIM1; p="), "withdrawn", /has no key any more/],
    ["something else", txt("hello"), "unusable", /is no list of tags/],
    ["another version", txt("v=DKIM2; p=AA=="), "unusable", /does not begin with v=DKIM1/],
    ["a late version", txt("k=rsa; v=DKIM1; p=AA=="), "unusable", /does not begin/],
    ["no key", txt("v=DKIM1; k=rsa"), "unusable", /has no public key/],
    ["another type", txt("v=DKIM1; k=ec; p=AA=="), "unusable", /keys of type "ec"/],
    ["SHA-1 only", txt("v=DKIM1; h=sha1; p=AA=="), "unusable", /other than SHA-256/],
    ["no mail", txt("v=DKIM1; s=tlsrpt; p=AA=="), "unusable", /is not for mail/],
  ])("#71: finds %s", async (_, resolveTxt, state, message) => {
    expect(await checkDns(rsa, { resolveTxt })).toMatchObject({ state, message: expect.stringMatching(message) });
  });

  it("stops when the signal aborts", async () => {
    const stop = new AbortController();
    const finding = checkDns(rsa, { resolveTxt: () => new Promise(() => undefined), signal: stop.signal });
    stop.abort();
    expect(await finding).toMatchObject({ state: "unknown" });
  });
});

describe("the check of a pipeline", () => {
  it("#71: compares with DNS where that is wanted, and names both fingerprints", async () => {
    const next = fake();
    await using right = dkim([rsa, ed], { checkDns: dnsOf(rsa, ed) })(next);
    await right.check();
    expect(next.checks).toBe(1);
    const other = { ...ed, key: (await generateKey({ type: "ed25519" })).privateKey };
    await using wrong = dkim([rsa, ed], { checkDns: dnsOf(rsa, other) })(fake());
    await expect(wrong.check()).rejects.toSatisfy((error) => error instanceof Refusal && error.status === "4.7.5" && /SHA256:.*SHA256:/.test(error.message));
    await using down = dkim(rsa, { checkDns: failing("ETIMEOUT") })(fake());
    await expect(down.check()).rejects.toMatchObject({ status: "4.4.3" });
    await using silent = dkim(rsa)(fake());
    await silent.check();
  });
});
