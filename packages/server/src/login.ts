import { setTimeout as delay } from "node:timers/promises";
import { Refusal } from "@postroad/core";
import { CommandError, dismiss, refuse } from "./command-error.ts";
import type { Dialogue } from "./dialogue.ts";
import { expectSilence } from "./dialogue.ts";
import type { Tried } from "./login-exchange.ts";
import { barredLogin, exchangeOf } from "./login-exchange.ts";
import type { Answer } from "./reply.ts";
import { answer } from "./reply.ts";
import type { Exchange, Mechanism } from "./sasl/exchange.ts";
import { external } from "./sasl/external.ts";
import { login as loginMechanism, plain } from "./sasl/passwords.ts";
import { scram } from "./sasl/scram.ts";
import { oauthBearer, xoauth2 } from "./sasl/tokens.ts";
import { printable } from "./text.ts";
import type { Login } from "./types.ts";

const MECHANISMS: ReadonlyMap<string, Mechanism> = new Map([
  ["SCRAM-SHA-256-PLUS", scram(true)],
  ["SCRAM-SHA-256", scram(false)],
  ["PLAIN", plain],
  ["LOGIN", loginMechanism],
  ["OAUTHBEARER", oauthBearer],
  ["XOAUTH2", xoauth2],
  ["EXTERNAL", external],
]);

/** The mechanisms that can be used now, strongest first: none before TLS, and none after a login. */
export function mechanismsFor({ session, services, binding }: Dialogue): readonly string[] {
  const { mode, authenticator, cleartextAuth } = services.settings;
  if (mode !== "submission" || session.login !== undefined) return [];
  if (session.tls === undefined && !cleartextAuth) return [];
  const { password, scram: secrets, token, certificate } = authenticator;
  return [
    ...(secrets !== undefined && binding !== undefined ? ["SCRAM-SHA-256-PLUS"] : []),
    ...(secrets === undefined ? [] : ["SCRAM-SHA-256"]),
    ...(certificate !== undefined && session.tls?.certificate !== undefined ? ["EXTERNAL"] : []),
    ...(token === undefined ? [] : ["OAUTHBEARER", "XOAUTH2"]),
    ...(password === undefined ? [] : ["PLAIN", "LOGIN"]),
  ];
}

/** AUTH: a client says who it is, and proves it (RFC 4954 §4). */
export async function auth(args: string, dialogue: Dialogue): Promise<Answer> {
  const { session, services } = dialogue;
  const [name = "", initial, ...more] = args.trim().split(/ +/);
  expectOrder(dialogue);
  expectSilence(dialogue, "AUTH");
  const mechanism = MECHANISMS.get(name.toUpperCase());
  if (mechanism === undefined || !mechanismsFor(dialogue).includes(name.toUpperCase())) {
    throw refuse(504, "5.5.4", "not one of the mechanisms that EHLO names");
  }
  if (more.length > 0) throw refuse(501, "5.5.4", "AUTH takes a mechanism and one response");
  if (services.logins.barred(dialogue.clientKey)) throw barredLogin(dialogue);
  const tried: Tried = { user: undefined, counted: false };
  const login = await outcomeOf(mechanism, exchangeOf(dialogue, initial, tried), dialogue);
  services.settings.onEvent({
    kind: "login", session, mechanism: name.toUpperCase(), user: tried.user === undefined ? undefined : printable(tried.user, 255), accepted: login !== undefined,
  });
  if (login === undefined) throw await refusedLogin(dialogue, tried);
  session.login = login;
  return answer(235, "2.7.0", "logged in");
}

function expectOrder({ session, services, transaction, extended }: Dialogue): void {
  const { mode, cleartextAuth } = services.settings;
  if (mode !== "submission") throw refuse(502, "5.5.1", "there are no logins here");
  if (!extended) throw refuse(503, "5.5.1", "say EHLO first");
  if (session.tls === undefined && !cleartextAuth) throw refuse(538, "5.7.11", "STARTTLS first, so that nobody can read along");
  if (session.login !== undefined) throw refuse(503, "5.5.1", "you are logged in already");
  if (transaction !== undefined) throw refuse(503, "5.5.1", "not while a mail is under way");
}

/** Trouble of ours is no fault of the password (RFC 4954 §4.7.1): 454, so that nobody is asked for another. */
async function outcomeOf(mechanism: Mechanism, exchange: Exchange, { session, services }: Dialogue): Promise<Login | undefined> {
  try {
    return await mechanism(exchange);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    if (error instanceof Refusal && error.status.startsWith("5")) return undefined;
    services.settings.onEvent({ kind: "error", session, doing: "login", error });
    throw refuse(454, "4.7.0", "logins cannot be checked now, try again later");
  }
}

/** The more often it fails, the longer it takes; then it ends (RFC 4954 §4, §9). */
async function refusedLogin(dialogue: Dialogue, { counted }: Tried): Promise<CommandError> {
  const { services, clientKey } = dialogue;
  const { limits, timeouts } = services.settings;
  dialogue.loginFailures += 1;
  // Refused before anything was looked at, it has failed all the same.
  if (!counted) services.logins.failed(clientKey);
  if (timeouts.loginDelay > 0) await delay(timeouts.loginDelay * dialogue.loginFailures);
  if (dialogue.loginFailures >= limits.loginFailures) return dismiss(421, "4.7.0", "too many failed logins");
  return refuse(535, "5.7.8", "name or secret are wrong");
}
