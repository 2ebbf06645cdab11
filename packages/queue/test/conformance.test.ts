import { testStore } from "@postroad/testing";
import { memoryStore } from "../src/index.ts";

testStore({ name: "memoryStore", capabilities: ["limits"], open: (limits) => memoryStore(limits) });
