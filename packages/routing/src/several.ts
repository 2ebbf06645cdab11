import type { Mail, Receipt, Recipient, Send, SendOptions, Transport } from "@postroad/core";
import { ConfigError, Refusal, transport } from "@postroad/core";

/** How many of its members a composite needs to be able to send. */
export type Needs = "any" | "all";

/** A transport over several, which it then owns: each is disposed once. Asks them in `check`, one after the other. */
export function several<M extends Mail>(
  name: string,
  members: readonly Transport<M>[],
  needs: Needs,
  send: Send<M>,
): Transport<M> {
  const distinct = [...new Set(members)];
  return transport(name, send, {
    check: (options) => (needs === "all" ? checkAll(distinct, options) : checkAny(name, distinct, options)),
    dispose: () => disposeAll(distinct),
  });
}

/** Throws a ConfigError unless these are transports, at least one. */
export function checkMembers(subject: string, members: readonly unknown[]): void {
  const issues = members.flatMap((member, index) =>
    isTransport(member) ? [] : [{ path: `[${index}]`, message: "must be a transport" }],
  );
  if (members.length === 0) issues.push({ path: "", message: "needs at least one transport" });
  if (issues.length > 0) throw new ConfigError(subject, issues);
}

export function isTransport(value: unknown): boolean {
  return typeof value === "object" && value !== null && "send" in value && typeof value.send === "function";
}

/**
 * A member's receipt: one outcome for each recipient even where the member breaks the contract, throws or forgets
 * somebody, so that what others accepted is not lost with it.
 */
export async function sendTo<M extends Mail>(member: Transport<M>, mail: M, options: SendOptions): Promise<Receipt> {
  return transport<M>(member.name, (given, sending) => member.send(given, sending)).send(mail, options);
}

/** Nothing was sent because an option of ours does not work: never a reason to bounce anybody's mail. */
export function misconfigured(message: string, cause?: unknown): Refusal {
  return new Refusal("4.3.5", message, cause === undefined ? {} : { cause });
}

/** An address without what RFC 5321 §4.1.2 never allows in one; everything else is for the peer to judge. */
export function isAddress(value: unknown): value is Recipient["address"] {
  return typeof value === "string" && value !== "" && !/[\p{Cc}<>]/u.test(value);
}

async function checkAll<M extends Mail>(members: readonly Transport<M>[], options: SendOptions): Promise<void> {
  for (const member of members) await member.check(options);
}

async function checkAny<M extends Mail>(
  name: string,
  members: readonly Transport<M>[],
  options: SendOptions,
): Promise<void> {
  const errors: unknown[] = [];
  for (const member of members) {
    try {
      return await member.check(options);
    } catch (error) {
      errors.push(error);
    }
  }
  const first = errors.find((error) => error instanceof Refusal);
  const reasons = errors.map((error, index) => `${members[index]?.name}: ${error instanceof Error ? error.message : "?"}`);
  throw new Refusal(first?.status ?? "4.3.0", `nothing in ${name} can send; ${reasons.join("; ")}`, {
    cause: new AggregateError(errors),
  });
}

async function disposeAll<M extends Mail>(members: readonly Transport<M>[]): Promise<void> {
  const settled = await Promise.allSettled(members.map((member) => member[Symbol.asyncDispose]()));
  const errors = settled.flatMap((result): readonly unknown[] => (result.status === "rejected" ? [result.reason] : []));
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors, "transports failed to close");
}
