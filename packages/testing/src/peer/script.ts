import type { TlsOptions } from "node:tls";
import type { Expectation, Gate, PeerSession, Step } from "./stage.ts";
import * as steps from "./steps.ts";

/**
 * The server's side of one conversation, written down in advance. Each call adds a step; steps are played in order.
 * Lines that arrive early (pipelined) wait for the step that expects them.
 */
export interface Script {
  /** Sends a reply: the lines given, each ended by CRLF, in one write. */
  reply(...lines: readonly string[]): Script;
  /** Sends these bytes and nothing else. Strings go out as UTF-8. */
  send(bytes: string | Uint8Array): Script;
  /** Sends the last reply or send in pieces of `size` bytes, each in its own write. */
  split(size: number): Script;
  /** Sends the last reply or send in pieces cut at these offsets, each in its own write. */
  splitAt(...offsets: readonly number[]): Script;
  /** Sends `chunk` again and again at the pace the client reads: `times` times, or for as long as it is there. */
  flood(chunk: string | Uint8Array, times?: number): Script;
  /** Greets, expects EHLO and announces these extensions: how most sessions begin. */
  greet(...extensions: readonly string[]): Script;
  /** Answers 334 with this text in base64 (RFC 4954 §4). */
  challenge(text: string): Script;

  /** The next line is this one. A string is the whole line, without its CRLF. */
  expect(line: Expectation): Script;
  /** These lines, in order, all of them before the next reply: proof that the client pipelines them. */
  expectGroup(...lines: readonly Expectation[]): Script;
  /** `AUTH mechanism`, with this initial response in base64 (`=` for an empty one) where given. */
  expectAuth(mechanism: string, initialResponse?: string): Script;
  /** The next line is the base64 of this text. */
  expectBase64(text: string): Script;
  /** Content after a 354, up to and with the final dot; ends up in `session.messages`. */
  expectData(check?: (content: Buffer) => void): Script;
  /** `BDAT size` and its octets (RFC 3030 §2); chunks up to the one marked LAST become one of `session.messages`. */
  expectBdat(expected?: { readonly size?: number; readonly last?: boolean }): Script;
  /** The next `count` bytes, whatever they are; they are thrown away. Default 1. */
  expectBytes(count?: number): Script;
  /**
   * Nothing unread has arrived, and nothing arrives until the gate opens. Without a gate the peer lets every other
   * task of this process run once and looks: enough to catch a client that did not wait for its reply.
   */
  expectSilence(until?: Gate): Script;
  /** The client closes the connection without another line. */
  expectEnd(): Script;

  /** Goes on when the gate opens. */
  wait(until: Gate): Script;
  /** Calls the test at this point of the conversation and waits for what it returns. */
  call(action: (session: PeerSession) => unknown): Script;
  /** Stops reading, so that the client's writes back up. */
  pauseReading(): Script;
  resumeReading(): Script;
  /** Reads and throws away whatever comes, says nothing, until the client closes. */
  ignore(): Script;

  /** A TLS handshake, after the 220 to STARTTLS. The peer's own certificate, where none is given. */
  upgrade(tls?: TlsOptions): Script;
  /** A TLS handshake that the client must break off, or end the connection right behind. */
  expectRefusedUpgrade(tls?: TlsOptions): Script;

  /** FIN: says nothing more, still reads. */
  halfClose(): Script;
  /** FIN, and what still arrives when the script is at its end is thrown away. */
  drop(): Script;
  /** RST. Bytes just sent may be lost with it. */
  reset(): Script;

  /** Adds the steps of a fragment, `times` times. */
  use(fragment: (script: Script, index: number) => unknown, times?: number): Script;
}

/** The steps that `build` wrote. */
export function stepsOf(build: (script: Script) => unknown, tls: TlsOptions | undefined): readonly Step[] {
  const list: Step[] = [];
  build(writer(list, tls));
  return list;
}

function writer(list: Step[], tls: TlsOptions | undefined): Script {
  const add = (...more: readonly Step[]): Script => {
    list.push(...more);
    return script;
  };

  function cut(offsets: (length: number) => readonly number[]): Script {
    const last = list.at(-1);
    if (last?.bytes === undefined) throw new TypeError("split() and splitAt() stand right behind a reply or send");
    list[list.length - 1] = steps.output(last.bytes, offsets(last.bytes.length));
    return script;
  }

  function certificate(given: TlsOptions | undefined): TlsOptions {
    const options = given ?? tls;
    if (options === undefined) throw new TypeError("upgrade() needs a certificate, here or in scriptedPeer({ tls })");
    return options;
  }

  const script: Script = {
    reply: (...lines) => add(steps.output(Buffer.from(`${lines.join("\r\n")}\r\n`))),
    send: (bytes) => add(steps.output(Buffer.from(bytes))),
    split: (size) => cut((length) => Array.from({ length: Math.ceil(length / size) - 1 }, (_, i) => (i + 1) * size)),
    splitAt: (...offsets) => cut(() => offsets),
    flood: (chunk, times = Infinity) => add(steps.flood(Buffer.from(chunk), times)),
    greet: (...extensions) =>
      script
        .reply("220 peer ESMTP")
        .expect(/^EHLO \S+$/)
        .reply(...ehloReply(extensions)),
    challenge: (text) => script.reply(`334 ${base64(text)}`),

    expect: (line) => add(steps.expectLine(line)),
    expectGroup: (...lines) => add(...lines.map(steps.expectLine)),
    expectAuth: (mechanism, response) => script.expect(`AUTH ${mechanism}${initial(response)}`),
    expectBase64: (text) => script.expect(base64(text)),
    expectData: (check) => add(steps.expectData(check)),
    expectBdat: (expected = {}) => add(steps.expectBdat(expected)),
    expectBytes: (count = 1) => add(steps.expectBytes(count)),
    expectSilence: (until) => add(steps.expectSilence(until)),
    expectEnd: () => add(steps.expectEnd()),

    wait: (until) => add(steps.wait(until)),
    call: (action) => add(steps.call(action)),
    pauseReading: () => add(steps.pauseReading()),
    resumeReading: () => add(steps.resumeReading()),
    ignore: () => add(steps.ignore()),

    upgrade: (given) => add(steps.upgrade(certificate(given))),
    expectRefusedUpgrade: (given) => add(steps.expectRefusedUpgrade(certificate(given))),

    halfClose: () => add(steps.halfClose()),
    drop: () => add(steps.drop()),
    reset: () => add(steps.reset()),

    use(fragment, times = 1) {
      for (let index = 0; index < times; index += 1) fragment(script, index);
      return script;
    },
  };
  return script;
}

/** The reply to EHLO: the host's name, then one extension a line (RFC 5321 §4.1.1.1). */
export function ehloReply(extensions: readonly string[]): readonly string[] {
  const lines = ["peer", ...extensions];
  return lines.map((line, index) => `250${index === lines.length - 1 ? " " : "-"}${line}`);
}

function initial(response: string | undefined): string {
  if (response === undefined) return "";
  return response === "" ? " =" : ` ${base64(response)}`;
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
