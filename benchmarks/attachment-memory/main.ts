// How much memory does it take to send a file of 200 MB?
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { noise } from "../harness/mails.ts";
import { NODEMAILER, OURS, UPYO, keyOf } from "../harness/peers.ts";
import { answer } from "../harness/question.ts";
import { startReceiver } from "../harness/receiver.ts";
import type { Sample } from "../harness/sample.ts";
import { numberOf } from "../harness/sample.ts";
import { megabytes } from "../harness/units.ts";
import { runWorker } from "../harness/worker.ts";

const SIZE = 200_000_000;
const CHUNK = 1_000_000;
/** Base64 in lines of 76 (RFC 2045 §6.8): four characters for three bytes, and CRLF. */
const ON_THE_WIRE = (SIZE * 4 * 78) / (3 * 76);
const LIMIT = { name: "limit of 100 MB", bytes: 100e6 };
const ABOVE_IDLE = "peak memory above idle";

const folder = await mkdtemp(join(tmpdir(), "attachment-memory-"));
try {
  const path = join(folder, "large.bin");
  await writeLarge(path);
  await using receiver = await startReceiver();

  async function send(contender: string, profile: string | undefined): Promise<Sample> {
    const before = await receiver.state();
    const args = [keyOf(contender), String(receiver.port), path];
    const sample = await runWorker(new URL("sender-process.ts", import.meta.url), args, { profile });
    const bytes = numberOf(await receiver.state(), "bytes") - numberOf(before, "bytes");
    if (bytes < ON_THE_WIRE) throw new Error(`${contender} sent ${bytes} bytes, which cannot hold the file`);
    return sample;
  }

  await answer({
    rounds: 3,
    cases: [{ name: "200 MB attachment", contenders: [OURS, NODEMAILER, UPYO, LIMIT.name] }],
    metrics: [
      { name: ABOVE_IDLE, better: "less", show: megabytes },
      { name: "cpu", better: "less", show: (seconds) => `${seconds.toFixed(2)} s` },
    ],
    goals: [{ case: "200 MB attachment", metric: ABOVE_IDLE, against: LIMIT.name, ratio: 1 }],
    run: (_, contender, profile) =>
      contender === LIMIT.name ? Promise.resolve({ [ABOVE_IDLE]: LIMIT.bytes }) : send(contender, profile),
  });
} finally {
  await rm(folder, { recursive: true });
}

async function writeLarge(path: string): Promise<void> {
  await using file = await open(path, "wx");
  const chunk = noise(CHUNK);
  for (let written = 0; written < SIZE; written += CHUNK) await file.write(chunk);
}
