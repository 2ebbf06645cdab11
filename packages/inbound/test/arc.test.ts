import { createSign, generateKeyPairSync } from "node:crypto";
import type { Mail } from "@postroad/core";
import { sealMessage } from "mailauth";
import { describe, expect, it } from "vitest";
import type { SenderVerdict, VerifySenderOptions } from "../src/index.ts";
import { verifySender } from "../src/index.ts";
import { mail, resolver, transaction } from "./support.ts";

const TEXT = "From: Bob <bob@sender.example>\r\nTo: ann@example.org\r\nSubject: hi\r\nDate: Fri, 02 Jan 2026 03:04:05 +0000\r\nMessage-ID: <1@sender.example>\r\n\r\nhello\r\n";

/** Keys of those who seal, and the records for them. */
function sealer(domain: string): { readonly domain: string; readonly pem: string; readonly record: string } {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  return { domain, pem, record: `v=DKIM1; k=rsa; p=${publicKey.export({ type: "spki", format: "der" }).toString("base64")}` };
}

const list = sealer("list.example");
const forwarder = sealer("forwarder.example");
const records = resolver({
  "a._domainkey.list.example TXT": [[list.record]],
  "a._domainkey.forwarder.example TXT": [[forwarder.record]],
  "_dmarc.sender.example TXT": [["v=DMARC1; p=reject"]],
  "sender.example TXT": [["v=spf1 -all"]],
});

/** As it leaves a hop that seals it. */
async function sealed(text: string, { domain, pem }: typeof list, dmarc: string, cv: "none" | "pass" = "none"): Promise<string> {
  const authResults = `mx.${domain}; dmarc=${dmarc} header.from=sender.example`;
  const seal = await sealMessage(text, { signingDomain: domain, selector: "a", privateKey: pem, cv, authResults });
  return `${seal.toString()}${text}`;
}

/** What becomes of it here, where SPF and DKIM are of no help. */
async function fate(text: string, options: Partial<VerifySenderOptions> = {}): Promise<unknown> {
  const policy = verifySender({ authservId: "mx.example.org", resolver: records, ...options });
  try {
    const taken: Mail | undefined = await policy.message?.(mail(text), transaction("198.51.100.1"));
    return taken?.meta;
  } catch (error) {
    return error;
  }
}

const REFUSED = expect.objectContaining({ status: "5.7.26" });
const TRUSTED = { trustedSealers: ["List.example"] };

describe("ARC", () => {
  it("a mail that DMARC refuses passes with a whole seal of whom we trust", async () => {
    const text = await sealed(TEXT, list, "pass");
    expect(await fate(TEXT, TRUSTED)).toEqual(REFUSED);
    expect(await fate(text, TRUSTED)).toEqual({});
    let found: SenderVerdict | undefined;
    await fate(text, { decide: (verdict) => ((found = verdict), {}) });
    expect(found?.arc).toEqual({ result: "pass", sealer: "list.example", dmarc: "pass" });
  });

  it("nobody is trusted unasked, and nobody but whom we trust", async () => {
    const text = await sealed(TEXT, list, "pass");
    expect(await fate(text)).toEqual(REFUSED);
    expect(await fate(text, { trustedSealers: ["other.example", "example"] })).toEqual(REFUSED);
  });

  it("the last of a chain counts: who is trusted may have been before or after somebody else", async () => {
    const first = await sealed(await sealed(TEXT, forwarder, "pass"), list, "pass", "pass");
    expect(await fate(first, TRUSTED)).toEqual({});
    const last = await sealed(await sealed(TEXT, list, "pass"), forwarder, "pass", "pass");
    expect(await fate(last, TRUSTED)).toEqual(REFUSED);
  });

  it.each([
    ["the body was changed after it", (text: string) => text.replace("hello", "hullo")],
    ["the author was changed after it", (text: string) => text.replace("From: Bob", "From: Bill")],
    ["its results were changed after it", (text: string) => text.replace("i=1; mx.list.example; dmarc=pass", "i=1; mx.list.example; dmarc=none")],
    ["the seal is broken", (text: string) => text.replace(/(cv=none;[^]*?b=)./, "$1A")],
    ["a link of the chain is missing", (text: string) => text.replace(/^ARC-Message-Signature:[^]*?\r\n(?=ARC-)/m, "")],
  ])("a chain is of no use where %s", async (_, change) => {
    const text = await sealed(TEXT, list, "pass");
    expect(change(text)).not.toBe(text);
    expect(await fate(change(text), TRUSTED)).toEqual(REFUSED);
  });

  it.each(["fail", "FAIL", "Fail", "permerror", "TempError"])("a seal that says that DMARC had failed or could not be told is no excuse: %s", async (result) => {
    expect(await fate(await sealed(TEXT, list, result), TRUSTED)).toEqual(REFUSED);
  });

  it.each(["pass", "PASS", "none"])("a seal that says anything else is one: %s", async (result) => {
    expect(await fate(await sealed(TEXT, list, result), TRUSTED)).toEqual({});
  });

  it("a seal of somebody else over what a trusted one has signed is of somebody else", async () => {
    const whole = await sealed(TEXT, list, "fail");
    const signature = /^ARC-Message-Signature:[^]*?(?=\r\n\S)/m.exec(whole)?.[0] ?? "";
    const results = "ARC-Authentication-Results: i=1; mx.forwarder.example; dmarc=pass header.from=sender.example";
    const seal = `ARC-Seal: i=1; a=rsa-sha256; t=1795524316; cv=none; d=forwarder.example; s=a; b=`;
    const b = createSign("sha256").update([results, signature, seal].map(relaxed).join("\r\n")).sign(forwarder.pem, "base64");
    const text = `${seal}${b}\r\n${signature}\r\n${results}\r\n${TEXT}`;
    let found: SenderVerdict | undefined;
    await fate(text, { decide: (verdict) => ((found = verdict), {}) });
    expect(found?.arc).toEqual({ result: "pass", sealer: "forwarder.example", dmarc: "pass" });
    expect(await fate(text, TRUSTED)).toEqual(REFUSED);
  });
});

/** RFC 6376 §3.4.2. */
function relaxed(field: string): string {
  const colon = field.indexOf(":");
  return `${field.slice(0, colon).toLowerCase()}:${field.slice(colon + 1).replace(/\s+/g, " ").trim()}`;
}
