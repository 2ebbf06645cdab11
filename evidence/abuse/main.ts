// What an attacker may do to our server, and what becomes of it. Everything stays on 127.0.0.0/8.
import { endless } from "./endless.ts";
import { headers } from "./headers.ts";
import { logins } from "./logins.ts";
import type { Proof } from "./proof.ts";
import { relaying } from "./relay.ts";
import { slow } from "./slow.ts";
import { smuggling } from "./smuggling.ts";

const json = process.argv.includes("--json");
const attacks: readonly (() => Promise<readonly Proof[]>)[] = [relaying, smuggling, slow, endless, logins, headers];
let holds = true;

if (!json) console.log("| what | got | |\n| --- | --- | --- |");
for (const attack of attacks) {
  for (const proof of await attack()) {
    holds &&= proof.holds;
    console.log(json ? JSON.stringify(proof) : `| ${proof.what} | ${proof.got} | ${proof.holds ? "holds" : "FAILS"} |`);
  }
}
process.exitCode = holds ? 0 : 1;
