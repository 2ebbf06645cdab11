import { Resolver } from "node:dns/promises";
import { describe, expect, it } from "vitest";
import { dnsServer } from "../../mx/test/dns-server.ts";
import { nullMx } from "../src/index.ts";
import { mail, session, through } from "./support.ts";

/** The system's resolver, asking a server of ours. */
function resolverAt(address: string): Resolver {
  const resolver = new Resolver({ timeout: 2000, tries: 1 });
  resolver.setServers([address]);
  return resolver;
}

describe("nullMx", () => {
  it("M8: a sender whose domain takes no mail is refused at MAIL, whoever has a way back is not", async () => {
    await using dns = await dnsServer({
      "MX none.example": ["0 ."],
      "MX some.example": ["0 .", "10 mx.some.example"],
      "MX sender.example": ["10 mx.sender.example"],
      "A bare.example": ["192.0.2.1"],
      "MX broken.example": "SERVFAIL",
      "MX xn--bcher-kva.example": ["0 ."],
    });
    const resolver = resolverAt(dns.address);
    const policy = nullMx({ resolveMx: (domain) => resolver.resolveMx(domain) });
    const refused = async (from: string): Promise<unknown> => {
      try {
        await policy.sender?.(from, session("192.0.2.7"));
        return undefined;
      } catch (error) {
        return error;
      }
    };
    expect(await refused("bob@none.example")).toMatchObject({ status: "5.7.27", message: "the sender's domain none.example takes no mail (null MX)" });
    expect(await refused("bob@NONE.example")).toMatchObject({ status: "5.7.27" });
    expect(await refused("bob@bücher.example")).toMatchObject({ status: "5.7.27" });
    for (const from of ["bob@sender.example", "bob@some.example", "bob@bare.example", "bob@nobody.example", "bob@broken.example", "", "bob@[192.0.2.1]"]) {
      expect(await refused(from)).toBeUndefined();
    }
  });

  it("M8: in a server the client hears 550 5.7.27, and nothing is taken", async () => {
    const policies = [nullMx({ resolveMx: async () => [{ exchange: "", priority: 0 }] })];
    const { reply, to } = await through(policies, mail("A: b\r\n\r\nx\r\n", "bob@none.example"));
    expect(reply).toBe("550 5.7.27 the sender's domain none.example takes no mail (null MX)");
    expect(to.calls).toEqual([]);
  });

  it("M8: where DNS does not answer in time nobody is refused", async () => {
    const policy = nullMx({ timeout: 20, resolveMx: () => new Promise(() => undefined) });
    await expect(policy.sender?.("bob@sender.example", session("192.0.2.7"))).resolves.toBeUndefined();
  });

  it("options are checked", () => {
    expect(() => Reflect.apply(nullMx, undefined, [{ timeout: "1" }])).toThrow(/timeout/);
  });
});
