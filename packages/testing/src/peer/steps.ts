import type { TlsOptions } from "node:tls";
import { yieldToOthers } from "./connection.ts";
import { unstuff } from "./inbox.ts";
import type { Expectation, Gate, PeerSession, Step } from "./stage.ts";
import { quote } from "./transcript.ts";

/** Writes bytes, cut at these offsets; the client has the chance to read each piece before the next one leaves. */
export function output(bytes: Buffer, offsets: readonly number[] = []): Step {
  return {
    text: `send ${quote(bytes)}`,
    bytes,
    async play({ connection, log }) {
      let from = 0;
      let sent = true;
      for (const to of [...offsets, bytes.length]) {
        sent = await connection.write(bytes.subarray(from, to));
        from = to;
        if (offsets.length > 0) await yieldToOthers();
      }
      log.sent(bytes, sent);
    },
  };
}

export function flood(chunk: Buffer, times: number): Step {
  return {
    text: `flood with ${quote(chunk)}`,
    async play({ connection, log }) {
      let count = 0;
      while (count < times && (await connection.write(chunk))) count += 1;
      log.note(`${count} × ${chunk.length} bytes sent`);
    },
  };
}

export function expectLine(wanted: Expectation): Step {
  const text = show(wanted);
  return {
    text: `expect ${text}`,
    async play(stage) {
      const line = await stage.line(text);
      if (!matches(wanted, line)) stage.fail(text, line);
    },
  };
}

export function expectData(check: ((content: Buffer) => void) | undefined): Step {
  return {
    text: "expect content and its final dot",
    async play(stage) {
      const raw = (await stage.connection.inbox.data()) ?? stage.fail("content and its final dot", undefined);
      stage.log.note(`${raw.length} bytes of content`);
      const content = unstuff(raw);
      stage.message({ raw, content });
      check?.(content);
    },
  };
}

export function expectBdat(expected: { readonly size?: number; readonly last?: boolean }): Step {
  const wanted = `BDAT ${expected.size ?? "size"}${expected.last === true ? " LAST" : ""}`;
  return {
    text: `expect ${wanted}`,
    async play(stage) {
      const line = await stage.line(wanted);
      const [, digits, last] = /^BDAT (\d{1,15})( LAST)?$/i.exec(line) ?? stage.fail(wanted, line);
      const size = Number(digits);
      const asExpected =
        size === (expected.size ?? size) && (expected.last ?? last !== undefined) === (last !== undefined);
      if (!asExpected) stage.fail(wanted, line);
      const octets = await stage.connection.inbox.take(size);
      if (octets.length < size) stage.fail(`${size} octets`, undefined);
      stage.log.note(`${size} octets`);
      stage.chunk(octets, last !== undefined);
    },
  };
}

export function expectBytes(count: number): Step {
  return {
    text: `expect ${count} bytes`,
    bare: true,
    async play({ connection, fail, log }) {
      for (let left = count; left > 0; ) {
        const { length } = await connection.inbox.take(Math.min(left, BLOCK));
        if (length === 0) fail(`${left} more bytes`, undefined);
        left -= length;
      }
      log.note(`${count} bytes thrown away`);
    },
  };
}

export function expectSilence(until: Gate | undefined): Step {
  return {
    text: "expect silence",
    async play({ connection, fail }) {
      const { inbox } = connection;
      await Promise.race([until === undefined ? yieldToOthers() : opened(until), inbox.size > 0 || inbox.more()]);
      if (inbox.size > 0) fail("silence", inbox.drain().toString());
    },
  };
}

export function expectEnd(): Step {
  return {
    text: "expect the end of the connection",
    async play({ connection, fail }) {
      const { inbox } = connection;
      if (inbox.size > 0 || (await inbox.more())) fail("the end of the connection", inbox.drain().toString());
    },
  };
}

export function wait(until: Gate): Step {
  return { text: "wait", play: ({ connection }) => Promise.race([opened(until), connection.closed]) };
}

export function call(action: (session: PeerSession) => unknown): Step {
  return {
    text: "call the test",
    async play({ session }) {
      await action(session);
    },
  };
}

export function pauseReading(): Step {
  return { text: "stop reading", play: async ({ connection }) => connection.pause() };
}

export function resumeReading(): Step {
  return { text: "read on", play: async ({ connection }) => connection.resume() };
}

export function ignore(): Step {
  return {
    text: "ignore everything",
    bare: true,
    async play({ connection, log }) {
      let ignored = 0;
      do ignored += connection.inbox.drain().length;
      while (await connection.inbox.more());
      log.note(`${ignored} bytes ignored`);
    },
  };
}

const BLOCK = 1 << 16;
const HANDSHAKE_RECORD = 0x16;

export function upgrade(tls: TlsOptions): Step {
  return {
    text: "TLS handshake",
    bare: true,
    async play({ connection, fail, log }) {
      if (connection.inbox.size === 0) await connection.inbox.more();
      const [early] = connection.inbox.peek();
      const plain = early !== undefined && early !== HANDSHAKE_RECORD;
      if (plain) fail("a TLS handshake", connection.inbox.drain().toString());
      await connection.upgrade(tls).catch((error: unknown) => fail("a TLS handshake", String(error)));
      log.note(`TLS with ${connection.tls?.protocol} for ${connection.tls?.servername ?? "no name"}`);
    },
  };
}

export function expectRefusedUpgrade(tls: TlsOptions): Step {
  return {
    text: "expect a refused TLS handshake",
    bare: true,
    async play(stage) {
      const secured = await stage.connection.upgrade(tls).then(
        () => true,
        () => false,
      );
      if (secured) await expectEnd().play(stage);
    },
  };
}

export function halfClose(): Step {
  return {
    text: "half-close",
    async play({ connection, log }) {
      connection.end();
      log.note("FIN sent");
    },
  };
}

export function drop(): Step {
  return {
    text: "drop",
    bare: true,
    async play({ connection, log, hangUp }) {
      connection.end();
      log.note("connection dropped");
      hangUp();
    },
  };
}

export function reset(): Step {
  return {
    text: "reset",
    bare: true,
    async play({ connection, log, hangUp }) {
      connection.reset();
      log.note("connection reset");
      hangUp();
    },
  };
}

async function opened(gate: Gate): Promise<void> {
  if (!(gate instanceof AbortSignal)) return void (await gate);
  if (gate.aborted) return;
  await new Promise((resolve) => gate.addEventListener("abort", resolve, { once: true }));
}

function matches(wanted: Expectation, line: string): boolean {
  if (typeof wanted === "string") return line === wanted;
  return typeof wanted === "function" ? wanted(line) : line.search(wanted) !== -1;
}

function show(wanted: Expectation): string {
  if (typeof wanted === "string") return quote(wanted);
  return typeof wanted === "function" ? `a line for which ${wanted.name || "a function"} holds` : String(wanted);
}
