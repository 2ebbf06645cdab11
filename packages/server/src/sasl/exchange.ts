import type { TLSSocket } from "node:tls";
import type { Authenticator } from "../authenticator.ts";
import { refuse } from "../command-error.ts";
import type { Login, Session } from "../types.ts";

/** What a mechanism has to talk to the client and to look it up. */
export interface Exchange {
  readonly session: Session;
  readonly authenticator: Authenticator;
  /** Sent with AUTH itself (RFC 4954 §4), or undefined. */
  readonly initial: Buffer | undefined;
  /** Sends a challenge and gives the response. Throws where the client cancels or sends no base64. */
  ask(challenge: string): Promise<Buffer>;
  /** Whom the client claims to be, for logs, as soon as it is known. */
  claim(user: string): void;
  /**
   * Looks at the proof of whom was claimed: counted as a failure while it is under way, and after it where it gives nothing. Throws where
   * the limit is reached.
   */
  prove(look: () => Promise<Login | undefined> | Login | undefined, how?: ProofOptions): Promise<Login | undefined>;
  /** What ties the login to TLS (RFC 9266), for SCRAM-SHA-256-PLUS. */
  readonly binding: Buffer | undefined;
}

export interface ProofOptions {
  /** What was shown: where it is wrong, it counts once. */
  readonly secret?: string;
  /** It waits for its turn. */
  readonly costly?: true;
}

/** Gives the login, or undefined where name or secret are wrong. */
export type Mechanism = (exchange: Exchange) => Promise<Login | undefined>;

/** A response that is not what the mechanism says. */
export function malformed(): Error {
  return refuse(501, "5.5.2", "not a response of this mechanism");
}

/** Text of a response. Whoever sends what is not UTF-8 means something else than what would be read. */
export function textOf(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  if (text.includes("\ufffd")) throw malformed();
  return text;
}

/** RFC 9266: known to both ends of this TLS connection and to nobody between. */
export function bindingOf(socket: TLSSocket): Buffer | undefined {
  if (socket.getProtocol() !== "TLSv1.3") return undefined;
  return socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
}
