import { storeChild } from "@postroad/testing/checks";
import { sqliteStore } from "../src/index.ts";

// Run by the suite in a process that it kills.
const [path = ""] = process.argv.slice(2);
await storeChild(sqliteStore(path));
