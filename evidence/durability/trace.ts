import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { startHost } from "./host.ts";
import type { Submission } from "./ledgers.ts";
import { answersIn } from "./order.ts";
import { newPlace } from "./place.ts";
import { dial, draft, submit } from "./senders.ts";
import { callsIn } from "./strace.ts";
import { withoutStrace } from "./tools.ts";
import type { Proof } from "./verdict.ts";

const SENDERS = 5;
const MAILS = 12;
/** Bytes: in a row, and in a file beside the database. */
const SIZES = [500, 3000, 100_000];
const CALLS = "read,write,writev,pwrite64,pwritev,fsync,fdatasync,rename,renameat2";

/** Watches the system calls of the process while it accepts: nothing is answered with 250 before it is on disk. */
export async function syncOrder(progress: (text: string) => void): Promise<readonly Proof[]> {
  const missing = await withoutStrace();
  if (missing !== undefined) {
    progress(`SKIPPED: the trace, since ${missing}`);
    return [];
  }
  await using place = await newPlace();
  const trace = join(place.path, "trace");
  const tracer = ["strace", "-f", "-ttt", "-T", "-yy", "-s", "4096", "-e", `trace=${CALLS}`, "-o", trace];
  const host = startHost({ folder: place.path, port: 0, sink: 0, roles: ["accept"] }, tracer);
  const port = (await host.ready) ?? 0;
  const sent = (await Promise.all(Array.from({ length: SENDERS }, () => sendSome(port)))).flat();
  await host.stop();
  const accepted = sent.filter(({ told }) => told === "accepted").length;
  const answers = answersIn(callsIn(await readFile(trace, "utf8")), join(place.path, "mail"));
  const early = answers.filter(({ problem }) => problem !== undefined);
  return [
    {
      what: "no 250 is written before content and row of the mail are written and synced",
      got: `${answers.length} answers traced, ${accepted} accepted, ${early.length} too early${early.slice(0, 3).map(({ id, problem }) => ` (${id}: ${problem})`).join("")}`,
      holds: accepted === SENDERS * MAILS && answers.length === accepted && early.length === 0,
    },
  ];
}

async function sendSome(port: number): Promise<readonly Submission[]> {
  const line = await dial(port);
  if (line === undefined) throw new Error("the process does not answer");
  const sent: Submission[] = [];
  for (let number = 0; number < MAILS; number += 1) {
    sent.push(await submit(line, draft(["taken", "taken"], SIZES[number % SIZES.length] ?? 0)));
  }
  line.socket.destroy();
  return sent;
}
