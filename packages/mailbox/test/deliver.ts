// Run as a process of its own, to be killed: delivers one mail below the directory given and tells the outcomes.
import { contentOf, envelope } from "@postroad/core";
import { writeSync } from "node:fs";
import { maildir } from "../src/index.ts";

const [root = "", id = "", ...to] = process.argv.slice(2);
await using transport = maildir(root, { lookup: (address) => ({ mailbox: address.split("@")[0] ?? "" }) });
const content = contentOf(Buffer.from(`X-Id: ${id}\r\n\r\n${"a line of text\r\n".repeat(10_000)}`));
const { outcomes } = await transport.send({ id, envelope: envelope("sender@example.org", to), content, meta: {} });
writeSync(1, `${JSON.stringify(outcomes)}\n`);
