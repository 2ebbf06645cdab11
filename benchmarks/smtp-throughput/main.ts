// What does it cost to send many small mails? One process sends, one receives.
import { LOOP, NODEMAILER, OURS, UPYO } from "../harness/peers.ts";
import { answer } from "../harness/question.ts";
import { startReceiver } from "../harness/receiver.ts";
import type { Sending } from "../harness/run-sender.ts";
import { runSender } from "../harness/run-sender.ts";
import { CPU, CPU_SHARE, KERNEL, MEMORY, RATE, RECEIVER_SHARE } from "../harness/units.ts";

await using pipelining = await startReceiver("pipelining");
await using chunking = await startReceiver("chunking");

function of(mail: Sending["mail"], connections: number, receiver = pipelining) {
  const name = `${mail} 1 KB, ${connections} ${connections === 1 ? "connection" : "connections"}`;
  return {
    name: receiver === chunking ? `${name}, CHUNKING` : name,
    contenders: mail === "composed" ? [OURS, NODEMAILER, UPYO] : [OURS, NODEMAILER, UPYO, LOOP],
    mail,
    connections,
    receiver,
  };
}

const five = [of("composed", 5).name, of("composed", 5, chunking).name];

await answer({
  cases: [
    ...[1, 5, 20].flatMap((connections) => [of("composed", connections), of("prebuilt", connections)]),
    of("composed", 5, chunking),
    of("prebuilt", 5, chunking),
  ],
  metrics: [CPU, KERNEL, RATE, MEMORY, CPU_SHARE, RECEIVER_SHARE],
  goals: five.flatMap((name) => [
    { case: name, metric: CPU.name, against: NODEMAILER, ratio: 5 },
    { case: name, metric: CPU.name, against: UPYO, ratio: 2 },
  ]),
  run: ({ receiver, mail, connections }, contender, profile) =>
    runSender(receiver, { contender, connections, mail, size: 1024, profile }),
});
