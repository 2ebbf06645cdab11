// What does it cost to send mails of every size, when distance costs nothing? One process sends, one receives.
import { LOOP, NODEMAILER, OURS, UPYO } from "../harness/peers.ts";
import { answer } from "../harness/question.ts";
import { startReceiver } from "../harness/receiver.ts";
import { runSender } from "../harness/run-sender.ts";
import { CPU, KERNEL, MEMORY, RATE, RECEIVER_SHARE } from "../harness/units.ts";

await using pipelining = await startReceiver("pipelining");
await using chunking = await startReceiver("chunking");

/** How many times the peers' speed and cost, over 5 connections. */
const GOALS: readonly (readonly [size: string, bytes: number, nodemailer: number, upyo: number])[] = [
  ["1 KB", 1024, 8, 3],
  ["10 KB", 10 * 1024, 8, 2.5],
  ["100 KB", 100 * 1024, 8, 2.5],
  ["5 MB", 5 * 1024 * 1024, 3.5, 3],
];

const cases = GOALS.flatMap(([label, size]) =>
  [1, 5, 20].flatMap((connections) =>
    [pipelining, chunking].map((receiver) => ({
      name: `${label}, ${connections} ${connections === 1 ? "connection" : "connections"}${receiver === chunking ? ", CHUNKING" : ""}`,
      contenders: [OURS, NODEMAILER, UPYO, LOOP],
      connections,
      receiver,
      size,
    })),
  ),
);

await using secured = await startReceiver("chunking", true);
const special = [
  { name: "1 KB, 5 connections, 50 recipients", receiver: pipelining, recipients: 50, tls: false },
  { name: "1 KB, 5 connections, 50 recipients, CHUNKING", receiver: chunking, recipients: 50, tls: false },
  { name: "1 KB, 5 connections, TLS, CHUNKING", receiver: secured, recipients: 1, tls: true },
].map((one) => ({ ...one, contenders: [OURS, NODEMAILER, UPYO], connections: 5, size: 1024 }));

await answer({
  cases: [...cases.map((one) => ({ ...one, recipients: 1, tls: false })), ...special],
  metrics: [CPU, KERNEL, RATE, MEMORY, RECEIVER_SHARE],
  goals: GOALS.flatMap(([label, size, nodemailer, upyo]) => {
    const at = `${label}, 5 connections, CHUNKING`;
    return [
      ...[CPU, RATE].flatMap(({ name: metric }) => [
        { case: at, metric, against: NODEMAILER, ratio: nodemailer },
        { case: at, metric, against: UPYO, ratio: upyo },
      ]),
      ...(size === 1024 ? [{ case: at, metric: RATE.name, against: LOOP, ratio: 0.6 }] : []),
    ];
  }),
  rounds: 3,
  run: ({ receiver, connections, size, recipients, tls }, contender, profile) =>
    runSender(receiver, { contender, connections, mail: "prebuilt", size, recipients, tls, profile }),
});
