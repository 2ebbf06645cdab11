import { testMiddleware } from "@postroad/testing";
import { fake } from "@postroad/testing/fake";
import { Buffer } from "node:buffer";
import { authenticate } from "mailauth";
import { describe, expect, it } from "vitest";
import type { ArcOptions } from "../src/index.ts";
import { arc } from "../src/index.ts";
import { HEADER, bytesOf, dnsOf, ed, mailOf, rsa, signed, tagsOf, verdicts } from "./support.ts";

const { key } = rsa;
const mx: ArcOptions = { domain: "forwarder.example", selector: "r1", key, authServId: "mx.forwarder.example" };
const list: ArcOptions = { ...mx, key: ed.key, selector: "e1", domain: "list.example", authServId: "mx.list.example" };
const dns = dnsOf({ domain: mx.domain, selector: mx.selector, key }, { domain: list.domain, selector: list.selector, key: list.key }, rsa);

testMiddleware({ name: "arc", capabilities: ["rewrites"], open: (next) => arc(mx)(next) });

async function sealed(options: ArcOptions, bytes: Buffer): Promise<Buffer> {
  const next = fake();
  await using pipeline = arc(options)(next);
  const { outcomes } = await pipeline.send(mailOf(bytes));
  const out = next.calls[0]?.bytes;
  if (out === undefined) throw new Error(JSON.stringify(outcomes[0]));
  return Buffer.from(out);
}

/** What mailauth makes of the chain. */
async function chain(bytes: Buffer): Promise<string> {
  const resolver = async (name: string): Promise<string[][]> => (await dns(name)).map((strings) => [...strings]);
  const { arc: found } = await authenticate(bytes, { resolver, strict: true, disableDmarc: true, disableBimi: true });
  return found === false ? "none" : found.status.result;
}

const results = (server: string, said: string): string => `Authentication-Results: ${server};\r\n ${said}`;
const first = bytesOf([results(mx.authServId, "spf=pass smtp.mailfrom=shop.example; dkim=pass header.d=shop.example"), ...HEADER]);

describe("arc", () => {
  it("D15: the first set of a chain says cv=none, and mailauth validates it", async () => {
    const out = await sealed(mx, first);
    expect(await chain(out)).toBe("pass");
    expect(tagsOf(out, "ARC-Seal").get("cv")).toBe("none");
    expect(tagsOf(out, "ARC-Seal").get("i")).toBe("1");
    expect(tagsOf(out, "ARC-Seal").has("h")).toBe(false);
    expect(out.toString()).toContain("ARC-Authentication-Results: i=1; mx.forwarder.example;\r\n spf=pass smtp.mailfrom=shop.example;\r\n dkim=pass header.d=shop.example\r\n");
    expect(out.subarray(-first.byteLength).equals(first)).toBe(true);
  });

  it("D15: covers DKIM-Signature, and breaks with the body, while DKIM goes on to hold", async () => {
    const out = await sealed(mx, await signed(rsa, first));
    expect(tagsOf(out, "ARC-Message-Signature").get("h")).toContain("dkim-signature");
    expect(await chain(out)).toBe("pass");
    expect(await verdicts(out, rsa)).toContain("pass");
    expect(await chain(Buffer.concat([out, Buffer.from("footer\r\n")]))).toBe("fail");
  });

  it("D15: the next set says cv=pass and seals the whole chain", async () => {
    const one = await sealed(mx, first);
    const two = await sealed(list, Buffer.concat([Buffer.from(`${results(list.authServId, "arc=pass (i=1); dkim=pass")}\r\n`), one]));
    expect(tagsOf(two, "ARC-Seal").get("i")).toBe("2");
    expect(tagsOf(two, "ARC-Seal").get("cv")).toBe("pass");
    expect(await chain(two)).toBe("pass");
    const forged = Buffer.from(two.toString("latin1").replace("i=1; mx.forwarder.example", "i=1; mx.f0rwarder.example"), "latin1");
    expect(await chain(forged)).toBe("fail");
  });

  it("D15: a chain of 50 is validated, and a 51st set is not added", async () => {
    let bytes = first;
    for (let instance = 1; instance <= 50; instance += 1) {
      bytes = await sealed({ ...list, judge: () => ({ chain: instance === 1 ? "none" : "pass", results: "dkim=pass" }) }, bytes);
    }
    expect(await chain(bytes)).toBe("pass");
    expect(await sealed({ ...list, judge: () => ({ chain: "pass", results: "none" }) }, bytes)).toEqual(bytes);
  }, 60_000);

  it("D15: a chain that failed is sealed with cv=fail once, by itself, and never again", async () => {
    const one = await sealed(mx, first);
    const broken = Buffer.concat([Buffer.from(`${results(list.authServId, "arc=fail")}\r\n`), one, Buffer.from("footer\r\n")]);
    const two = await sealed(list, broken);
    expect(tagsOf(two, "ARC-Seal").get("cv")).toBe("fail");
    expect(await chain(two)).toBe("fail");
    expect(await sealed(mx, two)).toEqual(two);
  });

  it.each([
    ["has a gap", (text: string) => text.replaceAll("i=1;", "i=2;")],
    ["lacks a field", (text: string) => text.replace(/ARC-Authentication-Results: (?:.|\r\n )*\r\n/, "")],
    ["has a field twice", (text: string) => text.replace(/(ARC-Seal: (?:.|\r\n )*\r\n)/, "$1$1")],
    ["begins with cv=pass", (text: string) => text.replace("cv=none", "cv=pass")],
  ])("D15: a chain that %s is no chain, whatever is said of it", async (_, change) => {
    const bytes = Buffer.from(change((await sealed(mx, first)).toString("latin1")), "latin1");
    const out = await sealed({ ...list, judge: () => ({ chain: "pass", results: "arc=pass" }) }, bytes);
    expect(tagsOf(out, "ARC-Seal").get("cv")).toBe("fail");
  });

  it("believes no results but those of its own server", async () => {
    const other = bytesOf([results("mx.other.example", "dkim=pass"), ...HEADER]);
    expect((await sealed(mx, other)).toString()).toContain("ARC-Authentication-Results: i=1; mx.forwarder.example;\r\n none\r\n");
    await expect(sealed(list, await sealed(mx, first))).rejects.toThrow(/4\.7\.0.*nobody has validated/);
    const comment = Buffer.concat([Buffer.from(`${results(list.authServId, "dkim=pass (x; arc=pass)")}\r\n`), await sealed(mx, first)]);
    await expect(sealed(list, comment)).rejects.toThrow("nobody has validated");
  });

  it("refuses wrong options, and results that are no line", async () => {
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => arc({ ...rsa })).toThrow("arc: authServId is missing");
    expect(() => arc({ ...mx, authServId: "mx\r\n" })).toThrow("authServId");
    expect(() => arc({ ...mx, key: "?" })).toThrow("arc: key is no private key");
    await expect(sealed({ ...mx, judge: () => ({ chain: "none", results: "a\r\nBcc: x@y" }) }, first)).rejects.toThrow("not one line");
  });
});
