import { join } from "node:path";
import type { Host, HostConfig } from "./host.ts";
import { CONCURRENCY, startHost } from "./host.ts";
import type { Fate, Submission } from "./ledgers.ts";
import type { Place } from "./place.ts";
import { drained, newPlace } from "./place.ts";
import type { Line } from "./senders.ts";
import { dial, draft, submit } from "./senders.ts";
import type { Sink } from "./sink.ts";
import { startSink } from "./sink.ts";
import { run, withoutStrace } from "./tools.ts";
import type { Proof } from "./verdict.ts";
import { judge } from "./verdict.ts";

/** A disk that fails, as strace injects it: some calls at the start are spared, then every so many fails, or so many in a row. */
const INJECTED = [
  { name: "fsync fails with EIO", inject: "fsync,fdatasync:error=EIO:when=20+9" },
  { name: "write fails with EIO", inject: "pwrite64:error=EIO:when=100+97" },
  { name: "write fails with ENOSPC", inject: "pwrite64:error=ENOSPC:when=100..160" },
] as const;

const MAILS = 80;
const SIZES = [500, 3000, 100_000];
const sizeInTurn = (number: number): number => SIZES[number % SIZES.length] ?? 0;
/** A full disk: bytes of mails in rows, which others are larger than, and mails by which the database grows before. */
const INLINE = 40_000;
const GROWTH = 20;
const FATES: readonly (readonly Fate[])[] = [["taken"], ["taken", "taken", "refused"], ["later1"]];

/** Lets the disk fail under the process, and fill up; then starts it anew with a good one, and judges. */
export async function diskFaults(progress: (text: string) => void): Promise<readonly Proof[]> {
  const proofs: Proof[] = [];
  const missing = await withoutStrace();
  if (missing !== undefined) progress(`SKIPPED: injected faults, since ${missing}`);
  for (const { name, inject } of missing === undefined ? INJECTED : []) {
    proofs.push(...(await faulty(name, ["strace", "-f", "-o", "/dev/null", "-e", `trace=${inject.split(":")[0]}`, "-e", `inject=${inject}`])));
  }
  return [...proofs, ...(await fullDisk(progress))];
}

async function faulty(name: string, tracer: readonly string[]): Promise<readonly Proof[]> {
  await using place = await newPlace();
  await using sink = await startSink();
  const host = startHost({ folder: place.path, port: 0, sink: sink.port }, tracer);
  const sent = await sendMany(host, MAILS);
  await host.kill();
  const firstRefused = sent.findIndex(({ told }) => told === "deferred");
  const after = sent.slice(firstRefused + 1).filter(({ told }) => told === "accepted").length;
  return [
    {
      what: `${name}: it is answered with 4.3.x, and what comes later is accepted`,
      got: answersTo(sent),
      holds: firstRefused !== -1 && after > 0 && sent.every(isHonest),
    },
    ...(await aftermath(name, place, sink, sent)),
  ];
}

/** The disk is full in earnest: a small one in memory. */
async function fullDisk(progress: (text: string) => void): Promise<readonly Proof[]> {
  await using place = await newPlace();
  await using sink = await startSink();
  const mail = join(place.path, "mail");
  try {
    await run("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", mail]);
  } catch (error) {
    progress(`SKIPPED: the full disk, since nothing can be mounted: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`);
    return [];
  }
  try {
    const config = { folder: place.path, port: 0, sink: sink.port };
    const before = startHost(config);
    const first = await sendMany(before, GROWTH, () => INLINE);
    const left = await drained(before);
    await before.stop();
    const crammed = startHost({ ...config, roles: ["accept"] });
    const full = await sendMany(crammed, MAILS, () => 3 * INLINE);
    await crammed.kill();
    return [
      {
        what: "the disk is full: it is answered with 452 4.3.1",
        got: `${answersTo(first)}, ${left} left; then ${answersTo(full)}`,
        holds: full.some(({ reply }) => reply?.startsWith("452 4.3.1") === true) && full.every(isHonest),
      },
      // Nobody makes room: what is delivered does.
      ...(await aftermath("the disk is full", place, sink, [...first, ...full])),
      { what: "there is room again: mail is accepted", ...(await acceptedAgain(config)) },
    ];
  } finally {
    await run("umount", ["--lazy", mail]);
  }
}

async function acceptedAgain(config: HostConfig): Promise<Pick<Proof, "got" | "holds">> {
  const host = startHost(config);
  const sent = await sendMany(host, 5);
  await host.kill();
  return { got: answersTo(sent), holds: sent.every(({ told }) => told === "accepted") };
}

/** Starts the process on what is left of the disk, waits until all is delivered, and holds the ledgers against each other. */
async function aftermath(name: string, place: Place, sink: Sink, submissions: readonly Submission[]): Promise<readonly Proof[]> {
  const host = startHost({ folder: place.path, port: 0, sink: sink.port });
  await host.ready;
  const left = await drained(host);
  await host.stop();
  const leftovers = await place.leftovers();
  const books = { submissions, sink: sink.ledger, settled: [], kills: [], concurrency: CONCURRENCY };
  // Where the disk fails at the wrong moment, what was delivered cannot be written down: then there are duplicates without a kill.
  const proofs = judge(books).filter(({ what }) => !what.startsWith("I2"));
  const integrity = place.integrity();
  return [
    ...proofs.map((proof) => ({ ...proof, what: `${name}: ${proof.what}` })),
    {
      what: `${name}: I7: with a good disk the queue drains, nothing is left behind, and SQLite finds the database sound`,
      got: `${left} left, ${leftovers.length} files, ${integrity}`,
      holds: left === "nothing" && leftovers.length === 0 && integrity === "ok",
    },
  ];
}

async function sendMany(host: Host, count: number, sizeOf = sizeInTurn): Promise<readonly Submission[]> {
  const port = (await host.ready) ?? 0;
  const sent: Submission[] = [];
  let line: Line | undefined;
  for (let number = 0; number < count; number += 1) {
    // A server may close the line after so many refusals.
    if (line === undefined || line.socket.destroyed) line = await dial(port);
    if (line === undefined) throw new Error(`the process does not answer: ${host.complaints()}`);
    sent.push(await submit(line, draft(FATES[number % FATES.length] ?? [], sizeOf(number))));
  }
  line?.socket.destroy();
  return sent;
}

/** Taken, or told to come again for a reason of ours. */
function isHonest({ told: kind, reply = "" }: Submission): boolean {
  return kind === "accepted" || (kind === "deferred" && /^45[12] 4\.3\.\d /.test(reply)) || kind === "unsent" || kind === "unknown";
}

function answersTo(sent: readonly Submission[]): string {
  const replies = Map.groupBy(sent, ({ told: kind, reply = "" }) => (kind === "accepted" ? "accepted" : reply.slice(0, 9) || kind));
  return [...replies].map(([reply, mails]) => `${mails.length} ${reply}`).join(", ");
}
