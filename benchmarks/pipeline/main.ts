// What does it cost a mail to pass through a stack of eight middlewares?
import { OURS } from "../harness/peers.ts";
import { answer } from "../harness/question.ts";
import { CPU, RATE } from "../harness/units.ts";
import { runWorker } from "../harness/worker.ts";

const NOTHING = "transport alone";
const LIMIT = { name: "limit of 5 µs", seconds: 5e-6 };
const contenders = [OURS, NOTHING, LIMIT.name];
const PASSING = "eight that pass it on";

await answer({
  cases: [
    { name: PASSING, stack: "passing", contenders },
    { name: "eight that shape, log and filter", stack: "working", contenders: [OURS, NOTHING] },
  ],
  metrics: [CPU, RATE],
  goals: [{ case: PASSING, metric: CPU.name, against: LIMIT.name, ratio: 1 }],
  run({ stack }, contender, profile) {
    if (contender === LIMIT.name) return Promise.resolve({ [CPU.name]: LIMIT.seconds });
    const given = contender === OURS ? stack : "none";
    return runWorker(new URL("stack-process.ts", import.meta.url), [given], { profile });
  },
});
