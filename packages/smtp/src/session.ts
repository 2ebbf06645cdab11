import type { Socket } from "node:net";
import { isIPv6 } from "node:net";
import type { Reply } from "@postroad/core";
import { Refusal } from "@postroad/core";
import { logIn } from "./auth.ts";
import type { Capabilities } from "./capabilities.ts";
import { readCapabilities } from "./capabilities.ts";
import type { Channel } from "./channel.ts";
import { openChannel } from "./channel.ts";
import type { Secured } from "./dial.ts";
import { dial, remoteOf, secure } from "./dial.ts";
import type { Phase } from "./failure.ts";
import { lost, refused } from "./failure.ts";
import type { Resolved, SessionReport } from "./options.ts";

/** A connection that is greeted, protected and logged in as the options say: ready for MAIL. */
export interface Session {
  readonly channel: Channel;
  readonly capabilities: Capabilities;
  /** TLS with a certificate that was verified. */
  readonly verified: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Opens a session, or throws the Refusal that says why not; then nothing of it is left open. `onChannel` gets the
 * conversation as soon as there is one.
 */
export async function openSession(
  options: Resolved,
  signal: AbortSignal,
  onEnd: (reason: Refusal) => void,
  onChannel: (channel: Channel) => void = () => undefined,
): Promise<Session> {
  try {
    return await open(options, signal, onEnd, onChannel);
  } catch (error) {
    if (!signal.aborted && error instanceof Refusal) options.onSession?.({ remote: remoteOf(options), refusal: error });
    throw error;
  }
}

async function open(
  options: Resolved,
  signal: AbortSignal,
  onEnd: (reason: Refusal) => void,
  onChannel: (channel: Channel) => void,
): Promise<Session> {
  const plain = await dial(options, signal);
  const first = options.security === "tls" ? await secure(plain, options, signal) : undefined;
  const channel = openChannel(first?.socket ?? plain, remoteOf(options), onEnd);
  onChannel(channel);
  const abort = (): void => channel.end(lost("4.3.2", "aborted while connecting", channel.scene()));
  signal.addEventListener("abort", abort, { once: true });
  try {
    if (signal.aborted) abort();
    return await introduce(channel, plain, first, options, signal);
  } catch (error) {
    const reason = channel.reason ?? error;
    channel.end(lost("4.4.2", "closed by us", channel.scene()));
    throw reason;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function introduce(
  channel: Channel,
  plain: Socket,
  first: Secured | undefined,
  options: Resolved,
  signal: AbortSignal,
): Promise<Session> {
  const { security, auth, timeouts } = options;
  const name = options.name ?? literal(first?.socket ?? plain);
  await positive(channel, "greeting", timeouts.greeting);
  let capabilities = await hello(channel, name, options);
  let tls = first;
  if (security === "starttls" || security === "opportunistic") {
    tls = await startTls(channel, capabilities, options, signal);
    // What was said in plain text is forgotten (RFC 3207 §4.2).
    if (tls !== undefined) capabilities = await hello(channel, name, options);
  }
  const verified = tls?.verified === true;
  if (auth !== undefined) {
    if (!mayTellPassword(options, verified)) {
      throw lost("4.7.11", "name and password are not sent over a connection without verified TLS", channel.scene("auth"));
    }
    await logIn(channel, tls?.socket ?? plain, options, auth, capabilities);
  }
  options.onSession?.({ remote: channel.remote, ...(tls !== undefined && { tls: reportOf(tls) }) });
  return { channel, capabilities, verified, now: options.clock };
}

function reportOf({ socket, verified }: Secured): NonNullable<SessionReport["tls"]> {
  const fault = verified ? undefined : socket.authorizationError;
  return {
    protocol: socket.getProtocol() ?? "unknown",
    cipher: socket.getCipher().standardName,
    verified,
    // Typed as an Error, and the name of one in fact.
    ...(fault !== undefined && fault !== null && { fault: String(fault) }),
  };
}

function mayTellPassword(options: Resolved, verified: boolean): boolean {
  if (verified || options.insecureCleartextAuth) return true;
  return options.insecureAcceptAnyCertificate && options.security !== "opportunistic" && options.security !== "none";
}

/** EHLO, or HELO for a server that does not know EHLO (RFC 5321 §3.2); LHLO for LMTP (RFC 2033 §4.1). */
async function hello(channel: Channel, name: string, { protocol, timeouts }: Resolved): Promise<Capabilities> {
  const timeout = timeouts.command;
  const reply = await ask(channel, `${protocol === "lmtp" ? "LHLO" : "EHLO"} ${name}`, "ehlo", timeout);
  if (reply.code < 300) return readCapabilities(reply);
  const unknown = (reply.code === 500 || reply.code === 502) && protocol === "smtp";
  if (!unknown) throw refused(reply, channel.scene("ehlo"));
  const old = await ask(channel, `HELO ${name}`, "ehlo", timeout);
  if (old.code >= 400) throw refused(old, channel.scene("ehlo"));
  return new Map();
}

async function startTls(
  channel: Channel,
  capabilities: Capabilities,
  options: Resolved,
  signal: AbortSignal,
): Promise<Secured | undefined> {
  const required = options.security === "starttls";
  if (!capabilities.has("STARTTLS")) {
    if (!required) return undefined;
    throw lost("4.7.4", "the server offers no STARTTLS", channel.scene("starttls"));
  }
  const reply = await ask(channel, "STARTTLS", "starttls", options.timeouts.command);
  if (reply.code >= 400) {
    if (!required) return undefined;
    throw lost("4.7.4", `the server refused STARTTLS: ${reply.code}`, channel.scene("starttls"));
  }
  const plain = channel.detach();
  if (channel.reason !== undefined) throw channel.reason;
  const secured = await secure(plain, options, signal);
  channel.attach(secured.socket);
  return secured;
}

async function ask(channel: Channel, line: string, phase: Phase, timeout: number): Promise<Reply> {
  channel.note(line);
  channel.write(`${line}\r\n`);
  const reply = await channel.reply(phase, timeout);
  if (reply.code >= 300 && reply.code < 400) {
    throw lost("4.5.0", `the server answered with ${reply.code}, which makes no sense here`, channel.scene(phase));
  }
  return reply;
}

async function positive(channel: Channel, phase: Phase, timeout: number): Promise<void> {
  const reply = await channel.reply(phase, timeout);
  if (reply.code >= 400) throw refused(reply, channel.scene(phase));
  if (reply.code >= 300) throw lost("4.5.0", `the server began with ${reply.code}`, channel.scene(phase));
}

/** This host as an address literal, for hosts without a full name (RFC 5321 §4.1.3). */
function literal({ localAddress = "127.0.0.1" }: Socket): string {
  return isIPv6(localAddress) ? `[IPv6:${localAddress.replace(/%.*/, "")}]` : `[${localAddress}]`;
}
