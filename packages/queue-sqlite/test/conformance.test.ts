import { testStore } from "@postroad/testing";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqliteStore } from "../src/index.ts";

const child = join(import.meta.dirname, "store-child.ts");

testStore({
  name: "sqliteStore",
  capabilities: ["limits", "reopens", "shares", "processes"],
  // A disk that others write to makes each call wait for its sync.
  patience: 25_000,
  async open(limits) {
    const folder = await mkdtemp(join(tmpdir(), "postroad-sqlite-"));
    const path = join(folder, "mail.db");
    return {
      store: sqliteStore(path, limits),
      again: () => sqliteStore(path),
      child: ["-C", "@postroad/source", child, path],
      [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
    };
  },
});
