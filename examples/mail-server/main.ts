// A mail server in one process. Needs a file of settings (config.ts says what is in it):
//   node examples/mail-server/main.ts settings.json
import { once } from "node:events";
import { readConfig } from "./config.ts";
import { lineOf } from "./log.ts";
import { mailServer } from "./mail-server.ts";

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("say which settings: main.ts settings.json");

const stop = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
await using server = await mailServer(await readConfig(file), (event) => console.log(lineOf(event)));
console.log(JSON.stringify({ kind: "listening", ...server.ports }));
await stop;
console.log(JSON.stringify({ kind: "stopping" }));
