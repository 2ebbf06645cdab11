import { compose, readAll } from "@postroad/core";
import type { Mail } from "@postroad/core";
import { dkim, dnsRecord, generateKey } from "@postroad/dkim";
import type { Policy } from "@postroad/server";
import { fake } from "@postroad/testing/fake";
import { beforeAll, describe, expect, it } from "vitest";
import type { SenderVerdict } from "../src/index.ts";
import { verifySender } from "../src/index.ts";
import { edited } from "../src/header-edit.ts";
import { mail, resolver, through, transaction } from "./support.ts";

const TEXT = "From: Bob <bob@sender.example>\r\nTo: ann@example.org\r\nSubject: hi\r\nDate: Fri, 02 Jan 2026 03:04:05 +0000\r\nMessage-ID: <1@sender.example>\r\n\r\nhello\r\n";
const GOOD = "192.0.2.7";

let signed: Mail;
let record: readonly string[];

beforeAll(async () => {
  const { privateKey } = await generateKey();
  const signer = { domain: "sender.example", selector: "s1", key: privateKey };
  const sink = fake();
  await using pipeline = compose(dkim(signer), sink);
  await pipeline.send(mail(TEXT));
  signed = mail(Buffer.from(sink.calls[0]?.bytes ?? []).toString());
  record = [dnsRecord(signer).value];
});

function dns(dmarc: string, more: Parameters<typeof resolver>[0] = {}): ReturnType<typeof resolver> {
  return resolver({
    "sender.example TXT": [[`v=spf1 ip4:${GOOD} -all`]],
    "s1._domainkey.sender.example TXT": [record],
    "_dmarc.sender.example TXT": [[dmarc]],
    ...more,
  });
}

async function asked(policy: Policy, letter: Mail, client: string): Promise<Mail> {
  const result = await policy.message?.(letter, transaction(client));
  if (result === undefined) throw new Error("the policy has no say about messages");
  return result;
}

async function textOf({ content }: Mail): Promise<string> {
  return Buffer.from(await readAll(content)).toString();
}

/** What was found out, whatever is done about it. */
async function verdict(letter: Mail, client: string, records: ReturnType<typeof resolver>): Promise<SenderVerdict> {
  let found: SenderVerdict | undefined;
  await asked(verifySender({ authservId: "mx.example.org", resolver: records, decide: (is) => ((found = is), {}) }), letter, client);
  if (found === undefined) throw new Error("nothing was decided");
  return found;
}

describe("verifySender", () => {
  it("SPF, DKIM and DMARC pass, and it says so on top", async () => {
    const policy = verifySender({ authservId: "mx.example.org", resolver: dns("v=DMARC1; p=reject") });
    const text = await textOf(await asked(policy, signed, GOOD));
    expect(text).toMatch(/^Authentication-Results: mx\.example\.org;\r\n/);
    for (const part of ["dkim=pass", "spf=pass", "dmarc=pass", "Received-SPF: pass"]) expect(text).toContain(part);
    expect(text.endsWith(await textOf(signed))).toBe(true);
    expect(await verdict(signed, GOOD, dns("v=DMARC1; p=reject"))).toEqual({
      spf: "pass", dkim: [{ domain: "sender.example", result: "pass" }], dmarc: { result: "pass", policy: "reject" }, arc: { result: "none", sealer: undefined, dmarc: undefined },
    });
  });

  it.each([
    ["reject", /5\.7\.26|says that it does not send/],
    ["quarantine", undefined],
    ["none", undefined],
  ])("a mail from elsewhere, with p=%s", async (asks, refusal) => {
    const policy = verifySender({ authservId: "mx.example.org", resolver: dns(`v=DMARC1; p=${asks}`) });
    const result = await asked(policy, mail(TEXT), "198.51.100.1").catch(String);
    const said = typeof result === "string" ? result : JSON.stringify(result.meta);
    expect(said).toMatch(refusal ?? (asks === "quarantine" ? /^\{"quarantine":"dmarc"\}$/ : /^\{\}$/));
  });

  it("RFC 9989: the organization's record counts for its subdomains, one level lower with t=y", async () => {
    const letter = mail(TEXT.replace("bob@sender", "bob@news.sender"));
    expect((await verdict(letter, "198.51.100.1", dns("v=DMARC1; p=none; sp=reject"))).dmarc).toEqual({ result: "fail", policy: "reject" });
    expect((await verdict(letter, "198.51.100.1", dns("v=DMARC1; p=reject; t=y"))).dmarc).toEqual({ result: "fail", policy: "quarantine" });
  });

  it("what DNS does not answer now refuses nobody", async () => {
    const down = resolver({ "sender.example TXT": "down", "s1._domainkey.sender.example TXT": "down", "_dmarc.sender.example TXT": "down" });
    const policy = verifySender({ authservId: "mx.example.org", resolver: down });
    expect(await textOf(await asked(policy, signed, GOOD))).toContain("spf=temperror");
  });

  it("M39: what others wrote in our name goes, in whatever form; what they wrote in theirs stays", async () => {
    const forged = [
      "Authentication-Results: mx.example.org; dkim=pass header.d=bank.example", "authentication-results: MX.EXAMPLE.ORG 1; spf=pass", 'Authentication-Results: "mx.example.org"; dmarc=pass',
      "Authentication-Results: (x) mx.example.org;\r\n\tdmarc=pass", "Authentication-Results:\r\n mx.example.org; none", "Authentication-Results : mx.example.org; none",
    ];
    const kept = "Authentication-Results: mx.other.example; dkim=pass";
    const letter = mail(`${forged.slice(0, 3).join("\r\n")}\r\n${kept}\r\n${forged.slice(3).join("\r\n")}\r\n${TEXT}`);
    const policy = verifySender({ authservId: "mx.example.org", resolver: dns("v=DMARC1; p=none") });
    const text = await textOf(await asked(policy, letter, GOOD));
    expect(text.match(/mx\.example\.org/gi)).toHaveLength(text.split("\r\nAuthentication-Results: mx.other")[0]?.match(/mx\.example\.org/gi)?.length ?? 0);
    expect(text.endsWith(`\r\n${kept}\r\n${TEXT}`)).toBe(true);
  });

  it("M39: a header that has two readings is refused", async () => {
    const policy = verifySender({ authservId: "mx.example.org", resolver: dns("v=DMARC1; p=none") });
    await expect(asked(policy, mail(`Subject: x\r\nwhat is this\r\n${TEXT}`), GOOD)).rejects.toMatchObject({ status: "5.6.0" });
  });

  it("parts are cut out wherever the chunks end", async () => {
    const bytes = Buffer.from("0123456789");
    for (let size = 1; size <= 10; size += 1) {
      const chunks = Array.from({ length: Math.ceil(10 / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
      const content = edited({ size: 10, open: () => chunks }, Buffer.from("x"), [{ start: 1, end: 3 }, { start: 3, end: 4 }, { start: 8, end: 10 }]);
      expect(Buffer.from(await readAll(content)).toString()).toBe("x04567");
      expect(content.size).toBe(6);
    }
  });

  it("in a server: refused after the message, or handed on with the results above Received", async () => {
    const records = dns("v=DMARC1; p=reject", { "mail.sender.example TXT": [["v=spf1 -all"]] });
    const policies = [verifySender({ authservId: "mx.example.org", resolver: records })];
    expect((await through(policies, mail(TEXT))).reply).toBe("550 5.7.26 the author's domain says that it does not send this mail (DMARC)");
    const { reply, to } = await through(policies, signed);
    expect(reply).toMatch(/^250 /);
    expect(Buffer.from(to.calls[0]?.bytes ?? []).toString()).toMatch(/^Authentication-Results: mx\.example\.org;[^]*\r\nReceived: from mail\.sender\.example /);
  });

  it("options are checked", () => {
    expect(() => Reflect.apply(verifySender, undefined, [{}])).toThrow(/authservId is missing/);
  });
});
