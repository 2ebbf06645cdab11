import type { LogLine } from "./tap.ts";

/** A logger with pino's signature: pino, bunyan, Fastify's `log`. */
export interface PinoLike {
  info(line: object, message: string): void;
  warn(line: object, message: string): void;
  error(line: object, message: string): void;
}

/** What a console has. */
export interface ConsoleLike {
  info(line: string): void;
  warn(line: string): void;
  error(line: string): void;
}

/** Accepted is information, deferred a warning, rejected an error. */
const LEVELS = { accepted: "info", deferred: "warn", rejected: "error" } as const;

/** For `tap`: lines as objects, with a short text. */
export function toPino(logger: PinoLike): (line: LogLine) => void {
  return (line) => logger[LEVELS[line.kind]](line, `mail ${line.kind}`);
}

/** For `tap`: every line one of JSON, in which control characters are escaped. */
export function toConsole(to: ConsoleLike = console): (line: LogLine) => void {
  return (line) => to[LEVELS[line.kind]](JSON.stringify(line));
}
