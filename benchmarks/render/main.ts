// What does it cost to turn a draft into the bytes of a mail?
import { NODEMAILER, OURS, UPYO, keyOf } from "../harness/peers.ts";
import { answer } from "../harness/question.ts";
import { CPU, MEMORY, RATE } from "../harness/units.ts";
import { runWorker } from "../harness/worker.ts";

const contenders = [OURS, NODEMAILER, UPYO];
const cases = [
  { name: "1 KB text", draft: "text", contenders },
  { name: "1 KB text in German", draft: "german", contenders },
  { name: "10 KB text and HTML", draft: "html", contenders },
  { name: "100 KB attachment", draft: "attachment", contenders },
];

const AIMS = [
  { case: "1 KB text", nodemailer: 10 },
  { case: "10 KB text and HTML", nodemailer: 6 },
  { case: "100 KB attachment", nodemailer: 4 },
];

await answer({
  cases,
  metrics: [CPU, RATE, MEMORY],
  goals: AIMS.flatMap(({ case: name, nodemailer }) => [
    { case: name, metric: CPU.name, against: NODEMAILER, ratio: nodemailer },
    { case: name, metric: CPU.name, against: UPYO, ratio: 1.3 },
  ]),
  run: ({ draft }, contender, profile) =>
    runWorker(new URL("composer-process.ts", import.meta.url), [keyOf(contender), draft], { profile }),
});
