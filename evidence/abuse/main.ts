// What an attacker may do to our server, and what becomes of it. Everything stays on 127.0.0.0/8.
import { endless } from "./endless.ts";
import { headers } from "./headers.ts";
import { logins } from "./logins.ts";
import type { Proof } from "./proof.ts";
import { relaying } from "./relay.ts";
import { slow } from "./slow.ts";
import { smuggling } from "./smuggling.ts";

const json = process.argv.includes("--json");
/** Those that stand together run at once: they mostly wait, and nobody measures memory by them. */
const attacks: readonly (readonly (() => Promise<readonly Proof[]>)[])[] = [[relaying, smuggling, logins], [slow], [endless], [headers]];
let holds = true;

if (!json) console.log("| what | got | |\n| --- | --- | --- |");
for (const together of attacks) {
  for (const proof of (await Promise.all(together.map((attack) => attack()))).flat()) {
    holds &&= proof.holds;
    console.log(json ? JSON.stringify(proof) : `| ${proof.what} | ${proof.got} | ${proof.holds ? "holds" : "FAILS"} |`);
  }
}
process.exitCode = holds ? 0 : 1;
