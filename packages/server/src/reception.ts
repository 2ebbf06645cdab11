import type { Answer } from "./reply.ts";
import { answer } from "./reply.ts";
import type { Services } from "./dialogue.ts";
import type { Arrived } from "./incoming.ts";
import { incoming } from "./incoming.ts";
import type { TextFault } from "./text-scanner.ts";
import { textScanner } from "./text-scanner.ts";

/** A message on its way in, by DATA or in chunks. */
export interface Reception {
  readonly size: number;
  /** The lone dot has come. */
  readonly ended: boolean;
  /** Takes what is the message's of these octets, and returns how many they were. */
  take(chunk: Buffer): Promise<number> | number;
  /** Why the message is refused, once it has come in or in between; undefined where nothing is wrong so far. */
  readonly refusal: Answer | undefined;
  /** The whole message; undefined where there is a `refusal`. */
  finish(): Promise<Arrived | undefined>;
  release(): Promise<void>;
}

const CRLF = Buffer.from("\r\n");

/** Everything is read to its end, whatever is wrong with it; what is wrong is kept out of memory. */
export function reception({ settings, openSpool }: Services, dots: boolean, onFault: (error: unknown) => void): Reception {
  const { limits } = settings;
  const scanner = textScanner({ dots, maxLine: limits.line });
  const message = incoming(openSpool, { message: limits.size, header: limits.header });
  let broken: Answer | undefined;

  /** The file system's trouble defers the mail; what comes of it is dropped. */
  async function stored<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await work;
    } catch (error) {
      broken = NO_SPACE;
      onFault(error);
      return undefined;
    }
  }

  function write(text: Buffer): void {
    if (broken === undefined) message.write(text);
  }

  return {
    get size() {
      return message.size;
    },
    get ended() {
      return scanner.ended;
    },
    take(chunk) {
      const taken = scanner.scan(chunk, write);
      return message.full && broken === undefined ? stored(message.settle()).then(() => taken) : taken;
    },
    get refusal() {
      if (broken !== undefined) return broken;
      if (scanner.fault !== undefined) return faultAnswer(scanner.fault, limits.line);
      if (message.excess === "header") return answer(552, "5.3.4", `a header has at most ${limits.header} octets`);
      return message.excess === undefined ? undefined : answer(552, "5.3.4", `a message has at most ${limits.size} octets`);
    },
    async finish() {
      // Only chunks can leave a line without its end.
      if (!scanner.complete && !scanner.ended) write(CRLF);
      return this.refusal === undefined ? stored(message.finish()) : undefined;
    },
    release: () => message.release(),
  };
}

const NO_SPACE = answer(452, "4.3.1", "no space for the message, try again later");

function faultAnswer(fault: TextFault, line: number): Answer {
  if (fault === "long line") return answer(550, "5.6.0", `a line of the message has more than ${line} octets`);
  if (fault === "NUL") return answer(550, "5.6.0", "the message holds a NUL");
  return answer(550, "5.5.2", `the message holds a ${fault}; lines end in CR LF`);
}
