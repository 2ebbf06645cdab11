// A sender in a process of its own: sender-process.ts <contender> <port> <connections> <composed|prebuilt> <size> <recipients> <plain|tls> <near|far>
import { measure } from "./measure.ts";
import type { Sender } from "./sender.ts";
import { tell } from "./worker.ts";

const SENDERS: Readonly<Record<string, () => Promise<Sender>>> = {
  postroad: async () => (await import("./senders/postroad.ts")).postroad,
  nodemailer: async () => (await import("./senders/nodemailer.ts")).nodemailer,
  upyo: async () => (await import("./senders/upyo.ts")).upyo,
  loop: async () => (await import("./senders/socket-loop.ts")).socketLoop,
};

const [contender = "", port, connections, mail, size, recipients, security, place] = process.argv.slice(2);
const sender = await SENDERS[contender]?.();
if (sender === undefined) throw new Error(`there is no sender ${contender}`);
const tls = security === "tls";
const given = { port: Number(port), connections: Number(connections), size: Number(size), recipients: Number(recipients), tls };
const kind = mail === "composed" ? "composed" : "prebuilt";
const near = { warmUp: { cpu: 4000, clock: 40_000 }, window: { cpu: 1000, clock: 15_000 } };
/** Far away it is the clock that counts: the compilers have less to say, and there are many cases. */
const far = { warmUp: { cpu: 4000, clock: 3000 }, window: { cpu: 1000, clock: 4000 } };
tell(await measure((load) => sender({ ...given, mail: kind, load }), place === "far" ? far : near, tell));
process.disconnect();
