import type { Content } from "@postroad/core";
import { contentOf } from "@postroad/core";
import type { Entry } from "@postroad/queue";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const START = 1_800_000_000_000;

/** A folder of its own for a database. */
export async function folder(): Promise<AsyncDisposable & { readonly dir: string; readonly path: string }> {
  const dir = await mkdtemp(join(tmpdir(), "postroad-sqlite-"));
  return { dir, path: join(dir, "mail.db"), [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

let made = 0;

export function entryOf(given: Partial<Entry> = {}): Entry {
  made += 1;
  return {
    key: `key-${made}`,
    mail: `mail-${made}`,
    envelope: { from: "shop@example.org", to: [{ address: "ann@example.net" }] },
    meta: {},
    lane: "example.net",
    priority: 0,
    state: "ready",
    createdAt: START,
    dueAt: START,
    agesFrom: START,
    attempts: 0,
    lapses: 0,
    last: [],
    ...given,
  };
}

/** Small where the number is odd, else large enough for a file. */
export function bytesOf(number: number): Content {
  return contentOf(Buffer.alloc(number % 2 === 1 ? 1000 + number : 100_000 + number, `${number} `));
}
