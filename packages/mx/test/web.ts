import type { TestCertificate } from "@postroad/testing/certificate";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { Agent, buildConnector, fetch as undiciFetch } from "undici";
import type { Fetch, FetchInit } from "../src/index.ts";

export interface Web extends AsyncDisposable {
  readonly fetch: Fetch;
  readonly requests: readonly string[];
  answer: (request: IncomingMessage, response: ServerResponse) => void;
}

/** A web server by https, and the platform's kind of fetch that finds every host there. */
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
    fetch: (url: string, init: FetchInit) => undiciFetch(url, { ...init, dispatcher: agent }),
    async [Symbol.asyncDispose]() {
      await agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
