import { once } from "node:events";
import { SMTPServer } from "smtp-server";
import type { StartServer } from "./server.ts";

/** Bare: no TLS, no login, no lookup, no log. Reads what it takes, and forgets it. */
export const smtpServer: StartServer = async (counts) => {
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS", "AUTH"],
    disableReverseLookup: true,
    logger: false,
    onRcptTo: (_address, _session, done) => done(),
    onData(stream, _session, done) {
      stream.on("data", (chunk: Buffer) => (counts.bytes += chunk.byteLength));
      stream.on("end", () => {
        counts.messages += 1;
        done(null, "queued");
      });
    },
  });
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  const address = server.server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
};
