// A server that takes everything and keeps nothing, in a process of its own: server-process.ts <postroad|smtp-server>
import { receipt, transport } from "@postroad/core";
import { createServer } from "@postroad/server";
import { once } from "node:events";
import { SMTPServer } from "smtp-server";

let messages = 0;
let bytes = 0;

const SERVERS: Readonly<Record<string, () => Promise<number>>> = {
  async postroad() {
    const to = transport("discard", async (mail) => {
      for await (const chunk of mail.content.open()) bytes += chunk.byteLength;
      messages += 1;
      return receipt(mail, { kind: "accepted", status: "2.0.0", by: "discard" });
    });
    const server = createServer({ mode: "mx", to, recipient: () => true, hostname: "discard.example", limits: { mails: 1_000_000_000, junk: 1_000_000_000 } });
    return (await server.listen({ port: 0, host: "127.0.0.1" })).port;
  },
  async "smtp-server"() {
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ["STARTTLS", "AUTH"],
      disableReverseLookup: true,
      logger: false,
      onRcptTo: (_address, _session, done) => done(),
      onData(stream, _session, done) {
        stream.on("data", (chunk: Buffer) => (bytes += chunk.byteLength));
        stream.on("end", () => {
          messages += 1;
          done(null, "queued");
        });
      },
    });
    server.listen(0, "127.0.0.1");
    await once(server.server, "listening");
    const address = server.server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  },
};

const start = SERVERS[process.argv[2] ?? ""];
if (start === undefined) throw new Error(`there is no server ${process.argv[2]}`);
process.send?.({ port: await start() });
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  const memory = process.resourceUsage().maxRSS * 1024;
  process.send?.({ messages, bytes, cpu: (user + system) / 1e6, system: system / 1e6, memory, at: performance.now() / 1000 });
});
process.on("disconnect", () => process.exit());
