// Every package as it is built, on the Node that runs this: it loads, and the main job is done.
import { testCertificate } from "../../packages/testing/src/certificate.ts";
import { modelPeer } from "../../packages/testing/src/peer.ts";
import { dkim, generateKey } from "../../packages/dkim/src/index.ts";
import { otel } from "../../packages/otel/src/index.ts";
import { retry } from "../../packages/retry/src/index.ts";
import { failover } from "../../packages/routing/src/index.ts";
import { limit, timeout } from "../../packages/shaping/src/index.ts";
import { smtp } from "../../packages/smtp/src/index.ts";
import { compose, createMailer } from "../../packages/postroad/src/index.ts";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";

const files: unknown = JSON.parse(process.env.POSTROAD_DIST ?? "[]");

describe("packages", () => {
  for (const file of Array.isArray(files) ? files : []) {
    it(`loads ${file}`, async () => {
      const loaded: unknown = await import(pathToFileURL(String(file)).href);
      expect(Object.keys(Object(loaded)).length).toBeGreaterThan(0);
    });
  }

  it("are there to be loaded", () => expect(files).not.toHaveLength(0));
});

describe("the main job", () => {
  it("a composed mail, signed, goes over TLS to who takes it, and its outcomes come back", async () => {
    const certificate = testCertificate();
    const key = await generateKey({ type: "ed25519" });
    await using peer = await modelPeer({ tls: certificate, recipients: { "no@b.example": "550 5.1.1 no" } });
    const server = smtp({ host: "localhost", port: peer.port, tls: { ca: certificate.ca } });
    const signed = dkim({ domain: "a.example", selector: "s1", key: key.privateKey });
    await using mailer = createMailer(compose(otel(), retry(), timeout(60_000), limit({ concurrency: 5 }), signed, failover(server)), { from: "Ann <ann@a.example>" });
    const receipt = await mailer.send({ to: "Bob <bob@b.example>", subject: "Grüße", text: "Hallo", html: "<p>Hallo</p>" });
    expect(receipt.outcomes).toMatchObject([{ kind: "accepted" }]);
    expect(peer.messages.map(({ secure, content }) => [secure, content.toString("latin1", 0, 15)])).toEqual([[true, "DKIM-Signature:"]]);
    await expect(mailer.send({ to: "no@b.example", subject: "x", text: "x" })).rejects.toThrow("5.1.1");
  });
});
