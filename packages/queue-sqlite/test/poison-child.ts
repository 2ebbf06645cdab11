import type { Mail } from "@postroad/core";
import { receipt, transport } from "@postroad/core";
import { drain } from "@postroad/queue";
import { writeSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { sqliteStore } from "../src/index.ts";

// A worker that one of the mails kills, as an exhausted memory would; the others take a moment each.
const [path = ""] = process.argv.slice(2);
await using store = sqliteStore(path);
const to = transport("to", async (mail: Mail) => {
  if (mail.id === "poison") process.kill(process.pid, "SIGKILL");
  await wait(20);
  return receipt(mail, { kind: "accepted", status: "2.0.0", by: "to" });
});
await using _ = drain(store, to, { ttl: 1000, onSettled: ({ mail }) => void writeSync(1, `${mail}\n`) });
for (let left = true; left; await wait(20)) {
  const { due, waiting, leased } = await store.stats(Date.now());
  left = due + waiting + leased > 0;
}
