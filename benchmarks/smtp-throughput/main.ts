// What does it cost to send many small mails? One process sends, one receives.
import { LOOP, NODEMAILER, OURS, UPYO } from "../harness/peers.ts";
import { answer } from "../harness/question.ts";
import { startReceiver } from "../harness/receiver.ts";
import { runSender } from "../harness/run-sender.ts";
import { CPU, CPU_SHARE, MEMORY, RATE, RECEIVER_SHARE } from "../harness/units.ts";

const CONNECTIONS = [1, 5, 20];

const composed = CONNECTIONS.map((connections) => ({
  name: `composed 1 KB, ${connections} ${connections === 1 ? "connection" : "connections"}`,
  mail: "composed",
  connections,
  contenders: [OURS, NODEMAILER, UPYO],
}));
const prebuilt = CONNECTIONS.map((connections) => ({
  name: `prebuilt 1 KB, ${connections} ${connections === 1 ? "connection" : "connections"}`,
  mail: "prebuilt",
  connections,
  contenders: [OURS, NODEMAILER, UPYO, LOOP],
}));

await using receiver = await startReceiver();

await answer({
  cases: [...composed, ...prebuilt],
  metrics: [CPU, RATE, MEMORY, CPU_SHARE, RECEIVER_SHARE],
  goals: [
    { case: "composed 1 KB, 5 connections", metric: CPU.name, against: NODEMAILER, ratio: 5 },
    { case: "composed 1 KB, 5 connections", metric: CPU.name, against: UPYO, ratio: 2 },
  ],
  run: ({ mail, connections }, contender, profile) => runSender(receiver, { contender, connections, mail, size: 1024, profile }),
});
