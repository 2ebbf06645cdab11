// A stack in a process of its own: stack-process.ts <none|passing|working>
import type { Mail, Transport } from "@postroad/core";
import { contentOf, envelope } from "@postroad/core";
import type { Load } from "../harness/measure.ts";
import { measure } from "../harness/measure.ts";
import { tell } from "../harness/worker.ts";
import { STACKS } from "./stacks.ts";

/** Sends between two looks at the clock, which cost as much as a send. */
const AT_ONCE = 20;

const [name = ""] = process.argv.slice(2);
const stack = STACKS[name]?.();
if (stack === undefined) throw new Error(`there is no stack ${name}`);

const content = contentOf(Buffer.from("Subject: Hello\r\n\r\nHello\r\n"));
const mail: Mail = { id: "1", envelope: envelope("shop@example.org", ["ann@example.net"]), content, meta: {} };

async function work(load: Load, transport: Transport): Promise<void> {
  while (load.next() !== undefined) {
    for (let sent = 0; sent < AT_ONCE; sent += 1) {
      const { outcomes } = await transport.send(mail);
      if (outcomes[0]?.kind !== "accepted") throw new Error(`the mail was ${outcomes[0]?.kind}`);
      load.done();
    }
  }
}

const times = { warmUp: { cpu: 1000, clock: 5000 }, window: { cpu: 700, clock: 5000 } };
tell(await measure((load) => work(load, stack), times));
process.disconnect();
