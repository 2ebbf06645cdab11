// Signs a body of 200 MB that nobody holds, reads what comes out, and tells how much memory that took.
import type { Mail } from "@postroad/core";
import { deliver, envelope, receipt, transport } from "@postroad/core";
import { Buffer } from "node:buffer";
import { dkim, generateKey } from "../src/index.ts";

const HEAD = Buffer.from("From: hi@shop.example\r\nSubject: Large\r\n\r\n");
const CHUNK = Buffer.from("A line of the text, with  white space at its end \r\n".repeat(1000));

function mailOf(size: number): Mail {
  async function* open(): AsyncGenerator<Uint8Array> {
    yield HEAD;
    for (let sent = 0; sent < size; sent += CHUNK.byteLength) {
      await Promise.resolve();
      yield CHUNK;
    }
  }
  return { id: String(size), envelope: envelope("hi@shop.example", ["ann@example.net"]), content: { open }, meta: {} };
}

let size = 0;
const sink = transport("sink", async (mail) => {
  size = 0;
  for await (const chunk of mail.content.open()) size += chunk.byteLength;
  return receipt(mail, { kind: "accepted", status: "2.0.0", by: "sink" });
});
const { privateKey } = await generateKey({ type: "ed25519" });
await using pipeline = dkim({ domain: "shop.example", selector: "s", key: privateKey })(sink);
// What 20 MB take is what the process needs anyway.
await deliver(pipeline, mailOf(20_000_000));
const before = process.resourceUsage().maxRSS;
await deliver(pipeline, mailOf(200_000_000));
console.log(size, (process.resourceUsage().maxRSS - before) * 1024);
