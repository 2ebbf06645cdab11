import type { TestCertificate } from "@postroad/testing/certificate";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { Agent, buildConnector, fetch as undiciFetch } from "undici";
import type { Fetch, FetchInit, Resolver } from "../src/index.ts";
import { webClient } from "../src/web.ts";

const everywhere: Resolver = { resolve: (name) => Promise.resolve({ state: "found", records: ["127.0.0.1"], name, secure: false, ttl: 1 }) };

export interface Web extends AsyncDisposable {
  readonly fetch: Fetch;
  readonly platform: Fetch;
  readonly port: number;
  readonly requests: readonly string[];
  answer: (request: IncomingMessage, response: ServerResponse) => void;
}

/** A web server by https, and ours and the platform's kind of fetch that find every host there. */
export async function webServer(policy: string | Web["answer"], certificate: TestCertificate, ca: string): Promise<Web> {
  const requests: string[] = [];
  const text = typeof policy === "string" ? policy : "";
  const state = {
    answer: typeof policy === "function" ? policy : (_: IncomingMessage, response: ServerResponse) => void response.setHeader("content-type", "text/plain; charset=utf-8").end(text),
  };
  const server = createServer({ key: certificate.key, cert: certificate.cert }, (request, response) => {
    requests.push(`${request.headers.host}${request.url}`);
    state.answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? String(address.port) : "";
  const connector = buildConnector({ ca });
  const agent = new Agent({ connect: (options, done) => connector({ ...options, hostname: "127.0.0.1", port, servername: options.hostname }, done) });
  return Object.assign(state, {
    requests,
    port: Number(port),
    fetch: webClient({ resolver: everywhere, order: "ipv4-only", mayGoTo: () => true, port: Number(port), ca }),
    platform: (url: string, init: FetchInit) => undiciFetch(url, { ...init, dispatcher: agent }),
    async [Symbol.asyncDispose]() {
      await agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
