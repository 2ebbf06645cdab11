import type { Mail, Outcome, Receipt, Rules, SendOptions, Transport } from "@postroad/core";
import { checkOptions, isObject, merge, narrow, pick } from "@postroad/core";
import type { Health } from "./health.ts";
import { health as newHealth } from "./health.ts";
import type { Ask } from "./members.ts";
import { choosing } from "./members.ts";
import { checkMembers, isTransport, several } from "./several.ts";

export interface FailoverOptions {
  /** What is known of the transports; share it between composites. @default health() */
  readonly health?: Health;
}

const rules: Rules<FailoverOptions> = { health: isObject };

/**
 * Sends to the first transport, and what that defers to the next. Each recipient for itself: who was accepted,
 * rejected, or is in doubt goes nowhere else. A transport without connection is passed over for a while, unless all are.
 */
export function failover<M extends Mail>(...transports: readonly Transport<M>[]): Transport<M>;
export function failover<M extends Mail>(
  ...transportsThenOptions: readonly [...transports: readonly Transport<M>[], options: FailoverOptions]
): Transport<M>;
export function failover<M extends Mail>(...given: readonly (Transport<M> | FailoverOptions)[]): Transport<M> {
  const last = given.at(-1);
  const options = last === undefined || isMember(last) ? {} : last;
  const members = (options === last ? given.slice(0, -1) : given).filter(isMember);
  checkMembers("failover", options === last ? given.slice(0, -1) : given);
  checkOptions("failover", options, rules);
  const { health = newHealth() } = options;
  const name = `failover(${members.map((member) => member.name).join(" ")})`;
  const send = choosing<M>(name, members, health, (mail, sending, ask) => inOrder(members, health, mail, sending, ask));
  return several(name, members, "any", send);
}

function isMember<M extends Mail>(given: Transport<M> | FailoverOptions): given is Transport<M> {
  return isTransport(given);
}

async function inOrder<M extends Mail>(
  members: readonly Transport<M>[],
  health: Health,
  mail: M,
  options: SendOptions,
  ask: Ask<M>,
): Promise<Receipt> {
  const passedOver: Transport<M>[] = [];
  let report: Receipt | undefined;
  let left = mail.envelope.to;
  let anybodyAnswered = false;

  async function attempt(member: Transport<M>): Promise<void> {
    const part = narrow(mail, left);
    const answer = await ask(member, part, options);
    report = report === undefined ? answer.report : merge(mail, report, answer.report);
    left = pick(part, answer.report, precedesAcceptance);
    anybodyAnswered ||= answer.sign !== "failed";
  }

  const goesOn = (): boolean => left.length > 0 && (report === undefined || options.signal?.aborted !== true);
  for (const member of members) {
    if (!goesOn()) break;
    if (health.state(member) === "down") passedOver.push(member);
    else await attempt(member);
  }
  // Better to ask those that seem to be down than nobody at all.
  for (const member of passedOver) if (goesOn() && !anybodyAnswered) await attempt(member);
  return report ?? merge(mail);
}

/** Proof that nobody has this recipient's mail yet: a deferral without doubt. */
function precedesAcceptance(outcome: Outcome): boolean {
  return outcome.kind === "deferred" && outcome.uncertain !== true;
}
