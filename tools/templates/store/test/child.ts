import { storeChild } from "@postroad/testing/checks";
import { larder } from "../src/index.ts";

// Run by the suite, in a process that it kills.
const [path = ""] = process.argv.slice(2);
await storeChild(larder(path));
