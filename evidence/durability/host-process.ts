// What is killed, stopped and deceived: accepts over SMTP into a queue on disk and delivers to the sink.
// host-process.ts <JSON of HostConfig>
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { backoff, borrow } from "@postroad/core";
import type { QueueEvent, Store } from "@postroad/queue";
import { drain, queue } from "@postroad/queue";
import { sqliteStore } from "@postroad/queue-sqlite";
import { createServer } from "@postroad/server";
import { smtp } from "@postroad/smtp";
import type { HostConfig, HostSays } from "./host.ts";
import { CONCURRENCY, LEASE } from "./host.ts";

const config: HostConfig = JSON.parse(process.argv[2] ?? "");
const { folder, port, sink, roles = ["accept", "deliver"], wait = 200 } = config;
let { offset = 0 } = config;
// The machine's clock, as far as this process can see it; the monotonic one goes on as it is.
const wallClock = Date.now;
Date.now = () => wallClock() + offset;
let claims = 0;
// What is judged is the queue on a disk that fails: each mail is to get as far as there.
const timeouts = { room: 1 };

/** The same store, whose claims are counted. */
function counted(store: Store): Store {
  return {
    ...store,
    claim(request) {
      claims += 1;
      return store.claim(request);
    },
  };
}

function tell(said: HostSays): void {
  process.send?.(said);
}

/** In a file, since what was written to it stays where the process is killed the next moment. */
function note(event: QueueEvent): void {
  if (event.kind === "lost") tell({ lost: event.key });
  if (event.kind === "dead") tell({ dead: `${event.key}: ${event.note}` });
  if (event.kind !== "settled") return;
  const lines = event.outcomes.map(({ recipient }) => `${event.mail} ${recipient} ${wallClock()}\n`);
  appendFileSync(join(folder, "settled"), lines.join(""));
  tell({ settled: event.key });
}

tell({ pid: process.pid });
const store = counted(sqliteStore(join(folder, "mail", "mail.db")));
const accepting = queue(store);
const stack = new AsyncDisposableStack();
stack.use(store);
if (roles.includes("deliver")) {
  const to = smtp({ host: "127.0.0.1", port: sink, security: "none" });
  const schedule = backoff({ first: wait, max: Math.max(wait, 1000), until: 5 * 86_400_000 });
  stack.use(drain(store, to, { schedule, bounce: borrow(accepting), concurrency: CONCURRENCY, ttl: LEASE, lapses: 1000, onEvent: note }));
}
// The store opens when it is first asked for something.
await accepting.check();
const server = roles.includes("accept")
  ? await createServer({ mode: "mx", hostname: "host.example", to: accepting, recipient: () => true, timeouts }).listen({ host: "127.0.0.1", port })
  : undefined;
if (server !== undefined) stack.use(server);
tell({ port: server?.port ?? 0 });

process.on("message", (word) => {
  if (typeof word === "number") offset = word;
  if (word === "stats") void store.stats(Date.now()).then((stats) => tell({ stats, claims }));
  if (word === "stop") void stack.disposeAsync().then(() => process.disconnect());
});
process.once("disconnect", () => process.exit());
