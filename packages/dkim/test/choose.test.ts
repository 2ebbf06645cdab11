import { ConfigError } from "@postroad/core";
import { describe, expect, it } from "vitest";
import { authorDomains, fromField } from "../src/from.ts";
import { fieldsOf } from "../src/header.ts";
import type { ChooseSigners, Signer } from "../src/index.ts";
import { dkim } from "../src/index.ts";
import { bytesOf, ed, rsa, signed, tagsOf } from "./support.ts";

const blog: Signer = { ...rsa, domain: "blog.example" };
const news: Signer = { ...ed, domain: "news.shop.example" };

async function domainsFor(from: string, signers: readonly Signer[] | ChooseSigners = [rsa, ed, blog, news]): Promise<readonly string[]> {
  const out = await signed(signers, bytesOf([`From: ${from}`, "Subject: Hi"]), { otherwise: "unsigned" });
  return Array.from(out.toString().matchAll(/ d=([^;]+);/g), ([, domain = ""]) => domain);
}

describe("who signs", () => {
  it("several domains: those of the From header sign, or the next above it", async () => {
    expect(await domainsFor("hi@shop.example")).toEqual(["shop.example", "shop.example"]);
    expect(await domainsFor("Blog <hi@BLOG.example>")).toEqual(["blog.example"]);
    expect(await domainsFor("hi@eu.news.shop.example")).toEqual(["news.shop.example"]);
    expect(await domainsFor("a@blog.example, b@shop.example")).toEqual(["shop.example", "shop.example", "blog.example"]);
    expect(await domainsFor("hi@notshop.example")).toEqual([]);
  });

  it("one domain signs for everybody, and several do where they are told to", async () => {
    expect(tagsOf(await signed(rsa, bytesOf(["From: a@other.example"]))).get("d")).toBe("shop.example");
    const out = await signed([rsa, blog], bytesOf(["From: a@other.example"]), { choose: "all" });
    expect(out.toString().match(/^DKIM-Signature/gm)).toHaveLength(2);
  });

  it("a function chooses, and its signers are read once", async () => {
    const asked: string[] = [];
    let reads = 0;
    const tenant: Signer = { ...rsa, domain: "tenant.example" };
    const watched = new Proxy(tenant, { get: (target, key) => (key === "key" && (reads += 1), Reflect.get(target, key)) });
    const choose: ChooseSigners = async (domain) => (asked.push(domain), domain === "tenant.example" ? watched : undefined);
    const sign = dkim(choose);
    expect(await domainsFor("a@tenant.example, b@tenant.example", choose)).toEqual(["tenant.example"]);
    expect(asked).toEqual(["tenant.example"]);
    expect(reads).toBeGreaterThan(0);
    expect(sign).toBeTypeOf("function");
  });

  it("mail for which there is no key is kept, or leaves unsigned where that is wanted", async () => {
    await expect(signed([rsa, blog], bytesOf(["From: a@other.example"]))).rejects.toThrow(/4\.7\.0.*no key/);
    expect((await signed([rsa, blog], bytesOf(["From: a@other.example"]), { otherwise: "unsigned" })).toString()).not.toContain("DKIM");
    const broken: ChooseSigners = () => Promise.reject(new Error("database is down"));
    await expect(signed(broken)).rejects.toThrow(/4\.7\.0.*database is down/);
    const wrong: ChooseSigners = () => ({ ...rsa, selector: "" });
    await expect(signed(wrong)).rejects.toThrow(/4\.7\.0.*selector must not be empty/);
  });

  it("no signer, or a choice beside a function, is a ConfigError", () => {
    expect(() => dkim([])).toThrow(ConfigError);
    expect(() => dkim(() => undefined, { choose: "all" })).toThrow("choose has no meaning beside a function");
  });
});

describe("the domains of From", () => {
  it.each([
    ["a@x.example", ["x.example"]],
    ['"b@wrong.example" <a@x.example>', ["x.example"]],
    ["b@wrong.example <a@x.example>", ["x.example"]],
    ["(b@wrong.example) a@x.example (c (d@e.example) \\))", ["x.example"]],
    ['"a@b\\"@wrong.example" <"q@r"@x.example>', ["x.example"]],
    ["Team: a@x.example, Bob <b@y.example>;", ["x.example", "y.example"]],
    ["undisclosed-recipients:;", []],
    ["<@relay.example,@other.example:a@x.example>", ["x.example"]],
    ["a @ X.Example\r\n (comment)", ["x.example"]],
    ["j@b\xc3\xbccher.example", ["xn--bcher-kva.example"]],
  ])("#66: %s", (from, domains) => {
    expect(authorDomains(fromField(fieldsOf(`From: ${from}\r\n`)))).toEqual(domains);
  });

  it("#66: no From, or a second one, is refused for good", async () => {
    await expect(signed(rsa, bytesOf(["Subject: Hi"]))).rejects.toThrow(/5\.6\.0.*no From/);
    await expect(signed(rsa, bytesOf(["From: a@shop.example", "from : b@shop.example"]))).rejects.toThrow(/5\.6\.0.*more than one From/);
  });

  it("#66: a group in From is signed by the domain of its members", async () => {
    expect(await domainsFor("Team: a@blog.example;")).toEqual(["blog.example"]);
  });
});
