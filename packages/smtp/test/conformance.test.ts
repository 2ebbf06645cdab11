import { contentOf } from "@postroad/core";
import type { ReceivedMail } from "@postroad/testing";
import { testTransport } from "@postroad/testing";
import { modelPeer } from "@postroad/testing/peer";
import assert from "node:assert/strict";
import { describe, expect, it } from "vitest";
import { smtp } from "../src/index.ts";
import { realServer } from "./real-server.ts";
import { mail, plain } from "./support.ts";

const capabilities = ["reads", "aborts", "rejects", "defers"] as const;
const recipients = {
  "rejected@example.net": "550 5.1.1 no such user",
  "deferred@example.net": "450 4.2.1 try again",
};

testTransport({
  name: "smtp: conformance over a real server, TLS and AUTH",
  capabilities,
  async open() {
    const server = await realServer();
    return {
      transport: smtp({ ...server.options, auth: { user: "ann", pass: "s3cret" } }),
      received: () => server.received,
      [Symbol.asyncDispose]: () => server.close(),
    };
  },
});

for (const extensions of [["PIPELINING", "8BITMIME"], ["8BITMIME"], ["PIPELINING", "8BITMIME", "CHUNKING"]]) {
  testTransport({
    name: `smtp: conformance over ${extensions.join(" ")}`,
    capabilities,
    async open() {
      const peer = await modelPeer({ extensions, recipients });
      return {
        transport: plain(peer, { pool: 3 }),
        received: () => peer.messages.map(({ to, content }): ReceivedMail => ({ to: to.map(({ address }) => address), content })),
        async [Symbol.asyncDispose]() {
          await peer[Symbol.asyncDispose]();
          assert.deepEqual(peer.violations, []);
        },
      };
    },
  });
}

describe("smtp: a real server", () => {
  it("C24: takes mail over implicit TLS", async () => {
    const server = await realServer({ secure: true });
    await using transport = smtp({ ...server.options, security: "tls", auth: { user: "ann", pass: "s3cret" } });
    const sent = mail({ to: ["ok@example.net"] });
    expect((await transport.send(sent)).outcomes).toMatchObject([{ kind: "accepted", remote: `localhost:${server.options.port}` }]);
    expect(server.received).toHaveLength(1);
    await transport[Symbol.asyncDispose]();
    await server.close();
  });

  it("C53: a new connection is greeted, protected and logged in anew", async () => {
    const server = await realServer();
    await using transport = smtp({ ...server.options, auth: { user: "ann", pass: "s3cret" }, pool: { connections: 1, messages: 1 } });
    for (const text of ["Subject: 1\r\n\r\n", "Subject: 2\r\n\r\n"]) {
      const receipt = await transport.send(mail({ to: ["ok@example.net"], content: contentOf(Buffer.from(text)) }));
      expect(receipt.outcomes).toMatchObject([{ kind: "accepted" }]);
    }
    expect(server.sessions).toBe(2);
    await transport[Symbol.asyncDispose]();
    await server.close();
  });
});
