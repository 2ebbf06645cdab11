import { deferral } from "../deferral.ts";
import type { Connection } from "./connection.ts";
import type { Ending } from "./inbox.ts";
import type { PeerMessage, PeerSession, Stage, Step } from "./stage.ts";
import { ConversationError, quote, transcript } from "./transcript.ts";

/** A session that can be played once, on the connection it gets. */
export interface PlayableSession extends PeerSession {
  play(connection: Connection): Promise<void>;
  /** Keeps bytes that were taken out of the inbox. */
  record(chunk: Buffer): void;
  /** Gives up waiting: what has not been played is a failure. */
  abandon(): void;
}

const RECORD_LIMIT = 16 << 20;

export function session(name: string, steps: readonly Step[]): PlayableSession {
  const log = transcript();
  const received: string[] = [];
  const groups: string[][] = [];
  const taken: Buffer[] = [];
  const messages: PeerMessage[] = [];
  const chunks: Buffer[] = [];
  const opened = deferral<void>();
  const done = deferral<void>();
  const closed = deferral<Ending>();
  let live: Connection | undefined;
  let played = 0;
  let recorded = 0;
  let lastArrival = -1;
  let hungUp = false;
  done.promise.catch(() => undefined);

  async function nextLine(connection: Connection): Promise<string | undefined> {
    const line = await connection.inbox.line();
    if (line === undefined) return undefined;
    received.push(line.text);
    log.received(line.text);
    if (line.arrival !== lastArrival) groups.push([]);
    lastArrival = line.arrival;
    groups.at(-1)?.push(line.text);
    return line.text;
  }

  function problem(headline: string, cause?: unknown): ConversationError {
    const left = steps.slice(played).map(({ text }) => `   ${text}`);
    const story = [`${name}: ${headline}`, ...log.lines.map((line) => `   ${line}`)];
    if (left.length > 0) story.push("not played:", ...left);
    return new ConversationError(story.join("\n"), cause === undefined ? {} : { cause });
  }

  function fail(wanted: string, got: string | undefined): never {
    const ending = live?.inbox.ending === "reset" ? "the connection was lost" : "the client closed";
    throw problem(`expected ${wanted}, ${got === undefined ? ending : `got ${quote(got)}`}`);
  }

  function stageOf(connection: Connection): Stage {
    return {
      connection,
      session: self,
      log,
      fail,
      line: async (wanted) => (await nextLine(connection)) ?? fail(wanted, undefined),
      message: (message) => void messages.push(message),
      chunk(octets, last) {
        chunks.push(octets);
        if (!last) return;
        const content = Buffer.concat(chunks.splice(0));
        messages.push({ raw: content, content });
      },
      hangUp: () => void (hungUp = true),
    };
  }

  async function playSteps(stage: Stage): Promise<void> {
    for (const step of steps) {
      await step.play(stage);
      played += 1;
    }
  }

  /** After the script: QUIT is answered, the end is welcome, any other line is one too many. */
  async function epilogue(connection: Connection): Promise<void> {
    if (hungUp) return discard(connection);
    const line = await nextLine(connection);
    if (line !== undefined && !/^QUIT$/i.test(line)) fail("nothing after the end of the script", line);
    if (line !== undefined) await connection.write(Buffer.from("221 2.0.0 bye\r\n"));
    connection.end();
    return discard(connection);
  }

  const self: PlayableSession = {
    received,
    groups,
    messages,
    get raw() {
      return Buffer.concat(live === undefined ? taken : [...taken, live.inbox.peek()]);
    },
    get tls() {
      return live?.tls;
    },
    transcript: log.lines,
    opened: opened.promise,
    done: done.promise,
    closed: closed.promise,
    record(chunk) {
      if (recorded >= RECORD_LIMIT) return;
      recorded += chunk.length;
      taken.push(chunk);
    },
    async play(connection) {
      live = connection;
      opened.resolve();
      void connection.closed.then(() => closed.resolve(connection.inbox.ending ?? "reset"));
      try {
        await playSteps(stageOf(connection));
        done.resolve();
        await epilogue(connection);
      } catch (error) {
        connection.destroy();
        const failure = error instanceof ConversationError ? error : problem(`a step threw ${String(error)}`, error);
        done.reject(failure);
        throw failure;
      }
    },
    abandon: () => done.reject(problem(live === undefined ? "nobody connected" : "the script is not at its end")),
  };
  return self;
}

async function discard({ inbox }: Connection): Promise<void> {
  do inbox.drain();
  while (await inbox.more());
}
