import type { Content, Mail, Outcome, Receipt } from "@postroad/core";
import { Refusal, mailboxKey, receipt, verdictOf } from "@postroad/core";
import type { Dialogue } from "./dialogue.ts";
import { nobody } from "./events.ts";
import { refuseLoop } from "./header.ts";
import type { Arrived } from "./incoming.ts";
import { joined } from "./incoming.ts";
import { answerFor, answersFor, ownFault } from "./outcome-answers.ts";
import { receivedField } from "./received.ts";
import type { Answer } from "./reply.ts";
import { wireForm } from "./reply.ts";
import { submitted } from "./submission.ts";
import type { OpenTransaction } from "./transaction.ts";

/**
 * Hands a message to the transport, and says what it says. Nothing is promised before the transport has taken
 * responsibility (RFC 5321 §6.1); once it has, a client that is gone changes nothing.
 */
export async function deliver(dialogue: Dialogue, transaction: OpenTransaction, arrived: Arrived): Promise<readonly Answer[]> {
  const { session, services } = dialogue;
  const { settings, newId } = services;
  const id = newId();
  const draft = mailOf(id, transaction, joined(arrived.head, arrived.body));
  let mail = draft;
  let report: Receipt;
  try {
    const whole = completed(draft, arrived, transaction, dialogue);
    mail = whole instanceof Promise ? await whole : whole;
    for (const { message } of settings.policies) mail = (await message?.(mail, transaction)) ?? mail;
    report = await sent(mail, dialogue);
  } catch (error) {
    if (!(error instanceof Refusal)) settings.onEvent({ kind: "error", session, doing: "message", error });
    report = receipt(draft, error instanceof Refusal ? verdictOf(error, "server") : ownFault);
  }
  learn(report, draft.content.size ?? 0, transaction, dialogue);
  const said = answersTo(mail, report, transaction, dialogue);
  const answers = said instanceof Promise ? await said : said;
  if (settings.onEvent !== nobody) {
    const reply = answers.map(wireForm).join("").trimEnd();
    settings.onEvent({ kind: "mail", session, id, size: draft.content.size ?? 0, receipt: report, reply });
  }
  return answers;
}

/** Who declares less than they send, or more, is taken at the larger: only that much is known not to fit. */
function learn({ outcomes }: Receipt, size: number, { parameters }: OpenTransaction, { services: { room } }: Dialogue): void {
  const [first, second] = outcomes;
  const only = first === undefined || second !== undefined ? undefined : mailboxKey(first.recipient);
  if (outcomes.every(isLackOfRoom)) room.lacked(Math.max(size, parameters.size ?? 0), only);
  else if (outcomes.some(({ kind }) => kind === "accepted")) room.had(size);
}

/** Of the whole system, as RFC 3463 §3.4 has it; one full mailbox is 4.2.2. And of ours: what another server says in a reply is about itself. */
function isLackOfRoom({ kind, status, reply }: Outcome): boolean {
  return kind === "deferred" && status === "4.3.1" && reply === undefined;
}

function mailOf(id: string, { session, from, recipients, parameters }: OpenTransaction, content: Content): Mail {
  const { ret, envid, smtputf8, requireTls } = parameters;
  const meta = session.login === undefined ? {} : { ...session.login.meta, user: session.login.user };
  if (ret === undefined && envid === undefined && smtputf8 === undefined && requireTls === undefined) {
    return { id, envelope: { from, to: recipients }, content, meta };
  }
  const dsn = { ...(ret !== undefined && { ret }), ...(envid !== undefined && { envid }) };
  return {
    id,
    envelope: {
      from,
      to: recipients,
      ...(smtputf8 !== undefined && { smtputf8 }),
      ...(requireTls !== undefined && { requireTls }),
      ...(Object.keys(dsn).length > 0 && { dsn }),
    },
    content,
    meta,
  };
}

/** The mail with what has to be in its header. Throws a Refusal for one that goes in circles, or in another's name. */
function completed(draft: Mail, { head, body }: Arrived, transaction: OpenTransaction, dialogue: Dialogue): Mail | Promise<Mail> {
  const { session, services, extended } = dialogue;
  const { settings } = services;
  refuseLoop(head, settings.limits.received);
  const trace = receivedField(transaction, settings.hostname, draft.id, extended, new Date(settings.clock()));
  const { id, envelope, meta } = draft;
  const under = (header: Buffer): Mail => ({ id, envelope, content: joined(behind(trace, header), body), meta });
  return session.mode === "submission" ? submitted(head, session, settings, draft.id).then(under) : under(head);
}

/** The bytes with ASCII in front. */
function behind(text: string, bytes: Buffer): Buffer {
  const all = Buffer.allocUnsafe(text.length + bytes.byteLength);
  all.write(text, "latin1");
  bytes.copy(all, text.length);
  return all;
}

function sent(mail: Mail, { services }: Dialogue): Promise<Receipt> {
  return services.settings.to.send(mail, { signal: services.sendPatience() });
}

type Answers = readonly Answer[];

function answersTo(mail: Mail, report: Receipt, transaction: OpenTransaction, { session, services }: Dialogue): Answers | Promise<Answers> {
  const { settings } = services;
  if (session.mode === "lmtp") return answersFor(transaction.accepted, report);
  const said = answerFor(mail, report, settings, (error) => settings.onEvent({ kind: "error", session, doing: "bounce", error }));
  return said instanceof Promise ? said.then((answer) => [answer]) : [said];
}
