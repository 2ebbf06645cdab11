import type { Connection } from "./connection.ts";
import * as rules from "./model-rules.ts";
import type { Fault, ModelMessage, ModelPeerOptions, ModelStep } from "./model-types.ts";
import type { Transcript } from "./transcript.ts";

/** Where a session reports to. */
export interface Ledger {
  readonly log: Transcript;
  violation(text: string): void;
  take(message: ModelMessage): void;
}

interface Transaction {
  readonly from: string;
  readonly parameters: readonly string[];
  readonly to: rules.Path[];
  readonly chunks: Buffer[];
}

/** One connection and its state (RFC 5321 §4.1.4). */
export interface Live {
  readonly connection: Connection;
  readonly options: ModelPeerOptions;
  readonly number: number;
  readonly ledger: Ledger;
  /** Replies that wait for the end of a pipelined group (RFC 2920 §3.2). */
  readonly out: string[];
  greeted: boolean;
  user: string | undefined;
  transaction: Transaction | undefined;
  over: boolean;
}

/** Replies, or does what the test wants instead; `accept` runs where the reply is positive. Is it? */
export async function answer(live: Live, step: ModelStep, line: string, usual: string, accept?: () => void): Promise<boolean> {
  const { transaction, number } = live;
  const to = transaction?.to.map(({ address }) => address) ?? [];
  const wish = await live.options.on?.({ step, line, reply: usual, connection: number, from: transaction?.from, to });
  const { reply = usual, ...fault } = typeof wish === "string" ? { reply: wish } : (wish ?? {});
  const positive = /^[23]/.test(reply) || reply === "";
  if (positive) accept?.();
  if ("drop" in fault) await breakOff(live, reply, fault);
  else if (reply !== "") live.out.push(`${reply}\r\n`);
  return positive && !live.over;
}

async function breakOff(live: Live, reply: string, { drop, reset }: Fault): Promise<void> {
  await flush(live);
  const whole = reply === "" ? "" : `${reply}\r\n`;
  const length = { before: 0, mid: whole.length >> 1, after: whole.length }[drop];
  live.out.push(whole.slice(0, length));
  await flush(live);
  live.ledger.log.note(`dropped ${drop} the reply ${reply}`);
  if (reset === true) live.connection.reset();
  live.over = true;
}

export async function flush({ out, connection, ledger }: Live): Promise<void> {
  const bytes = Buffer.from(out.splice(0).join(""));
  if (bytes.length > 0) ledger.log.sent(bytes, await connection.write(bytes));
}

export function announced({ options, connection }: Live): readonly string[] {
  return rules.extensions(options, connection.tls !== undefined);
}

export async function nextLine(live: Live): Promise<string | undefined> {
  const { inbox } = live.connection;
  if (!inbox.hasLine) await flush(live);
  const line = await inbox.line();
  if (line !== undefined) live.ledger.log.received(line.text);
  return line?.text;
}

export function mayPipeline(live: Live, after: string): void {
  const early = live.connection.inbox.size > 0 && !announced(live).includes("PIPELINING");
  if (early) violation(live, `pipelined behind ${after}, which was not announced`);
}

export function violation({ ledger }: Live, text: string): void {
  ledger.violation(text);
  ledger.log.note(`violation: ${text}`);
}
