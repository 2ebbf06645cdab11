import { sqliteStore } from "../src/index.ts";
import { bytesOf, entryOf } from "./entries.ts";

// Adds, and dies without closing anything.
const [path = ""] = process.argv.slice(2);
const store = sqliteStore(path);
for (let number = 0; number < 20; number += 1) await store.add([entryOf()], bytesOf(1));
process.kill(process.pid, "SIGKILL");
