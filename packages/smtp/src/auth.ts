import type { Reply } from "@postroad/core";
import type { Capabilities } from "./capabilities.ts";
import { authMechanisms } from "./capabilities.ts";
import type { Channel } from "./channel.ts";
import { lost, refused } from "./failure.ts";
import type { Login } from "./options.ts";

/** A SASL mechanism at work (RFC 4422). */
interface Mechanism {
  readonly name: string;
  /** Sent along with AUTH (RFC 4954 §4). */
  readonly initial?: string;
  /** Answers to the server's challenges, in order. More challenges than these end the login. */
  readonly responses: readonly string[];
}

/** Strongest first: the first one that the server offers is used, and no other after it. */
const MECHANISMS: readonly ((login: Login) => Mechanism)[] = [
  ({ user, pass }) => ({ name: "PLAIN", initial: `\0${user}\0${pass}`, responses: [] }),
  ({ user, pass }) => ({ name: "LOGIN", responses: [user, pass] }),
];

/** Logs in (RFC 4954). A refusal is our own misconfiguration, so it is temporary: nobody's mail bounces over it. */
export async function logIn(channel: Channel, login: Login, offered: Capabilities, timeout: number): Promise<void> {
  const mechanism = choose(channel, login, offered);
  const initial = mechanism.initial === undefined ? [] : [mechanism.initial];
  channel.hide([login.pass, ...[login.pass, login.user, ...initial].map(base64)]);
  const command = ["AUTH", mechanism.name, ...initial.map(base64)].join(" ");
  let reply = await exchange(channel, command, mechanism.initial === undefined ? command : `AUTH ${mechanism.name} ***`, timeout);
  let left = mechanism.responses;
  for (let next = left[0]; reply.code === 334 && next !== undefined; next = left[0]) {
    left = left.slice(1);
    reply = await exchange(channel, base64(next), "***", timeout);
  }
  if (reply.code === 334) {
    await exchange(channel, "*", "*", timeout);
    throw lost("4.5.0", `the server asks for more than ${mechanism.name} has to say`, channel.scene("auth"));
  }
  if (reply.code !== 235) throw refused(reply, channel.scene("auth"));
  if (left.length > 0) throw lost("4.5.0", "the server let us in without asking for the password", channel.scene("auth"));
}

function choose(channel: Channel, login: Login, offered: Capabilities): Mechanism {
  const names = authMechanisms(offered);
  const mechanism = MECHANISMS.map((make) => make(login)).find(({ name }) => names.includes(name));
  if (mechanism !== undefined) return mechanism;
  const offers = names.length === 0 ? "no login at all" : `only ${names.join(", ")}`;
  throw lost("4.7.4", `the server offers ${offers}; PLAIN or LOGIN is needed`, channel.scene("auth"));
}

async function exchange(channel: Channel, line: string, said: string, timeout: number): Promise<Reply> {
  channel.note(said);
  channel.write(`${line}\r\n`);
  const reply = await channel.reply("auth", timeout);
  if (reply.code >= 400 || reply.code === 235 || reply.code === 334) return reply;
  throw lost("4.5.0", `the server answered AUTH with ${reply.code}`, channel.scene("auth"));
}

function base64(text: string): string {
  return text === "" ? "=" : Buffer.from(text, "utf8").toString("base64");
}
