import { Refusal } from "@postroad/core";
import type { Server } from "@postroad/server";
import { createServer } from "@postroad/server";
import { testCertificate } from "@postroad/testing/certificate";
import type { Fake } from "@postroad/testing/fake";
import { fake } from "@postroad/testing/fake";

/** A server of ours to which another mail server sends. */
export interface NextServer extends AsyncDisposable {
  readonly server: Server;
  /** What it hands mail to. */
  readonly to: Fake;
  /** PEM: the authority of its certificate, which is for next.test and 127.0.0.1. */
  readonly ca: string;
}

/** What it says to recipients of these names, once it has been asked for them. */
export const KEPT = "kept@next.test";
/** 550 5.1.1 */
export const REFUSED = "refused@next.test";
/** 450 4.2.1 the first time, then it is taken. */
export const LATER = "later@next.test";

export interface NextServerOptions {
  /** The transport defers the first message: 451 after its last octet. @default false */
  readonly deferFirst?: boolean;
}

/** Starts one that takes mail as an MX, with STARTTLS. */
export async function startNextServer({ deferFirst = false }: NextServerOptions = {}): Promise<NextServer> {
  const { ca, ...tls } = testCertificate({ names: ["next.test", "127.0.0.1"] });
  let asked = 0;
  const to = fake({}, {
    before() {
      if (deferFirst && to.calls.length === 1) throw new Refusal("4.3.5", "not at the moment");
    },
  });
  const server = await createServer({
    mode: "mx",
    to,
    tls,
    hostname: "next.test",
    recipient({ address }) {
      if (address === REFUSED) throw new Refusal("5.1.1", "nobody of this name");
      if (address === LATER && (asked += 1) === 1) throw new Refusal("4.2.1", "come back later");
      return true;
    },
  }).listen({ port: 0, host: "127.0.0.1" });
  return { server, to, ca, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
