import type { Answer } from "./reply.ts";
import { answer } from "./reply.ts";
import type { Services } from "./dialogue.ts";
import type { Arrived } from "./incoming.ts";
import { Incoming } from "./incoming.ts";
import type { Limits } from "./limits.ts";
import type { TextFault } from "./text-scanner.ts";
import { TextScanner } from "./text-scanner.ts";

const CRLF = Buffer.from("\r\n");

/**
 * A message on its way in, by DATA (with `dots`) or in chunks. Everything is read to its end, whatever is wrong with it; what is
 * wrong is kept out of memory. A class, since there is one for every mail.
 */
export class Reception {
  readonly #limits: Required<Limits>;
  readonly #scanner: TextScanner;
  readonly #message: Incoming;
  readonly #onFault: (error: unknown, octets: number) => void;
  #broken = false;
  readonly #write = (text: Buffer): void => {
    if (!this.#broken) this.#message.write(text);
  };

  constructor({ settings, openSpool }: Services, dots: boolean, onFault: (error: unknown, octets: number) => void) {
    this.#limits = settings.limits;
    this.#scanner = new TextScanner(dots, settings.limits.line);
    this.#message = new Incoming(openSpool(), settings.limits);
    this.#onFault = onFault;
  }

  get size(): number {
    return this.#message.size;
  }

  /** The lone dot has come. */
  get ended(): boolean {
    return this.#scanner.ended;
  }

  /** Takes what is the message's of these octets, and returns how many they were. */
  take(chunk: Buffer): Promise<number> | number {
    const taken = this.#scanner.scan(chunk, this.#write);
    return this.#message.full && !this.#broken ? this.#stored(this.#message.settle()).then(() => taken) : taken;
  }

  /** Why the message is refused, once it has come in or in between; undefined where nothing is wrong so far. */
  get refusal(): Answer | undefined {
    if (this.#broken) return NO_SPACE;
    const { fault } = this.#scanner;
    if (fault !== undefined) return faultAnswer(fault, this.#limits.line);
    const { excess } = this.#message;
    if (excess === undefined) return undefined;
    if (excess === "memory") return NO_SPACE;
    return answer(552, "5.3.4", excess === "header" ? `a header has at most ${this.#limits.header} octets` : `a message has at most ${this.#limits.size} octets`);
  }

  /** The whole message; undefined where there is a `refusal`. */
  finish(): Arrived | Promise<Arrived | undefined> | undefined {
    // Only chunks can leave a line without its end.
    if (!this.#scanner.complete && !this.#scanner.ended) this.#write(CRLF);
    if (this.refusal !== undefined) return undefined;
    const arrived = this.#message.finish();
    return arrived instanceof Promise ? this.#stored(arrived) : arrived;
  }

  release(): Promise<void> | undefined {
    return this.#message.release();
  }

  /** The file system's trouble defers the mail; what comes of it is dropped. */
  async #stored<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await work;
    } catch (error) {
      this.#broken = true;
      this.#onFault(error, this.#message.size);
      return undefined;
    }
  }
}

const NO_SPACE = answer(452, "4.3.1", "no space for the message, try again later");

function faultAnswer(fault: TextFault, line: number): Answer {
  if (fault === "long line") return answer(550, "5.6.0", `a line of the message has more than ${line} octets`);
  if (fault === "NUL") return answer(550, "5.6.0", "the message holds a NUL");
  return answer(550, "5.5.2", `the message holds a ${fault}; lines end in CR LF`);
}
