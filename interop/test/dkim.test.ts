import { compose, contentOf, deliver, readAll } from "@postroad/core";
import type { DnsRecord, KeyPair, Signer } from "@postroad/dkim";
import { dkim, dnsRecord, generateKey, verify } from "@postroad/dkim";
import { createMessage } from "@postroad/message";
import { smtp } from "@postroad/smtp";
import { fake } from "@postroad/testing/fake";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { mailOf } from "../harness/mails.ts";
import { openDkimResults } from "../harness/opendkim.ts";
import { startPostfix } from "../harness/postfix.ts";
import { SAMPLES, closed } from "../harness/samples.ts";

let pair: KeyPair;
let small: KeyPair;
beforeAll(async () => {
  [pair, small] = await Promise.all([generateKey(), generateKey({ type: "ed25519" })]);
});

function rsa(canonicalization: Signer["canonicalization"] = "relaxed/relaxed"): Signer {
  return { domain: "example.com", selector: "r1", key: pair.privateKey, canonicalization };
}

function records(...signers: readonly Signer[]): readonly DnsRecord[] {
  return signers.map((signer) => dnsRecord(signer));
}

async function signed(signers: readonly Signer[], body: string | Buffer): Promise<Buffer> {
  const next = fake();
  await using pipeline = compose(dkim(signers), next);
  await deliver(pipeline, mailOf({ to: ["ann@example.net"], body }));
  return Buffer.from(next.calls[0]?.bytes ?? []);
}

describe.skipIf("opendkim" in inject("missing"))("OpenDKIM", () => {
  it.for(["relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"] as const)(
    "D4, D9: verifies what is signed %s, whatever the body",
    async (canonicalization) => {
      const signer = rsa(canonicalization);
      for (const { title, body } of SAMPLES) {
        expect(await openDkimResults(closed(await signed([signer], body)), records(signer)), title).toEqual(["pass"]);
      }
    },
  );

  it("D4: does not verify what was changed", async () => {
    const mail = await signed([rsa()], "Hello.\r\n");
    const changed = Buffer.from(mail.toString("latin1").replace("Hello.", "Hullo."), "latin1");
    expect(await openDkimResults(changed, records(rsa()))).toEqual(["fail"]);
    const added = Buffer.concat([Buffer.from("Cc: other@example.net\r\n"), mail]);
    expect(await openDkimResults(added, records(rsa()))).toEqual(["fail"]);
  });

  it("D13: verifies the RSA signature beside one of Ed25519, in either order", async () => {
    const ed25519: Signer = { domain: "example.com", selector: "e1", key: small.privateKey };
    for (const signers of [[rsa(), ed25519], [ed25519, rsa()]]) {
      expect(await openDkimResults(await signed(signers, "Hello.\r\n"), records(...signers))).toContain("pass");
    }
  });
});

describe.skipIf("postfix" in inject("missing") || "opendkim" in inject("missing"))("after the way through Postfix", () => {
  it.for(["relay", "data"] as const)("D9: the signature holds (%s)", async (port) => {
    await using postfix = await startPostfix();
    const signer = rsa("simple/simple");
    const box = postfix.mailbox();
    await using pipeline = compose(dkim(signer), smtp({ host: "127.0.0.1", port: postfix.ports[port], security: "none" }));
    await deliver(pipeline, createMessage({
      from: "Jörg <sender@example.com>",
      to: box.address,
      subject: "Grüße aus Köln",
      text: ".\n..\n.dots\n\nspaces  \n\n\n",
      html: "<p>Grüße</p>",
      attachments: [{ filename: "data.bin", content: Buffer.alloc(100_000, "abc\0") }],
    }));
    const [arrived] = await box.arrivals(1);
    const content = contentOf(arrived?.content ?? Buffer.alloc(0));
    expect(await openDkimResults(await readAll(content), records(signer))).toEqual(["pass"]);
    const resolveTxt = (): Promise<readonly (readonly string[])[]> => Promise.resolve([dnsRecord(signer).strings]);
    expect(await verify({ content }, { resolveTxt })).toMatchObject({ passed: true });
  });
});
