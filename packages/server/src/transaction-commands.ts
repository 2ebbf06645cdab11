import type { Recipient } from "@postroad/core";
import type { Answer } from "./reply.ts";
import { answer } from "./reply.ts";
import type { Dialogue } from "./dialogue.ts";
import { dismiss, refuse } from "./command-error.ts";
import { mailParameters, rcptParameters } from "./parameters.ts";
import { forwardPath, reversePath } from "./path.ts";
import { OpenTransaction } from "./transaction.ts";
import type { Policy, SenderCheck } from "./types.ts";

/** MAIL: a mail begins (RFC 5321 §4.1.1.2). */
export function mail(args: string, dialogue: Dialogue): Answer | Promise<Answer> {
  const { session, services } = dialogue;
  const { settings } = services;
  if (session.hello === undefined) throw refuse(503, "5.5.1", `say ${session.mode === "lmtp" ? "LHLO" : "EHLO"} first`);
  if (dialogue.transaction !== undefined) throw refuse(503, "5.5.1", "a mail has begun already");
  if (session.mode === "submission" && session.login === undefined) throw needsLogin(dialogue);
  if (dialogue.mails >= settings.limits.mails) throw dismiss(421, "4.7.0", "enough mails over this connection, open another");
  const path = reversePath(args);
  if (path === undefined) throw refuse(501, "5.1.7", "MAIL FROM:<mailbox> is what is understood");
  const parameters = mailParameters(path.rest);
  if ((parameters.size ?? 0) > settings.limits.size) throw refuse(552, "5.3.4", `a message has at most ${settings.limits.size} octets`);
  if (!services.room.has(parameters.size)) throw refuse(452, "4.3.1", "no room for a message now, try again later");
  if (parameters.requireTls === true && session.tls === undefined) throw refuse(530, "5.7.10", "REQUIRETLS needs TLS here too");
  expectAscii(path.address, parameters.smtputf8);
  const begin = (): Answer => {
    dialogue.transaction = new OpenTransaction(session, path.address, parameters);
    dialogue.mails += 1;
    return SENDER_OK;
  };
  return settings.sender === undefined && settings.policies.length === 0 ? begin() : permit(path.address, dialogue).then(begin);
}

const SENDER_OK = answer(250, "2.1.0", "sender ok");

function needsLogin({ session, services }: Dialogue): Error {
  const canLogin = session.tls !== undefined || services.settings.cleartextAuth;
  return refuse(530, "5.7.0", canLogin ? "log in first, with AUTH" : "log in first: STARTTLS, then AUTH");
}

async function permit(address: string, dialogue: Dialogue): Promise<void> {
  const { session, services } = dialogue;
  const { sender, policies } = services.settings;
  if (sender !== undefined) await expectOwn(address, sender, dialogue);
  for (const policy of policies) await policy.sender?.(address, session);
}

/** RFC 6409 §6.1: nobody sends in another's name. Reports have no sender. */
async function expectOwn(address: string, sender: SenderCheck, { session }: Dialogue): Promise<void> {
  if (address === "" || session.login === undefined) return;
  if (!(await sender(address, session.login, session))) {
    throw refuse(550, "5.7.1", `${session.login.user} may not send as ${address}`);
  }
}

/** RCPT: one more recipient (RFC 5321 §4.1.1.3). */
export function rcpt(args: string, dialogue: Dialogue): Answer | Promise<Answer> {
  const { transaction, services } = dialogue;
  if (transaction === undefined) throw refuse(503, "5.5.1", "say MAIL first");
  if (transaction.chunks !== undefined) throw refuse(503, "5.5.1", "the message has begun already");
  const path = forwardPath(args);
  if (path === undefined) throw refuse(501, "5.1.3", "RCPT TO:<mailbox> is what is understood");
  const parameters = rcptParameters(path.rest);
  expectAscii(path.address, transaction.parameters.smtputf8);
  if (transaction.accepted.length >= services.settings.limits.recipients) {
    throw refuse(452, "4.5.3", "too many recipients for one mail, send another to the rest");
  }
  const bare = path.address === "postmaster";
  const recipient = { address: bare ? `postmaster@${services.settings.hostname}` : path.address, ...parameters };
  const take = (): Answer => {
    transaction.add(recipient);
    return RECIPIENT_OK;
  };
  const checked = bare ? undefined : checkRecipient(recipient, transaction, dialogue);
  return checked === undefined ? take() : checked.then(take);
}

const RECIPIENT_OK = answer(250, "2.1.5", "recipient ok");

/** A local part that names another host asks to be sent on from here (RFC 5321 §3.6.1, appendix F.2). */
const ROUTED = /[%!@]/;

/** Nothing to wait for where the answer is there at once. */
function checkRecipient(recipient: Recipient, transaction: OpenTransaction, { session, services }: Dialogue): Promise<void> | undefined {
  const { recipient: check, policies } = services.settings;
  const local = recipient.address.slice(0, recipient.address.lastIndexOf("@"));
  const routed = session.mode === "mx" && ROUTED.test(local);
  const known = routed ? false : check(recipient, transaction);
  if (known === true && policies.length === 0) return undefined;
  // Whoever is locked out has to be able to say so (RFC 5321 §4.5.1).
  return judge(recipient, known, local.toLowerCase() === "postmaster" ? [] : policies, transaction);
}

async function judge(recipient: Recipient, known: boolean | Promise<boolean>, policies: readonly Policy[], transaction: OpenTransaction): Promise<void> {
  if (!(await known)) throw refuse(550, "5.7.1", `no mail is taken for ${recipient.address}`);
  for (const policy of policies) await policy.recipient?.(recipient, transaction);
}

function expectAscii(address: string, smtputf8: true | undefined): void {
  if (smtputf8 !== true && /[^ -~]/.test(address)) throw refuse(550, "5.6.7", "such an address needs SMTPUTF8");
}

/** RSET: back to before MAIL (RFC 5321 §4.1.1.5). */
export async function rset(args: string, dialogue: Dialogue): Promise<Answer> {
  if (args.trim() !== "") throw refuse(501, "5.5.4", "RSET takes no argument");
  await reset(dialogue);
  return answer(250, "2.0.0", "ok");
}

/** Sender, recipients and chunks go together or not at all. */
export async function reset(dialogue: Dialogue): Promise<void> {
  const { transaction } = dialogue;
  dialogue.transaction = undefined;
  await transaction?.chunks?.release();
}
