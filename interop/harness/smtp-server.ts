import { testCertificate } from "@postroad/testing/certificate";
import { once } from "node:events";
import type {
  SMTPServerAuthentication,
  SMTPServerAuthenticationResponse,
  SMTPServerDataResult,
  SMTPServerEnvelope,
  SMTPServerOptions,
} from "smtp-server";
import { SMTPServer } from "smtp-server";

/** A mail that the server has taken. */
export interface Received {
  readonly envelope: SMTPServerEnvelope;
  /** Who was logged in. */
  readonly user: unknown;
  readonly content: Buffer;
}

export interface SmtpServer extends AsyncDisposable {
  readonly port: number;
  /** PEM. The certificate is for 127.0.0.1. */
  readonly ca: string;
  readonly received: readonly Received[];
  /** Logins tried so far. */
  readonly logins: readonly SMTPServerAuthentication["method"][];
}

export const USER = { user: "ann", pass: "pässwörd 密碼", token: "token-of-ann" } as const;

/** Starts smtp-server. It knows `USER`, and no recipient whose address begins with "nobody" or, after the message, "full". */
export async function startSmtpServer(options: SMTPServerOptions = {}): Promise<SmtpServer> {
  const { key, cert, ca } = testCertificate({ names: ["127.0.0.1"] });
  const received: Received[] = [];
  const logins: SMTPServerAuthentication["method"][] = [];
  const server = new SMTPServer({
    key,
    cert,
    disableReverseLookup: true,
    hideDSN: false,
    hideREQUIRETLS: false,
    authMethods: ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"],
    ...options,
    onAuth(auth, _session, done) {
      logins.push(auth.method);
      done(null, answerTo(auth));
    },
    onRcptTo({ address }, _session, done) {
      done(address.startsWith("nobody") ? refusal(550, "5.1.1 no such user") : null);
    },
    onData(stream, { envelope, user }, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        received.push({ envelope, user, content: Buffer.concat(chunks) });
        done(null, options.lmtp === true ? envelope.rcptTo.map(({ address }) => resultFor(address)) : "2.0.0 queued");
      });
    },
  });
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  const address = server.server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    port: address.port,
    ca,
    received,
    logins,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Without a user the login has failed. */
function answerTo(auth: SMTPServerAuthentication): SMTPServerAuthenticationResponse {
  return auth.username === USER.user && knowsSecret(auth) ? { user: USER.user } : {};
}

function knowsSecret(auth: SMTPServerAuthentication): boolean {
  if (auth.method === "CRAM-MD5") return auth.validatePassword(USER.pass);
  return auth.method === "XOAUTH2" ? auth.accessToken === USER.token : auth.password === USER.pass;
}

function resultFor(address: string): SMTPServerDataResult {
  return address.startsWith("full") ? refusal(452, "4.2.2 mailbox full") : "2.0.0 delivered";
}

function refusal(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}
