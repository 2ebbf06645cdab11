import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { contentOf } from "@postroad/core";
import { describe, expect, it } from "vitest";
import { verify } from "../src/index.ts";
import { bytesOf, dnsOf, ed, rsa, signed } from "./support.ts";
import { RFC8463 } from "./vectors.ts";

describe("verify", () => {
  it("tells what became of each signature", async () => {
    const content = contentOf(await signed([rsa, ed]));
    expect(await verify({ content }, { resolveTxt: dnsOf(rsa) })).toEqual({
      passed: true,
      signatures: [
        { result: "pass", domain: "shop.example", selector: "r1", algorithm: "rsa-sha256", aligned: true },
        { result: "neutral", domain: "shop.example", selector: "e1", algorithm: "ed25519-sha256", aligned: true, reason: "no key" },
      ],
    });
  });

  it("passes nothing that is signed by another domain than that of From, or not at all", async () => {
    const content = contentOf(await signed(rsa, bytesOf(["From: a@other.example"])));
    expect(await verify({ content }, { resolveTxt: dnsOf(rsa) })).toMatchObject({ passed: false, signatures: [{ result: "pass", aligned: false }] });
    expect(await verify({ content: contentOf(bytesOf()) }, { resolveTxt: dnsOf() })).toEqual({ passed: false, signatures: [] });
  });

  it("D2: takes RSA of 1024 bits, and more where that is wanted", async () => {
    const signer = { ...rsa, key: RFC8463.rsaKey };
    const content = contentOf(await signed(signer));
    expect(await verify({ content }, { resolveTxt: dnsOf(signer) })).toMatchObject({ passed: true });
    expect(await verify({ content }, { resolveTxt: dnsOf(signer), leastBits: 2048 })).toMatchObject({ passed: false, signatures: [{ result: "policy" }] });
  });

  it("says what to install where mailauth is missing", async () => {
    const script = new URL("without-mailauth.ts", import.meta.url).pathname;
    const child = spawn(process.execPath, ["-C", "@postroad/source", script], { stdio: ["ignore", "pipe", "inherit"] });
    const [out] = await Promise.all([text(child.stdout), once(child, "exit")]);
    expect(out.trim()).toBe("verify: needs mailauth, which is not installed: npm install mailauth");
  });
});
