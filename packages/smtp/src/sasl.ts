import { createHmac } from "node:crypto";
import type { Auth, CertificateLogin, Login, TokenLogin } from "./login.ts";
import type { Binding } from "./scram.ts";
import { scram } from "./scram.ts";

/** One run of a SASL mechanism (RFC 4422): what to say first, and what to each challenge. */
export interface Mechanism {
  readonly name: string;
  /** Sent along with AUTH (RFC 4954 §4); without it the server speaks first. */
  readonly initial?: string;
  /** The answer to the challenge of this round, counted from 0; undefined where there is nothing more to say. */
  respond(challenge: string, round: number): string | undefined | Promise<string | undefined>;
  /** False while something is left to say or to prove, so that a 235 is worth nothing. Without it, any 235 will do. */
  readonly complete?: () => boolean;
}

/** Where the login takes place. */
export interface Place {
  readonly host: string;
  readonly port: number;
  /** What ties the login to this TLS connection, where there is one. */
  readonly binding: Binding | undefined;
  /** Names the server offers, in upper case. */
  readonly offered: readonly string[];
}

interface Offer<A extends Auth> {
  readonly name: string;
  make(login: A, place: Place, secret: string): Mechanism;
}

/** Strongest first: a password that never travels before one that does. */
const PASSWORD: readonly Offer<Login>[] = [
  { name: "SCRAM-SHA-256-PLUS", make: (login, { binding }) => scram(login, binding, true) },
  {
    name: "SCRAM-SHA-256",
    // With a binding and no PLUS offered, the proof says so: a server whose offer was cut short notices (RFC 5802 §6).
    make: (login, { binding, offered }) => scram(login, offered.includes("SCRAM-SHA-256-PLUS") ? undefined : binding, false),
  },
  { name: "CRAM-MD5", make: cramMd5 },
  { name: "PLAIN", make: ({ user, pass }) => ({ name: "PLAIN", initial: `\0${user}\0${pass}`, respond: silence }) },
  { name: "LOGIN", make: ({ user, pass }) => dialogue("LOGIN", [() => user, () => pass]) },
];

const TOKEN: readonly Offer<TokenLogin>[] = [
  { name: "OAUTHBEARER", make: oauthBearer },
  { name: "XOAUTH2", make: xoauth2 },
];

const CERTIFICATE: readonly Offer<CertificateLogin>[] = [
  { name: "EXTERNAL", make: ({ user = "" }) => ({ name: "EXTERNAL", initial: user, respond: silence }) },
];

/** Names of the mechanisms this kind of login knows, strongest first. */
export function knownMechanisms(login: Auth): readonly string[] {
  return offersFor(login).map(({ name }) => name);
}

/** The strongest mechanism that the server offers, or the one the login names. `secret` is the token, if it takes one. */
export function chooseMechanism(login: Auth, place: Place, secret: string): Mechanism | undefined {
  if ("token" in login) return pickFrom(TOKEN, login, place, secret);
  return "pass" in login ? pickFrom(PASSWORD, login, place, secret) : pickFrom(CERTIFICATE, login, place, secret);
}

function pickFrom<A extends Auth>(offers: readonly Offer<A>[], login: A, place: Place, secret: string): Mechanism | undefined {
  const usable = offers.filter(({ name }) => {
    if (login.method !== undefined && login.method !== name) return false;
    return place.offered.includes(name) && (name !== "SCRAM-SHA-256-PLUS" || place.binding !== undefined);
  });
  return usable[0]?.make(login, place, secret);
}

function offersFor(login: Auth): readonly Offer<never>[] {
  if ("token" in login) return TOKEN;
  return "pass" in login ? PASSWORD : CERTIFICATE;
}

function silence(): undefined {
  return undefined;
}

/** Answers to challenges, all of which have to be asked for. */
function dialogue(name: string, answers: readonly ((challenge: string) => string)[]): Mechanism {
  let said = 0;
  return {
    name,
    complete: () => said === answers.length,
    respond(challenge, round) {
      said = Math.min(round + 1, answers.length);
      return answers[round]?.(challenge);
    },
  };
}

/** RFC 2195: an HMAC of the challenge stands for the password. */
function cramMd5({ user, pass }: Login): Mechanism {
  return dialogue("CRAM-MD5", [(challenge) => `${user} ${createHmac("md5", pass).update(challenge).digest("hex")}`]);
}

/** RFC 7628 §3.1. After an error in a challenge the client says \x01, and the server refuses (§3.2.3). */
function oauthBearer({ user }: TokenLogin, { host, port }: Place, token: string): Mechanism {
  const name = user.replaceAll("=", "=3D").replaceAll(",", "=2C");
  return {
    name: "OAUTHBEARER",
    initial: `n,a=${name},\x01host=${host}\x01port=${port}\x01auth=Bearer ${token}\x01\x01`,
    respond: (_, round) => (round === 0 ? "\x01" : undefined),
  };
}

/** Google's and Microsoft's form of it. After an error in a challenge the client says nothing, and the server refuses. */
function xoauth2({ user }: TokenLogin, _place: Place, token: string): Mechanism {
  return {
    name: "XOAUTH2",
    initial: `user=${user}\x01auth=Bearer ${token}\x01\x01`,
    respond: (_, round) => (round === 0 ? "" : undefined),
  };
}
