// Signs a mail with a body of 100 MB, which comes as a stream, in a process of its own: body-process.ts <contender>
import { Buffer } from "node:buffer";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { compose, deliver, envelope, receipt, transport } from "@postroad/core";
import { dkim, generateKey } from "@postroad/dkim";
import { DkimSignStream } from "mailauth/lib/dkim/sign.js";
import { bytesOf, plainMail, prose } from "../harness/mails.ts";
import { tell } from "../harness/worker.ts";

const CHUNK = 64 * 1024;
const head = bytesOf(plainMail(1, ""), 1);
const body = Buffer.from(prose(CHUNK).replaceAll("\n", "\r\n"));
const { privateKey: key } = await generateKey({ type: "ed25519" });

async function* chunks(size: number): AsyncGenerator<Uint8Array> {
  yield head;
  for (let sent = 0; sent < size; sent += body.byteLength) {
    await Promise.resolve();
    yield body;
  }
}

const SIGNERS: Readonly<Record<string, (size: number) => Promise<number>>> = {
  async postroad(size) {
    let left = 0;
    const sink = transport("sink", async (mail) => {
      for await (const chunk of mail.content.open()) left += chunk.byteLength;
      return receipt(mail, { kind: "accepted", status: "2.0.0", by: "sink" });
    });
    await using signing = compose(dkim({ domain: "shop.example", selector: "s", key }), sink);
    const to = envelope("orders@shop.example", ["ann@example.net"]);
    await deliver(signing, { id: "1", envelope: to, content: { open: () => chunks(size) }, meta: {} });
    return left;
  },
  async mailauth(size) {
    let left = 0;
    const signer = { signingDomain: "shop.example", selector: "s", privateKey: key, canonicalization: "relaxed/relaxed" };
    const sink = new Writable({
      write(chunk: Buffer, _, done) {
        left += chunk.byteLength;
        done();
      },
    });
    await pipeline(Readable.from(chunks(size)), new DkimSignStream({ ...signer, signatureData: [{ ...signer }] }), sink);
    return left;
  },
};

const sign = SIGNERS[process.argv[2] ?? ""];
if (sign === undefined) throw new Error(`there is no signer ${process.argv[2]}`);
// Idle is after a first mail: with everything loaded and compiled.
await sign(10_000_000);
const idle = process.memoryUsage.rss();
const start = performance.now();
const size = await sign(100_000_000);
if (size < 100_000_000) throw new Error(`only ${size} bytes left`);
tell({
  time: (performance.now() - start) / 1000,
  "peak memory above idle": process.resourceUsage().maxRSS * 1024 - idle,
});
process.disconnect();
