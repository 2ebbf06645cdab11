import type { Content, Envelope, Mail, Outcome, Receipt, Recipient } from "@postroad/core";
import { contentOf, envelope } from "@postroad/core";
import type { ScriptedPeer, ScriptedPeerOptions } from "@postroad/testing/peer";
import { scriptedPeer } from "@postroad/testing/peer";
import { expect } from "vitest";
import type { SmtpOptions, SmtpTransport } from "../src/index.ts";
import { smtp } from "../src/index.ts";

export const TEXT = "Subject: hi\r\n\r\nhello\r\n";
export const FROM = "ann@a.example";
export const TO = "bob@b.example";

let count = 0;

export interface MailParts {
  readonly from?: string;
  readonly to?: readonly (string | Recipient)[];
  readonly content?: string | Uint8Array | Content;
  readonly rest?: Omit<Envelope, "from" | "to">;
}

export function mail({ from = FROM, to = [TO], content = TEXT, rest = {} }: MailParts = {}): Mail {
  count += 1;
  const isContent = typeof content === "object" && "open" in content;
  return {
    id: `mail-${count}`,
    envelope: envelope(from, to, rest),
    content: isContent ? content : contentOf(Buffer.from(content)),
    meta: {},
  };
}

/** Content that yields these chunks asynchronously. */
export function streamed(chunks: Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>, size?: number): Content {
  return {
    ...(size !== undefined && { size }),
    async *open() {
      for await (const chunk of chunks) yield Buffer.from(chunk);
    },
  };
}

/** A transport to `peer` in plain text with one connection. */
export function plain(peer: { readonly port: number }, options: Partial<SmtpOptions> = {}): SmtpTransport {
  return smtp({ host: "127.0.0.1", port: peer.port, security: "none", name: "client.example", pool: 1, ...options });
}

export type Build = Parameters<ScriptedPeer["session"]>[0];

/** One scripted connection. */
export async function scripted(build: Build, options: ScriptedPeerOptions = {}): Promise<ScriptedPeer> {
  const peer = await scriptedPeer(options);
  peer.session(build);
  return peer;
}

/** The first outcome, which must be there. */
export function first({ outcomes }: Receipt): Outcome {
  const [outcome] = outcomes;
  if (outcome === undefined) throw new Error("no outcome");
  return outcome;
}

export function kinds({ outcomes }: Receipt): readonly string[] {
  return outcomes.map(({ kind }) => kind);
}

/** What is thrown, or an error where nothing is. */
export async function thrownBy(work: Promise<unknown> | (() => unknown)): Promise<Error> {
  try {
    await (typeof work === "function" ? work() : work);
  } catch (error) {
    if (error instanceof Error) return error;
    throw new Error(`not an error: ${String(error)}`, { cause: error });
  }
  throw new Error("nothing was thrown");
}

/** A deferral that says nothing may have been delivered. */
export function expectCertainDeferral(outcome: Outcome): void {
  expect(outcome.kind).toBe("deferred");
  expect("uncertain" in outcome && outcome.uncertain).toBe(false);
}

export function expectUncertain(outcome: Outcome): void {
  expect(outcome).toMatchObject({ kind: "deferred", uncertain: true });
}

/** Resolves when `test` holds, looked at whenever the loop has turned. */
export async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setImmediate(resolve));
}

export function portOf(server: { address(): unknown }): number {
  const address = server.address();
  if (typeof address === "object" && address !== null && "port" in address) return Number(address.port);
  throw new Error("not listening on a port");
}
