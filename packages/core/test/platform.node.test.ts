// What needs Node to be seen. All other tests of core run in other runtimes too (tools/test-runtimes.ts).
import { ConfigError, DeliveryError, Refusal, checkOptions, isInteger, receipt, transport } from "@postroad/core";
import { once } from "node:events";
import { createServer } from "node:http";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type * as errors from "../src/errors.ts";
import { accepted, mailTo, rejected, told } from "./mails.ts";

/** A second copy of the module, as two versions of core in one process would be. */
async function copyOfErrors(): Promise<typeof errors> {
  return import(`${new URL("../src/errors.ts", import.meta.url).href}?copy`);
}

const examples = {
  Refusal: () => new Refusal("4.4.1", "connection refused"),
  DeliveryError: () => new DeliveryError(told(["ann@x", rejected])),
  ConfigError: () => new ConfigError("smtp", [{ path: "port", message: "is missing" }]),
} as const;
const classes = { Refusal, DeliveryError, ConfigError } as const;

describe("two copies of core", () => {
  it.each(["Refusal", "DeliveryError", "ConfigError"] as const)("#80: %s is recognised across both", async (name) => {
    const copy = await copyOfErrors();
    expect(copy[name]).not.toBe(classes[name]);
    expect(examples[name]()).toBeInstanceOf(copy[name]);
    expect(new copy.Refusal("4.0.0", "theirs") instanceof classes[name]).toBe(name === "Refusal");
  });
});

describe("inspect", () => {
  it("shows what a ConfigError says", () => {
    expect(inspect(new ConfigError("smtp", [{ path: "port", message: "is missing" }]))).toContain("port is missing");
  });

  it("#75: shows no value of a wrong option", () => {
    const given = { port: 0, pasword: "hunter2" };
    const check = (): void => checkOptions<{ readonly port: number }>("smtp", given, { port: isInteger(1) });
    expect(check).toThrow(expect.toSatisfy((error) => error instanceof ConfigError && !inspect(error).includes("hunter2")));
  });

  it("shows what a Refusal says", () => {
    expect(inspect(new Refusal("4.4.1", "nobody answers"))).toContain("nobody answers");
  });
});

describe("fetch", () => {
  it("#34: a request that is aborted after the server has the mail is in doubt", async () => {
    const server = createServer((request) => request.resume().on("end", () => abort.abort()));
    const abort = new AbortController();
    await once(server.listen(0, "127.0.0.1"), "listening");
    try {
      const address = server.address();
      const port = typeof address === "object" ? address?.port : undefined;
      const to = transport("http", async (sent, { signal = null }) => {
        await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: sent.id, signal });
        return receipt(sent, accepted);
      });
      const { outcomes } = await to.send(mailTo("ann@x", "bob@x"), { signal: abort.signal });
      expect(outcomes).toMatchObject([{ kind: "deferred", status: "4.3.2", uncertain: true }, { uncertain: true }]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
