import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Reply } from "@postroad/core";
import type { Capabilities } from "./capabilities.ts";
import { authMechanisms } from "./capabilities.ts";
import type { Channel } from "./channel.ts";
import { lost, refused } from "./failure.ts";
import type { Auth, TokenLogin } from "./login.ts";
import { isToken } from "./login.ts";
import type { Resolved } from "./options.ts";
import type { Mechanism, Place } from "./sasl.ts";
import { chooseMechanism, knownMechanisms } from "./sasl.ts";
import type { Binding } from "./scram.ts";

/**
 * Logs in (RFC 4954) with the strongest mechanism offered, and no weaker one after it. A refusal is our own
 * misconfiguration, so it is temporary: nobody's mail bounces over it.
 */
export async function logIn(channel: Channel, socket: Socket, options: Resolved, login: Auth, capabilities: Capabilities): Promise<void> {
  const { host, port } = options;
  const place = { host, port, binding: bindingOf(socket), offered: authMechanisms(capabilities) };
  let reply = await attempt(channel, login, place, options.timeouts.command, false);
  // A token may just have expired; a new one is worth a second try.
  if (reply.code === 535 && "token" in login && typeof login.token === "function") {
    reply = await attempt(channel, login, place, options.timeouts.command, true);
  }
  if (reply.code !== 235) throw refused(reply, channel.scene("auth"), LOGIN_REFUSED.has(reply.code) ? options.note : undefined);
}

/** What a service's note is about: wrong credentials, or a kind of them it does not take (RFC 4954 §6). */
const LOGIN_REFUSED: ReadonlySet<number> = new Set([534, 535]);

async function attempt(channel: Channel, login: Auth, place: Place, timeout: number, refresh: boolean): Promise<Reply> {
  const secret = await secretOf(channel, login, timeout, refresh);
  const mechanism = chooseMechanism(login, place, secret);
  if (mechanism === undefined) throw noneFits(channel, login, place);
  const initial = mechanism.initial === undefined ? [] : [base64(mechanism.initial) || "="];
  channel.hide([secret, base64(secret), ...initial]);
  const said = `AUTH ${mechanism.name}`;
  let reply = await exchange(channel, [said, ...initial].join(" "), initial.length === 0 ? said : `${said} ***`, timeout);
  for (let round = 0; reply.code === 334; round += 1) {
    const response = await mechanism.respond(Buffer.from(reply.text, "base64").toString("utf8"), round);
    if (response === undefined) return cancel(channel, mechanism, timeout);
    channel.hide(formsOf(response, mechanism));
    reply = await exchange(channel, base64(response), "***", timeout);
  }
  if (reply.code === 235 && mechanism.complete?.() === false) {
    throw lost("4.7.8", `the server let us in before ${mechanism.name} was complete: it has proved nothing`, channel.scene("auth"));
  }
  return reply;
}

/** `*` ends a login that makes no sense (RFC 4954 §4). */
async function cancel(channel: Channel, { name }: Mechanism, timeout: number): Promise<never> {
  await exchange(channel, "*", "*", timeout);
  throw lost("4.5.0", `the server sent a challenge that ${name} does not have`, channel.scene("auth"));
}

/** A proof can be tried against passwords at leisure, so the server's repeating it must not spread it. */
function formsOf(response: string, { name }: Mechanism): readonly string[] {
  const proof = name === "LOGIN" ? [] : [response, response.replace(/^.*(?: |p=)/s, "")];
  return [base64(response), ...proof];
}

/** The password, or a token that may have to be got first. */
async function secretOf(channel: Channel, login: Auth, timeout: number, refresh: boolean): Promise<string> {
  if (!("token" in login)) return "pass" in login ? login.pass : "";
  return typeof login.token === "string" ? login.token : tokenFrom(login.token, channel, timeout, refresh);
}

/** Somebody else's code: it may take forever, and give anything. */
async function tokenFrom(source: TokenSource, channel: Channel, timeout: number, refresh: boolean): Promise<string> {
  const late = (): void => channel.end(lost("4.7.0", `no access token came within ${timeout} ms`, channel.scene("auth")));
  const timer = setTimeout(late, timeout).unref();
  try {
    const token: unknown = await channel.during(Promise.resolve(source({ refresh })));
    if (isToken(token)) return token;
  } catch (error) {
    throw channel.reason ?? lost("4.7.0", "no access token could be got", channel.scene("auth"), error);
  } finally {
    clearTimeout(timer);
  }
  throw lost("4.7.0", "what the token function gave is no access token", channel.scene("auth"));
}

type TokenSource = Exclude<TokenLogin["token"], string>;

function noneFits(channel: Channel, login: Auth, { offered }: Place): Error {
  const offers = offered.length === 0 ? "no login at all" : `only ${offered.join(", ")}`;
  const wanted = login.method ?? knownMechanisms(login).join(", ");
  return lost("4.7.4", `the server offers ${offers}, and this login needs ${wanted}`, channel.scene("auth"));
}

async function exchange(channel: Channel, line: string, said: string, timeout: number): Promise<Reply> {
  channel.note(said);
  channel.write(`${line}\r\n`);
  const reply = await channel.reply("auth", timeout);
  if (reply.code >= 400 || reply.code === 235 || reply.code === 334) return reply;
  throw lost("4.5.0", `the server answered AUTH with ${reply.code}`, channel.scene("auth"));
}

/** RFC 9266 for TLS 1.3. Before it, the Finished message is unique unless the session was resumed (RFC 5929 §3). */
function bindingOf(socket: Socket): Binding | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  if (socket.getProtocol() === "TLSv1.3") {
    return { type: "tls-exporter", data: socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0)) };
  }
  const finished = socket.isSessionReused() ? undefined : socket.getFinished();
  return finished === undefined ? undefined : { type: "tls-unique", data: finished };
}

function base64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}
