// What becomes of mail that was answered with 250 when the process is killed, the disk fails, a worker is stopped, or
// the clock jumps: main.ts [--kills n] [--part name] [--json]
import { parseArgs } from "node:util";
import { clockSteps } from "./clock.ts";
import { diskFaults } from "./faults.ts";
import { kills } from "./kills.ts";
import { stoppedWorker } from "./lease.ts";
import { syncOrder } from "./trace.ts";
import type { Proof } from "./verdict.ts";

const { values } = parseArgs({
  options: { kills: { type: "string", default: "30" }, part: { type: "string", default: "" }, json: { type: "boolean", default: false } },
});
const count = Number(values.kills);
if (!Number.isSafeInteger(count) || count < 1) throw new RangeError(`--kills takes a whole number, not ${values.kills}`);

const progress = (text: string): void => console.error(`durability: ${text}`);
const PARTS: Readonly<Record<string, () => Promise<readonly Proof[]>>> = {
  kills: () => kills(count, progress),
  trace: () => syncOrder(progress),
  faults: () => diskFaults(progress),
  lease: stoppedWorker,
  clock: clockSteps,
};
if (values.part !== "" && PARTS[values.part] === undefined) throw new RangeError(`--part takes one of ${Object.keys(PARTS).join(", ")}`);

let failed = false;
if (!values.json) console.log("| | what is claimed | what was seen |\n| --- | --- | --- |");
for (const [name, part] of Object.entries(PARTS)) {
  if (values.part !== "" && values.part !== name) continue;
  for (const { what, got, holds } of await part()) {
    failed ||= !holds;
    console.log(values.json ? JSON.stringify({ what, got, holds }) : `| ${holds ? "holds" : "**FAILS**"} | ${what} | ${got} |`);
  }
}
process.exitCode = failed ? 1 : 0;
