// What does a DKIM signature cost on top of the one call of node:crypto that it cannot do without?
import { MAILAUTH, NODEMAILER, OURS, keyOf } from "../harness/peers.ts";
import { answer } from "../harness/question.ts";
import type { Sample } from "../harness/sample.ts";
import { CPU, RATE, megabytes } from "../harness/units.ts";
import { runWorker } from "../harness/worker.ts";

/** `sign` of node:crypto alone, in the same thread pool, for data as large as a header. */
const BARE = "crypto.sign";
const LIMIT = { name: "limit of 50 MB", bytes: 50e6 };
const ABOVE_IDLE = "peak memory above idle";

const signing = new URL("signer-process.ts", import.meta.url);
const streaming = new URL("body-process.ts", import.meta.url);
const cases = [
  { name: "RSA-2048, 10 KB", script: signing, load: "rsa", contenders: [OURS, BARE, MAILAUTH, NODEMAILER] },
  { name: "Ed25519, 10 KB", script: signing, load: "ed25519", contenders: [OURS, BARE, MAILAUTH] },
  { name: "body of 100 MB", script: streaming, load: "ed25519", contenders: [OURS, MAILAUTH, LIMIT.name] },
];

await answer({
  rounds: 3,
  cases,
  metrics: [
    CPU,
    RATE,
    { name: ABOVE_IDLE, better: "less", show: megabytes },
    { name: "time", better: "less", show: (seconds) => `${seconds.toFixed(2)} s` },
  ],
  goals: [
    // At most 1.25 times the cost.
    { case: "RSA-2048, 10 KB", metric: CPU.name, against: BARE, ratio: 0.8 },
    { case: "Ed25519, 10 KB", metric: RATE.name, against: MAILAUTH, ratio: 3 },
    { case: "body of 100 MB", metric: ABOVE_IDLE, against: LIMIT.name, ratio: 1 },
  ],
  run({ script, load }, contender, profile): Promise<Sample> {
    if (contender === LIMIT.name) return Promise.resolve({ [ABOVE_IDLE]: LIMIT.bytes });
    return runWorker(script, [keyOf(contender), load], { profile });
  },
});
