import type { ReceivedMail } from "@postroad/testing";
import { testCertificate } from "@postroad/testing/certificate";
import { SMTPServer } from "smtp-server";
import type { SmtpOptions } from "../src/index.ts";
import { portOf } from "./support.ts";

export interface RealServer {
  /** Host, port and trust of a client that is to reach it. */
  readonly options: SmtpOptions & { readonly port: number };
  readonly received: readonly ReceivedMail[];
  /** Connections so far. */
  readonly sessions: number;
  close(): Promise<void>;
}

/** Refuses rejected@ with 550 and deferred@ with 450; knows the user ann. */
export async function realServer({ secure = false }: { readonly secure?: boolean } = {}): Promise<RealServer> {
  const certificate = testCertificate();
  const received: ReceivedMail[] = [];
  let sessions = 0;
  const server = new SMTPServer({
    secure,
    key: certificate.key,
    cert: certificate.cert,
    disableReverseLookup: true,
    logger: false,
    onConnect(_session, done) {
      sessions += 1;
      done();
    },
    onAuth({ username, password }, _session, done) {
      if (username === "ann" && password === "s3cret") done(null, { user: username });
      else done(new Error("no"));
    },
    onRcptTo({ address }, _session, done) {
      if (address.startsWith("rejected@")) done(refusal(550, "5.1.1 no such user"));
      else if (address.startsWith("deferred@")) done(refusal(450, "4.2.1 try again"));
      else done();
    },
    onData(stream, { envelope }, done) {
      const to = envelope.rcptTo.map(({ address }) => address);
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", done);
      stream.on("end", () => {
        received.push({ to, content: Buffer.concat(chunks) });
        done(null, "queued");
      });
    },
  });
  server.on("error", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const port = portOf(server.server);
  return {
    options: { host: "localhost", port, security: secure ? "tls" : "starttls", tls: { ca: certificate.ca } },
    received,
    get sessions() {
      return sessions;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function refusal(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}
