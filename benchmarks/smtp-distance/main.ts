// How many mails a second go over one connection to a server that is far away?
import { atDistance } from "../harness/distance.ts";
import { NODEMAILER, OURS, UPYO } from "../harness/peers.ts";
import { answer } from "../harness/question.ts";
import { startReceiver } from "../harness/receiver.ts";
import { runSender } from "../harness/run-sender.ts";
import { CPU, MEMORY, RATE } from "../harness/units.ts";

await using pipelining = await startReceiver("pipelining");
await using chunking = await startReceiver("chunking");

const ROUND_TRIPS = [1, 20, 80];
const SIZES = [["1 KB", 1024], ["10 KB", 10 * 1024], ["100 KB", 100 * 1024], ["5 MB", 5 * 1024 * 1024]] as const;

const cases = SIZES.flatMap(([label, size]) =>
  ROUND_TRIPS.flatMap((roundTrip) =>
    [pipelining, chunking].map((receiver) => ({
      name: `${label}, 1 connection, ${roundTrip} ms${receiver === chunking ? ", CHUNKING" : ""}`,
      contenders: [OURS, NODEMAILER, UPYO],
      receiver,
      roundTrip,
      size,
    })),
  ),
);

await answer({
  cases,
  metrics: [RATE, CPU, MEMORY],
  goals: cases
    .filter(({ roundTrip, size }) => roundTrip > 1 && size === 1024)
    .map(({ name, receiver }) => ({ case: name, metric: RATE.name, against: NODEMAILER, ratio: receiver === chunking ? 10 : 1.8 })),
  rounds: 1,
  async run({ receiver, roundTrip, size }, contender, profile) {
    await using distant = await atDistance(receiver, roundTrip);
    return await runSender(distant, { contender, connections: 1, mail: "prebuilt", size, far: true, profile });
  },
});
