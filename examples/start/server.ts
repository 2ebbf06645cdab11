// A submission server in its own process: TLS from the first byte, login required, and two recipients it will not take.
import { createHash } from "node:crypto";
import type { SMTPServerSession } from "smtp-server";
import { SMTPServer } from "smtp-server";

/** What the parent process sends to start the server. */
export interface Setup {
  readonly key: string;
  readonly cert: string;
  readonly user: string;
  readonly pass: string;
}

/** What the server tells: first where it listens, then each message it took. */
export type News =
  | { readonly kind: "listening"; readonly port: number }
  | { readonly kind: "message"; readonly from: string; readonly to: readonly string[]; readonly size: number; readonly sha256: string };

function tell(news: News): void {
  process.send?.(news);
}

function refuse(code: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode: code });
}

function recipientError(address: string): Error | undefined {
  if (address.startsWith("nobody@")) return refuse(550, "5.1.1 there is no such mailbox");
  if (address.startsWith("busy@")) return refuse(450, "4.2.1 the mailbox is busy, try again later");
  return undefined;
}

function describe(session: SMTPServerSession, size: number, sha256: string): News {
  const { mailFrom, rcptTo } = session.envelope;
  return { kind: "message", from: mailFrom ? mailFrom.address : "", to: rcptTo.map(({ address }) => address), size, sha256 };
}

process.once("message", ({ key, cert, user, pass }: Setup) => {
  const server = new SMTPServer({
    secure: true,
    key,
    cert,
    disableReverseLookup: true,
    onAuth(given, _session, done) {
      if (given.username === user && given.password === pass) done(null, { user });
      else done(refuse(535, "5.7.8 wrong user or password"));
    },
    onRcptTo({ address }, _session, done) {
      done(recipientError(address));
    },
    onData(stream, session, done) {
      const hash = createHash("sha256");
      let size = 0;
      stream.on("data", (chunk: Buffer) => {
        hash.update(chunk);
        size += chunk.length;
      });
      stream.on("end", () => {
        tell(describe(session, size, hash.digest("hex")));
        done(null, "2.0.0 taken");
      });
    },
  });
  const listener = server.listen(0, "127.0.0.1", () => {
    const address = listener.address();
    if (typeof address === "object" && address !== null) tell({ kind: "listening", port: address.port });
  });
  process.once("disconnect", () => process.exit());
});
