import type { Content, Mail } from "@postroad/core";
import { contentOf, envelope } from "@postroad/core";
import { fake } from "@postroad/testing/fake";
import { Buffer } from "node:buffer";
import type { DKIMResult } from "mailauth";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";
import type { DkimOptions, KeyPair, ResolveTxt, Signer } from "../src/index.ts";
import { dkim, dnsRecord, generateKey } from "../src/index.ts";

export const rsaKey: KeyPair = await generateKey();
export const edKey: KeyPair = await generateKey({ type: "ed25519" });

/** Signers in the name of shop.example. */
export const rsa: Signer = { domain: "shop.example", selector: "r1", key: rsaKey.privateKey };
export const ed: Signer = { domain: "shop.example", selector: "e1", key: edKey.privateKey };

/** The header of an ordinary mail, without the empty line behind it. */
export const HEADER: readonly string[] = [
  "From: Shop <hi@shop.example>",
  "To: Ann <ann@example.net>",
  "Subject: Your order",
  "Date: Sun, 22 Nov 2026 08:00:00 +0000",
  "Message-ID: <1@shop.example>",
  "MIME-Version: 1.0",
  "Content-Type: text/plain; charset=utf-8",
];

export function bytesOf(header: readonly string[] = HEADER, body: string = "Thanks!\r\n"): Buffer {
  return Buffer.from([...header, "", body].join("\r\n"));
}

export function mailOf(content: Content | Uint8Array = bytesOf()): Mail {
  const given = content instanceof Uint8Array ? contentOf(content) : content;
  return { id: "1", envelope: envelope("hi@shop.example", ["ann@example.net"]), content: given, meta: { tenant: "t" } };
}

/** Signs, and gives what left. Throws the outcome where nothing did. */
export async function signed(
  signers: Parameters<typeof dkim>[0],
  content: Content | Uint8Array = bytesOf(),
  options: DkimOptions = {},
): Promise<Buffer> {
  const next = fake();
  await using pipeline = dkim(signers, options)(next);
  const { outcomes } = await pipeline.send(mailOf(content));
  const bytes = next.calls[0]?.bytes;
  if (bytes === undefined) throw new Error(JSON.stringify(outcomes[0]), { cause: outcomes[0] });
  return Buffer.from(bytes);
}

/** DNS that has the records of these signers, and nothing else. */
export function dnsOf(...signers: readonly Signer[]): ResolveTxt {
  const zone = new Map(signers.map((signer) => [dnsRecord(signer).name, dnsRecord(signer).strings]));
  return (name) => {
    const strings = zone.get(name);
    return strings === undefined ? Promise.reject(Object.assign(new Error(name), { code: "ENOTFOUND" })) : Promise.resolve([strings]);
  };
}

/** What mailauth makes of a mail, signature by signature. */
export async function judge(bytes: Buffer, resolveTxt: ResolveTxt, clock: number = Date.now()): Promise<readonly DKIMResult[]> {
  const resolver = async (name: string): Promise<string[][]> => (await resolveTxt(name)).map((strings) => [...strings]);
  return (await dkimVerify(bytes, { resolver, strict: true, curTime: new Date(clock) })).results;
}

/** The results alone, e.g. `["pass", "pass"]`. */
export async function verdicts(bytes: Buffer, ...signers: readonly Signer[]): Promise<readonly string[]> {
  return (await judge(bytes, dnsOf(...signers))).map(({ status }) => status.result);
}

/** The tags of the first field of that name. */
export function tagsOf(bytes: Uint8Array, name: string = "DKIM-Signature"): ReadonlyMap<string, string> {
  const [, value = ""] = new RegExp(`^${name}:((?:.|\\r\\n[ \\t])*)\\r\\n`, "m").exec(Buffer.from(bytes).toString("latin1")) ?? [];
  return new Map(value.split(";").map((tag) => {
    const [key = "", ...rest] = tag.split("=");
    return [key.trim(), rest.join("=").replaceAll(/\s/g, "")];
  }));
}

/** Content that gives its bytes in pieces, each after a turn of the event loop. */
export function inPieces(bytes: Uint8Array, size: number = 100): Content {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.byteLength; at += size) {
      await Promise.resolve();
      yield bytes.subarray(at, at + size);
    }
  }
  return { size: bytes.byteLength, open: pieces };
}
