import { modelPeer } from "@postroad/testing/peer";
import { execFile } from "node:child_process";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { portOf } from "./support.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));

/** Runs a module in a process of its own, which has to end by itself. */
async function inProcess(port: number, code: string, ...flags: readonly string[]): Promise<string> {
  const prelude = `
    import { smtp } from "@postroad/smtp";
    import { contentOf, envelope } from "@postroad/core";
    const options = { host: "127.0.0.1", port: ${port}, security: "none", pool: 2 };
    const mail = (content) => ({ id: "1", envelope: envelope("a@x.example", ["b@x.example"]), content, meta: {} });
    const small = contentOf(Buffer.from("Subject: x\\r\\n\\r\\nhi\\r\\n"));
  `;
  const args = ["-C", "@postroad/source", ...flags, "--input-type=module", "--eval", prelude + code];
  const { stdout } = await run(process.execPath, args, { cwd: root, timeout: 20_000 });
  return stdout;
}

describe("process", () => {
  it("ends by itself after the last mail, without dispose, while connections are kept", async () => {
    await using peer = await modelPeer();
    const out = await inProcess(peer.port, `
      const transport = smtp(options);
      const receipts = await Promise.all([1, 2, 3].map(() => transport.send(mail(small))));
      console.log(receipts.map(({ outcomes }) => outcomes[0].kind).join());
    `);
    expect(out).toBe("accepted,accepted,accepted\n");
  });

  it("is kept alive while a mail is under way, and dispose leaves no handle behind", async () => {
    await using peer = await modelPeer();
    const out = await inProcess(peer.port, `
      const transport = smtp(options);
      await transport.check();
      await transport.send(mail(small));
      await transport[Symbol.asyncDispose]();
      for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
      console.log(process.getActiveResourcesInfo().filter((name) => name.startsWith("TCP") || name === "Timeout").join());
    `);
    expect(out).toBe("\n");
    expect(peer.transcripts.flat().filter((line) => line === "C: QUIT")).toHaveLength(1);
  });

  it("#10 #28: a stream of 200 MB does not grow memory with it", async () => {
    // Takes everything at its own pace and answers when the final dot has come.
    const server = createServer((socket) => {
      let tail = "";
      let inData = false;
      socket.write("220 a\r\n");
      socket.on("error", () => undefined).on("data", (bytes) => {
        tail = (tail + bytes.toString("latin1").slice(-5)).slice(-5);
        const text = inData ? "" : bytes.toString("latin1");
        if (text.startsWith("EHLO")) socket.write("250-a\r\n250 PIPELINING\r\n");
        if (text.includes("DATA\r\n")) inData = socket.write("250 ok\r\n250 ok\r\n354 go\r\n");
        else if (inData && tail === "\r\n.\r\n") inData = !socket.write("250 ok\r\n");
        else if (text === "QUIT\r\n") socket.end("221 bye\r\n");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const out = await inProcess(portOf(server), `
      const chunk = Buffer.from(("x".repeat(76) + "\\r\\n").repeat(840));
      const count = Math.ceil(200e6 / chunk.byteLength);
      async function* open() { for (let i = 0; i < count; i += 1) yield Buffer.from(chunk); }
      await using transport = smtp(options);
      await transport.send(mail(small));
      const before = process.memoryUsage().rss;
      let most = before;
      const timer = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 5);
      const { outcomes } = await transport.send(mail({ open }));
      clearInterval(timer);
      console.log(JSON.stringify({ kind: outcomes[0].kind, grown: Math.round((most - before) / 1e6) }));
    `, "--max-old-space-size=64");
    await new Promise((resolve) => server.close(resolve));
    const { kind, grown } = JSON.parse(out);
    expect(kind).toBe("accepted");
    expect(grown).toBeLessThan(100);
  });
});
