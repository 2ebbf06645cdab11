// What becomes of a mail when the server takes it and the line drops: how many copies, and what the sender is told.
import { setTimeout } from "node:timers/promises";
import { SENDERS } from "./senders.ts";
import { MOMENTS, droppingServer } from "./server.ts";

/** Milliseconds. */
const PATIENCE = 30_000;
const json = process.argv.includes("--json");
const rows: string[][] = [];
const proofs: { what: string; got: string; holds: boolean }[] = [];

for (const moment of MOMENTS) {
  for (const sender of SENDERS) {
    await using server = await droppingServer(moment);
    const told = await Promise.race([sender.send(server.port), silence()]);
    const ids = new Set(server.copies).size;
    rows.push([moment, sender.name, String(server.copies.length), String(ids), told]);
    if (sender.name.startsWith("postroad")) prove(moment, sender.name, server.copies.length, ids, told);
  }
}

/** What a sender that hangs tells. */
async function silence(): Promise<string> {
  await setTimeout(PATIENCE, undefined, { ref: false });
  return `nothing within ${PATIENCE / 1000} s`;
}

function prove(moment: string, name: string, copies: number, ids: number, told: string): void {
  const got = `${copies} copies, ${ids} Message-IDs, told: ${told}`;
  const doubtful = moment !== "after the reply";
  proofs.push({ what: `${name}, line drops ${moment}: every copy has the same Message-ID`, got, holds: ids === 1 });
  if (name.endsWith("unless uncertain")) {
    proofs.push({ what: `${name}, line drops ${moment}: one copy`, got, holds: copies === 1 });
  }
  const truth = doubtful ? /uncertain/ : /^accepted$/;
  proofs.push({ what: `${name}, line drops ${moment}: the sender is told the truth`, got, holds: truth.test(told) });
}

if (json) for (const proof of proofs) console.log(JSON.stringify(proof));
else {
  console.log("| the line drops | sender | copies | Message-IDs | the sender was told |\n| --- | --- | ---: | ---: | --- |");
  for (const row of rows) console.log(`| ${row.join(" | ")} |`);
}
process.exitCode = proofs.every(({ holds }) => holds) ? 0 : 1;
