import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { bodyHash } from "../src/canonical-body.ts";
import type { Canonical } from "../src/canonical-header.ts";
import { canonicalField } from "../src/canonical-header.ts";
import { fieldsOf } from "../src/header.ts";
import { lines } from "../src/lines.ts";
import { signingKey } from "../src/private-key.ts";
import { select } from "../src/select.ts";
import { signatureOf } from "../src/signature.ts";
import { dnsRecord } from "../src/index.ts";
import { RFC6376, RFC8463 } from "./vectors.ts";

/** Makes the signatures of a signed message once more: by the list, the canonicalization and the rest of each. */
async function signAgain(message: string, key: string, selector: string): Promise<{ readonly given: string; readonly made: string; readonly bh: string }> {
  const [header = "", body = ""] = message.split(/(?<=\r\n)\r\n([^]*)/);
  const fields = fieldsOf(header);
  const own = fields.find(({ name, line }) => name === "dkim-signature" && line.includes(`s=${selector};`));
  if (own === undefined) throw new Error(`nothing is signed by ${selector}`);
  const tag = (name: string): string => new RegExp(`[;\\s]${name}=([^;]*)`).exec(own.line)?.[1]?.replaceAll(/\s/g, "") ?? "";
  const [how = "simple", bodyHow = "simple"] = tag("c").split("/").map((word): Canonical => (word === "relaxed" ? "relaxed" : "simple"));
  // A name in h= once more than the field occurs adds nothing.
  const names = [...new Set(tag("h").toLowerCase().split(":"))];
  const { fields: signed } = select(fields, names.map((name) => ({ name, oversign: "never" as const })));
  const unsigned = { ...own, line: own.line.replace(/([;\s]b=)[^;]*?(?=;|\r\n$)/, "$1") };
  const hash = bodyHash(bodyHow);
  lines(hash.push).push(Buffer.from(body, "latin1"));
  expect(hash.digest()).toBe(tag("bh"));
  const made = await signatureOf(signingKey(key), [...signed, unsigned].map((field) => canonicalField(field, how)));
  return { given: tag("b"), made, bh: tag("bh") };
}

describe("vectors of the RFCs", () => {
  it("D3: the Ed25519 signature of RFC 8463, appendix A, bit by bit", async () => {
    const { given, made } = await signAgain(RFC8463.message, RFC8463.ed25519Seed, "brisbane");
    expect(made).toBe(given);
  });

  it("D13: the RSA signature of RFC 8463, appendix A, bit by bit", async () => {
    const { given, made } = await signAgain(RFC8463.message, RFC8463.rsaKey, "test");
    expect(made).toBe(given);
  });

  it("D1: the RSA signature of RFC 6376, appendix A.2, over the canonical form simple/simple", async () => {
    const { given, made } = await signAgain(RFC6376.message, RFC6376.rsaKey, "brisbane");
    expect(made).toBe(given);
  });

  it("D3: the record of RFC 8463, appendix A.2: p= is the 32 bytes of the key", () => {
    const { name, value } = dnsRecord({ domain: "football.example.com", selector: "brisbane", key: RFC8463.ed25519Seed });
    expect(name).toBe("brisbane._domainkey.football.example.com");
    expect(value).toBe("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
  });

  it("D4: the example of RFC 6376 §3.4.5 in both canonical forms", () => {
    const fields = fieldsOf("A: X\r\nB : Y\t\r\n\tZ  \r\n");
    expect(fields.map((field) => canonicalField(field, "relaxed")).join("")).toBe("a:X\r\nb:Y Z\r\n");
    expect(fields.map((field) => canonicalField(field, "simple")).join("")).toBe("A: X\r\nB : Y\t\r\n\tZ  \r\n");
    const body = " C \r\nD \t E\r\n\r\n\r\n";
    expect(hashed("relaxed", body)).toBe(sha256(" C\r\nD E\r\n"));
    expect(hashed("simple", body)).toBe(sha256(" C \r\nD \t E\r\n"));
  });

  it("D4: the empty body of RFC 6376 §3.4.3 and §3.4.4: a CRLF in simple, nothing in relaxed", () => {
    for (const body of ["", "\r\n", "\r\n\r\n\r\n"]) {
      expect(hashed("simple", body)).toBe("frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=");
      expect(hashed("relaxed", body)).toBe("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }
  });
});

function hashed(how: Canonical, body: string): string {
  const hash = bodyHash(how);
  lines(hash.push).push(Buffer.from(body, "latin1"));
  return hash.digest();
}

function sha256(text: string): string {
  return createHash("sha256").update(Buffer.from(text, "latin1")).digest("base64");
}
