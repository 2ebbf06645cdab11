import type { Connection, TlsFacts } from "./connection.ts";
import type { Ending } from "./inbox.ts";
import type { Transcript } from "./transcript.ts";

/** A whole line, a pattern for one, or a function that knows. */
export type Expectation = string | RegExp | ((line: string) => boolean);

/** What a waiting step waits for: a promise, or the abort of a signal. */
export type Gate = PromiseLike<unknown> | AbortSignal;

/** Content as it was sent, and as it was meant. */
export interface PeerMessage {
  /** What was on the wire: dots doubled, the final dot line included. The same as `content` where it came by BDAT. */
  readonly raw: Buffer;
  readonly content: Buffer;
}

/** What is known of one connection; it grows while the conversation goes on. */
export interface PeerSession {
  /** The lines that steps expected, in order, without CRLF. Content is not among them. */
  readonly received: readonly string[];
  /** The same lines, grouped by the read of the socket that completed them. TCP may split what was one write. */
  readonly groups: readonly (readonly string[])[];
  /** All bytes received, after decryption; the first 16 MiB of them. */
  readonly raw: Buffer;
  readonly messages: readonly PeerMessage[];
  /** Undefined while in the clear. */
  readonly tls: TlsFacts | undefined;
  /** The conversation so far, `C: ` and `S: ` in front. */
  readonly transcript: readonly string[];
  /** Resolves when a client has connected. */
  readonly opened: Promise<void>;
  /** Resolves when the script has been played to its end, rejects where the conversation took another course. */
  readonly done: Promise<void>;
  /** How the client closed, once both sides are closed. */
  readonly closed: Promise<Ending>;
}

/** What a step works with. */
export interface Stage {
  readonly connection: Connection;
  readonly session: PeerSession;
  readonly log: Transcript;
  /** The next line; fails where the connection ends first. */
  readonly line: (wanted: string) => Promise<string>;
  /** The conversation took another course: `got` came, or the connection ended where undefined. */
  readonly fail: (wanted: string, got: string | undefined) => never;
  readonly message: (message: PeerMessage) => void;
  /** Octets of a BDAT; the last one makes a message of all since the one before. */
  readonly chunk: (octets: Buffer, last: boolean) => void;
  /** The client may say what it likes from now on. */
  readonly hangUp: () => void;
}

/** One step of a script. */
export interface Step {
  /** As a person would say it; shown where a conversation went wrong. */
  readonly text: string;
  /** What an output step sends. */
  readonly bytes?: Buffer;
  /** At the head of a script it takes the place of the handshake that `implicitTls` begins with. */
  readonly bare?: boolean;
  play(stage: Stage): Promise<void>;
}
