import type { MxOptions, MxTransport, TlsObservation } from "@postroad/mx";
import { dnsResolver, mx } from "@postroad/mx";
import { X509Certificate, createHash } from "node:crypto";
import { beforeAll, describe, expect, inject, it } from "vitest";
import type { Dnssec, DnssecOptions } from "../harness/dnssec.ts";
import { startDnssec } from "../harness/dnssec.ts";
import { DEFERRED } from "../harness/mailbox.ts";
import { mailOf } from "../harness/mails.ts";
import type { Postfix } from "../harness/postfix.ts";
import { startPostfix } from "../harness/postfix.ts";

const missing = inject("missing");
const WRONG = `3 1 1 ${"00".repeat(32)}`;

describe.skipIf("postfix" in missing || "knot" in missing || "unbound" in missing)("mx: to Postfix, by Knot DNS and Unbound", () => {
  let postfix: Postfix;

  beforeAll(async () => {
    postfix = await startPostfix({ names: ["mx.example.test"] });
    return () => postfix[Symbol.asyncDispose]();
  });

  /** `3 1 1 …`: SHA-256 of the certificate's key. */
  function ownKey(): string {
    const { publicKey } = new X509Certificate(postfix.cert);
    return `3 1 1 ${createHash("sha256").update(publicKey.export({ type: "spki", format: "der" })).digest("hex")}`;
  }

  /** A zone whose mail exchanger is Postfix, and its TLSA record. */
  function zone(tlsa: string): readonly string[] {
    return ["@ MX 10 mx", "mx A 127.0.0.1", `_${postfix.ports.relay}._tcp.mx TLSA ${tlsa}`];
  }

  interface Sender extends AsyncDisposable {
    readonly transport: MxTransport;
    readonly observed: readonly TlsObservation[];
  }

  async function sender(dns: DnssecOptions, options: MxOptions = {}): Promise<Sender> {
    const dnssec: Dnssec = await startDnssec(dns);
    const observed: TlsObservation[] = [];
    const transport = mx({
      name: "client.example.test", port: postfix.ports.relay, resolver: dnsResolver({ servers: [dnssec.resolver] }), allow: ["127.0.0.0/8"], mtaSts: false,
      tlsReports: { record: (each) => void observed.push(each) }, ...options,
    });
    return {
      transport,
      observed,
      async [Symbol.asyncDispose]() {
        await transport[Symbol.asyncDispose]();
        await dnssec[Symbol.asyncDispose]();
      },
    };
  }

  it("M25 M28: a signed TLSA record vouches for the certificate, and the mail arrives by TLS", async () => {
    await using at = await sender({ records: zone(ownKey()) });
    const box = postfix.mailbox();
    const mail = mailOf({ to: [box.address] });
    const { outcomes } = await at.transport.send(mail);
    expect(outcomes).toMatchObject([{ kind: "accepted", by: "mx", remote: `mx.example.test[127.0.0.1]:${postfix.ports.relay}` }]);
    const [arrived] = await box.arrivals(1);
    expect(String(arrived?.trace)).toMatch(/TLSv1\.[23]/);
    expect(at.observed).toMatchObject([{ domain: "example.test", policy: { type: "tlsa", strings: [ownKey()] } }]);
    expect(at.observed[0]).not.toHaveProperty("failure");
  });

  it("M29: so does an authority that is in DNS, for a certificate with the host's name", async () => {
    const authority = new X509Certificate(postfix.ca).raw.toString("hex");
    await using at = await sender({ records: zone(`2 0 0 ${authority}`) });
    const { outcomes } = await at.transport.send(mailOf({ to: [postfix.mailbox().address] }));
    expect(outcomes).toMatchObject([{ kind: "accepted" }]);
  });

  it("M28: another certificate is refused, and nothing arrives", async () => {
    await using at = await sender({ records: zone(WRONG) });
    const { outcomes } = await at.transport.send(mailOf({ to: [postfix.mailbox().address] }));
    expect(outcomes).toMatchObject([{ kind: "deferred", status: "4.7.5", diagnosis: { phase: "tls", code: "DANE_TLSA_MISMATCH" } }]);
  });

  it.each([
    ["TLSA record", /\tTLSA\t/, "00000000", "ffffffff"],
    ["address", /^mx\.example\.test\.\s+\d+\tA\t/, "127.0.0.1", "127.0.0.9"],
    ["MX record", /^example\.test\.\s+\d+\tMX\t/, "10 ", "11 "],
  ])("M26: a forged %s is no answer: the mail waits", async (_, line, from, to) => {
    const forge = (text: string): string => (line.test(text) && !text.includes("RRSIG") ? text.replace(from, to) : text);
    await using at = await sender({ records: zone(WRONG), forge });
    const { outcomes } = await at.transport.send(mailOf({ to: [postfix.mailbox().address] }));
    expect(outcomes).toMatchObject([{ kind: "deferred", status: "4.4.3", diagnosis: { phase: "dns", code: "SERVFAIL" } }]);
  });

  it("M25: where the resolver has no proof, TLSA records count for nothing", async () => {
    await using at = await sender({ records: zone(WRONG), trusted: false });
    const { outcomes } = await at.transport.send(mailOf({ to: [postfix.mailbox().address] }));
    expect(outcomes).toMatchObject([{ kind: "accepted" }]);
    expect(at.observed).toMatchObject([{ policy: { type: "no-policy-found" } }]);
  });

  it("M31: the TLSA record is sought where a signed alias leads", async () => {
    const records = ["@ MX 10 alias", "alias CNAME mx", ...zone(ownKey()).slice(1)];
    await using at = await sender({ records });
    const { outcomes } = await at.transport.send(mailOf({ to: [postfix.mailbox().address] }));
    expect(outcomes).toMatchObject([{ kind: "accepted", remote: expect.stringContaining("alias.example.test") }]);
    expect(at.observed).toMatchObject([{ policy: { type: "tlsa" } }]);
  });

  it("M2 M8 M15 M16: what DNS and Postfix say of each recipient", async () => {
    const records = [...zone(ownKey()), "null MX 0 .", "bare TXT x", "lost MX 10 nowhere", "far MX 10 mx"];
    await using at = await sender({ records });
    const to = [postfix.mailbox().address, DEFERRED, "nobody@example.test", "a@no.example.test", "a@null.example.test", "a@bare.example.test", "a@lost.example.test", "a@far.example.test"];
    const { outcomes } = await at.transport.send(mailOf({ to }));
    expect(outcomes.map(({ kind, status }) => [kind, status])).toEqual([
      ["accepted", "2.0.0"], ["deferred", "4.3.0"], ["rejected", "5.1.1"], ["rejected", "5.1.2"], ["rejected", "5.1.10"], ["rejected", "5.1.2"], ["rejected", "5.4.4"],
      // Postfix relays for nobody.
      ["rejected", "5.7.1"],
    ]);
  });

  it("M16: a dead host is followed by the next", async () => {
    const records = [...zone(ownKey()), "@ MX 5 dead", "dead A 127.0.0.99"];
    await using at = await sender({ records });
    const { outcomes } = await at.transport.send(mailOf({ to: [postfix.mailbox().address] }));
    expect(outcomes).toMatchObject([{ kind: "accepted", remote: expect.stringContaining("mx.example.test") }]);
  });
});
