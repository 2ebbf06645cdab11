import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testTransport } from "@postroad/testing";
import { folder } from "./folder.ts";

testTransport({
  name: "folder",
  capabilities: ["reads"],
  async open() {
    const path = await mkdtemp(join(tmpdir(), "postroad-folder-"));
    return { transport: folder(path), [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
  },
});
