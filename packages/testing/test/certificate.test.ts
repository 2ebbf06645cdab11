import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { isIP } from "node:net";
import type { PeerCertificate } from "node:tls";
import { checkServerIdentity, connect, createServer } from "node:tls";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TestCertificate } from "../src/certificate.ts";
import { testAuthority, testCertificate } from "../src/certificate.ts";
import * as der from "../src/certificate/der.ts";
import { portOf } from "../src/peer/listener.ts";

/** Handshake of a verifying client against a real server: "ok", or the code of what it objects to. */
async function verdict({ key, cert }: TestCertificate, ca: string, host: string): Promise<string> {
  const listener = createServer({ key, cert, ciphers: "DEFAULT@SECLEVEL=0" }).on("tlsClientError", () => undefined);
  await once(listener.listen(0, "127.0.0.1"), "listening");
  const sni = isIP(host) === 0 ? { servername: host } : {};
  const checkName = (_: string, peer: PeerCertificate): Error | undefined => checkServerIdentity(host, peer);
  const client = connect({ port: portOf(listener), host: "127.0.0.1", ca, ...sni, checkServerIdentity: checkName });
  const outcome = await new Promise<string>((resolve) => {
    client.once("secureConnect", () => resolve("ok"));
    client.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  client.destroy();
  await new Promise((resolve) => listener.close(resolve));
  return outcome;
}

describe("test certificates", () => {
  it("a signed one is trusted by name and by address", async () => {
    const made = testCertificate({ names: ["mail.example", "*.wild.example", "127.0.0.1", "2001:db8::7"] });
    for (const host of ["mail.example", "a.wild.example", "127.0.0.1", "2001:db8::7"]) {
      expect(await verdict(made, made.ca, host)).toBe("ok");
    }
    expect(await verdict(made, made.ca, "other.example")).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
  });

  it("expired, not yet valid, self-signed, unknown signer and SHA-1 are told apart", async () => {
    const names = ["mail.example"];
    const authority = testAuthority();
    const by = (options: object): Promise<string> =>
      verdict(testCertificate({ names, issuer: authority, ...options }), authority.cert, "mail.example");
    expect(await by({})).toBe("ok");
    expect(await by({ expired: true })).toBe("CERT_HAS_EXPIRED");
    expect(await by({ notYetValid: true })).toBe("CERT_NOT_YET_VALID");
    expect(await by({ issuer: "self" })).toBe("DEPTH_ZERO_SELF_SIGNED_CERT");
    expect(await by({ issuer: testAuthority() })).toBe("UNABLE_TO_VERIFY_LEAF_SIGNATURE");
    expect(await by({ digest: "sha1" })).not.toBe("ok");
  });

  it("a self-signed one is trusted where it is itself the trust anchor", async () => {
    const made = testCertificate({ names: ["mail.example"], issuer: "self" });
    expect(await verdict(made, made.ca, "mail.example")).toBe("ok");
  });

  it("says who it is for, who signed it, and until when", () => {
    const authority = testAuthority();
    const made = new X509Certificate(testCertificate({ names: ["a.example", "::1"], issuer: authority }).cert);
    expect(made.subjectAltName).toBe("DNS:a.example, IP Address:0:0:0:0:0:0:0:1");
    expect(made.checkIssued(new X509Certificate(authority.cert))).toBe(true);
    expect(made.ca).toBe(false);
    const late = new X509Certificate(testCertificate({ now: new Date("2051-06-01T00:00:00Z") }).cert);
    expect(new Date(late.validTo).toISOString()).toBe("2051-07-01T00:00:00.000Z");
  });
});

describe("DER", () => {
  it("lengths take the shortest form", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 70_000 }), (size) => {
        const head = der.tlv(0x04, Buffer.alloc(size)).subarray(1, -size || undefined);
        const [first = 0, ...octets] = head;
        const shortest = size < 0x80 ? 1 : size < 0x100 ? 2 : size < 0x10000 ? 3 : 4;
        expect(head.length).toBe(shortest);
        expect(first < 0x80 ? first : octets.reduce((sum, octet) => sum * 256 + octet, 0)).toBe(size);
      }),
    );
  });

  it("integers keep their value, in the shortest form that is not negative", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.nat(3), (octets, zeros) => {
        const [, , ...content] = der.integer(Buffer.concat([Buffer.alloc(zeros), octets]));
        const value = (bytes: Iterable<number>): bigint => BigInt(`0x${Buffer.from([...bytes]).toString("hex")}`);
        expect(value(content)).toBe(value(octets));
        expect(content[0]).toBeLessThan(0x80);
        const padded = content.length > 1 && content[0] === 0 && (content[1] ?? 0) < 0x80;
        expect(padded).toBe(false);
      }),
    );
    expect(der.integer(0)).toEqual(Buffer.of(2, 1, 0));
  });

  it("encodes the examples of X.690", () => {
    expect(der.objectIdentifier("1.2.840.113549").toString("hex")).toBe("06062a864886f70d");
    expect(der.integer(128).toString("hex")).toBe("02020080");
    expect(der.integer(127).toString("hex")).toBe("02017f");
    expect(der.time(new Date("1998-12-31T23:59:59Z")).toString()).toBe("\u0017\r981231235959Z");
  });
});
