// A composer in a process of its own: composer-process.ts <contender> <draft>
import type { Load } from "../harness/measure.ts";
import { measure } from "../harness/measure.ts";
import { tell } from "../harness/worker.ts";
import type { Compose } from "./compose.ts";
import type { Kind } from "./drafts.ts";
import { KINDS } from "./drafts.ts";

const COMPOSERS: Readonly<Record<string, () => Promise<Compose>>> = {
  postroad: async () => (await import("./postroad.ts")).postroad,
  nodemailer: async () => (await import("./nodemailer.ts")).nodemailer,
  upyo: async () => (await import("./upyo.ts")).upyo,
};

const [contender = "", name = ""] = process.argv.slice(2);
const compose = await COMPOSERS[contender]?.();
const kind = KINDS[name];
if (compose === undefined || kind === undefined) throw new Error(`there is no composer ${contender} or no kind ${name}`);

async function work(load: Load, render: Compose, { mail, least }: Kind): Promise<void> {
  for (let number = load.next(); number !== undefined; number = load.next()) {
    const size = await render(mail(number));
    if (size < least) throw new Error(`a mail of ${size} bytes cannot hold it all`);
    load.done();
  }
}

const times = { warmUp: { cpu: 1000, clock: 5000 }, window: { cpu: 700, clock: 5000 } };
tell(await measure((load) => work(load, compose, kind), times));
process.disconnect();
