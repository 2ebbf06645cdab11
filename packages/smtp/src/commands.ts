import type { Envelope, Recipient } from "@postroad/core";
import { Refusal } from "@postroad/core";
import type { Body } from "./body.ts";
import type { Capabilities } from "./capabilities.ts";
import { timeParameters } from "./extensions.ts";
import { typedAddress, xtext } from "./xtext.ts";

/** What the envelope commands depend on beside the envelope. */
export interface Session {
  readonly capabilities: Capabilities;
  /** TLS with a verified certificate. */
  readonly verified: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** `MAIL FROM` of a checked path, with the parameters the server offers (RFC 5321 §4.1.1.2). Throws a Refusal where one is missing. */
export function mailCommand(envelope: Envelope, from: string, body: Body, { capabilities, verified, now }: Session): string {
  let line = `MAIL FROM:<${from}>`;
  if (body.size !== undefined && capabilities.has("SIZE")) line += ` SIZE=${body.size}`;
  if (body.eightBit !== "no" && capabilities.has("8BITMIME")) line += " BODY=8BITMIME";
  if (envelope.smtputf8 === true || body.utf8Header || isUtf8(from)) line += utf8Parameter(capabilities);
  else if (capabilities.has("SMTPUTF8") && envelope.to.some(({ address }) => isUtf8(localPart(address)))) line += UTF8;
  if (envelope.requireTls === true) line += requireTlsParameter(capabilities, verified);
  line += timeParameters(envelope, capabilities, now());
  if (envelope.dsn !== undefined && capabilities.has("DSN")) line += dsnParameters(envelope.dsn);
  return `${line}\r\n`;
}

/** `RCPT TO` (RFC 5321 §4.1.1.3). Throws a Refusal for a path that this server cannot take. */
export function rcptCommand({ notify, originalRecipient }: Recipient, path: string, capabilities: Capabilities): string {
  if (isUtf8(path)) utf8Parameter(capabilities);
  let line = `RCPT TO:<${path}>`;
  if (notify !== undefined && notify.length > 0 && capabilities.has("DSN")) {
    line += ` NOTIFY=${(notify === "never" ? ["never"] : notify).join(",").toUpperCase()}`;
  }
  if (originalRecipient !== undefined && capabilities.has("DSN")) {
    line += ` ORCPT=${typedAddress(originalRecipient)}`;
  }
  return `${line}\r\n`;
}

/** Refuses before sending what the server has announced it cannot take (RFC 1870 §6.3, RFC 6152 §3). */
export function checkBody(body: Body, capabilities: Capabilities, limit: number | undefined): void {
  if (limit !== undefined && body.size !== undefined && body.size > limit) {
    throw new Refusal("5.3.4", `the message has ${body.size} bytes, the server takes ${limit}`, {
      phase: "mail",
      advice: "Send large files as links, or split the message.",
    });
  }
  if (body.eightBit === "yes" && !capabilities.has("8BITMIME")) {
    throw new Refusal("5.6.3", "the message has 8-bit bytes and the server does not offer 8BITMIME", {
      phase: "mail",
      advice: "Encode the body as quoted-printable or base64 before it is signed.",
    });
  }
}

function isUtf8(text: string): boolean {
  return /[^ -~]/.test(text);
}

function localPart(address: string): string {
  return address.slice(0, address.lastIndexOf("@") + 1);
}

const UTF8 = " SMTPUTF8";

function utf8Parameter(capabilities: Capabilities): string {
  if (capabilities.has("SMTPUTF8")) return UTF8;
  throw new Refusal("5.6.7", "an address or header field needs SMTPUTF8, which the server does not offer", {
    phase: "mail",
    advice: "Use an ASCII address for this recipient, or a relay that supports SMTPUTF8 (RFC 6531).",
  });
}

function requireTlsParameter(capabilities: Capabilities, verified: boolean): string {
  if (verified && capabilities.has("REQUIRETLS")) return " REQUIRETLS";
  const missing = verified ? "the server does not offer REQUIRETLS" : "the connection has no verified TLS";
  throw new Refusal("5.7.30", `the message requires TLS all the way, but ${missing}`, { phase: "mail" });
}

function dsnParameters({ ret, envid }: NonNullable<Envelope["dsn"]>): string {
  const parameters = ret === undefined ? "" : ` RET=${ret.toUpperCase()}`;
  return envid === undefined ? parameters : `${parameters} ENVID=${xtext(envid)}`;
}
