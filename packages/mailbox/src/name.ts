import { randomBytes } from "node:crypto";

let count = 0;

/**
 * A name that no other file of any process has: `time.M…P…Q…R….host`, microseconds, process, count and chance
 * (https://cr.yp.to/proto/maildir.html). Threads share a process, and containers often number and host: chance is what
 * tells those apart.
 */
export function uniqueName(now: number, host: string): string {
  count += 1;
  const seconds = Math.floor(now / 1000);
  const microseconds = Math.floor(now * 1000) % 1_000_000;
  return `${seconds}.M${microseconds}P${process.pid}Q${count}R${randomBytes(4).toString("hex")}.${host}`;
}

/** A host as part of a name: `/`, `:` and `,` mean something there, and controls help nobody. */
export function hostPart(hostname: string): string {
  const part = hostname.slice(0, 100).replaceAll(/[^\w.-]/g, (character) => `\\${(character.charCodeAt(0) & 255).toString(8).padStart(3, "0")}`);
  return part === "" ? "localhost" : part;
}

/** What of a name says how large the file is, for readers to know without opening it: in bytes, and with CRLF line ends. */
export function sizePart(size: number, lines: number): string {
  return `,S=${size},W=${size + lines}`;
}

/** The size that a name tells, if it does. */
export function sizeIn(name: string): number | undefined {
  const [, digits] = /,S=(\d+)(?=[,:]|$)/.exec(name) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
