import { testTransport } from "@postroad/testing";
import { describe, expect, it } from "vitest";
import { ConfigError } from "@postroad/core";
import type { MxOptions } from "../src/index.ts";
import { mx } from "../src/index.ts";
import { world } from "./support.ts";

testTransport({
  name: "mx: conformance",
  capabilities: ["reads", "aborts", "rejects", "defers"],
  async open() {
    const recipients = { "rejected@example.net": "550 5.1.1 no such user", "deferred@example.net": "450 4.2.1 try again" };
    const at = await world([{ recipients }], (hosts) => ({ "MX example.net": ["10 mx.example.net"], "A mx.example.net": [hosts.host(0)] }));
    return {
      transport: at.transport,
      received: () => at.hosts.peers.flatMap(({ messages }) => messages.map(({ to, content }) => ({ to: to.map(({ address }) => address), content }))),
      [Symbol.asyncDispose]: () => at[Symbol.asyncDispose](),
    };
  },
});

describe("options of mx", () => {
  it.each<[object, RegExp]>([
    [{ prot: 25 }, /did you mean port/],
    [{ port: 587 }, /25/],
    [{ allow: ["10.0.0.0/99"] }, /allow must be a list of ranges/],
    [{ allow: ["example.net"] }, /allow/],
    [{ allow: ["10.0.0.0/"] }, /allow/],
    [{ self: [""] }, /self/],
    [{ localAddress: "eth0" }, /localAddress/],
    [{ localAddress: ["127.0.0.1", "127.0.0.2"] }, /localAddress/],
    [{ addresses: "ipv5" }, /addresses/],
    [{ maxAddresses: 1 }, /from 2/],
    [{ pools: { host: 1 } }, /did you mean hosts/],
    [{ cache: { entires: 1 } }, /did you mean entries/],
    [{ mtaSts: { timeout: 0 } }, /timeout/],
    [{ tls: { servername: "a.example" } }, /servername/],
    [{ tls: { minVersion: "TLSv1" } }, /TLSv1.2/],
    [{ timeouts: { conect: 1 } }, /did you mean connect/],
    [{ name: "a b" }, /name/],
  ])("#73: %o is refused when it is made", (options, message) => {
    expect(() => mx(options)).toThrow(ConfigError);
    expect(() => mx(options)).toThrow(message);
  });

  it("#73: nothing has to be given", async () => {
    const options: MxOptions = {};
    await using transport = mx(options);
    expect(transport.name).toBe("mx");
    expect(transport.stats()).toEqual({ hosts: 0, waiting: 0, sending: 0, connections: 0 });
  });
});
