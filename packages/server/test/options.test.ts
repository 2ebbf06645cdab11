import { fake } from "@postroad/testing/fake";
import { describe, expect, expectTypeOf, it } from "vitest";
import type { ServerOptions } from "../src/index.ts";
import { createServer } from "../src/index.ts";
import { clientKey, plainAddress } from "../src/clients.ts";
import { tls } from "./support.ts";

const to = fake();
const authenticate = async (): Promise<undefined> => undefined;

/** What a user without types can write. */
function make(options: object): unknown {
  return Reflect.apply(createServer, undefined, [options]);
}

describe("options", () => {
  it.each<[string, object, RegExp]>([
    ["no transport", { authenticate, tls }, /to is missing/],
    ["a transport that is none", { to: {}, authenticate, tls }, /to must be a transport/],
    ["no logins on submission", { to, tls }, /authenticate is missing/],
    ["no TLS on submission", { to, authenticate }, /tls is missing: nobody can log in without TLS/],
    ["an authenticator that knows nothing", { to, tls, authenticate: {} }, /authenticate has none of password, scram, token and certificate/],
    ["no recipient check on an MX: an open relay", { mode: "mx", to }, /recipient is missing/],
    ["a mode that there is not", { mode: "relay", to }, /mode must be one of submission, mx, lmtp/],
    ["logins on an MX", { mode: "mx", to, recipient: () => true, authenticate }, /authenticate is for mode "submission"/],
    ["bounce with LMTP", { mode: "lmtp", to, bounce: to }, /bounce is not for mode "lmtp"/],
    ["a typo", { mode: "lmtp", to, recipent: () => true }, /recipent is not an option; did you mean recipient/],
    ["a limit that there is not", { mode: "lmtp", to, limits: { sizes: 1 } }, /sizes is not an option; did you mean size/],
    ["fewer recipients than must be", { mode: "lmtp", to, limits: { recipients: 10 } }, /recipients must be a whole number from 100/],
    ["a timeout past what timers keep", { mode: "lmtp", to, timeouts: { command: 2 ** 31 } }, /command must be a whole number from 1 to 2147483647/],
    ["a host name that is none", { mode: "lmtp", to, hostname: "a b" }, /hostname must be a host name/],
    ["a network that is none", { mode: "lmtp", to, proxies: ["10.0.0.0/99"] }, /proxies "10\.0\.0\.0\/99" is no address or network/],
    ["TLS 1.0", { mode: "lmtp", to, tls: { ...tls, minVersion: "TLSv1" } }, /tls\.minVersion is TLSv1, which is broken/],
  ])("%s", (_, options, message) => {
    expect(() => make(options)).toThrow(message);
  });

  it("a key that does not fit the certificate is found at once", () => {
    expect(() => createServer({ mode: "lmtp", to, tls: { ...tls, key: "nonsense" } })).toThrow(/PEM|no start line|unsupported|DECODER/i);
  });

  it("listening: no LMTP on port 25, no implicit TLS without a certificate, no unknown option; a port in use is told of", async () => {
    const lmtp = (): ReturnType<typeof createServer> => createServer({ mode: "lmtp", to: fake() });
    await expect(lmtp().listen(25)).rejects.toThrow(/port is 25, on which LMTP must not be spoken/);
    await expect(lmtp().listen({ port: 0, implicitTls: true })).rejects.toThrow(/implicitTls needs a certificate/);
    await expect(lmtp().listen({ port: 70_000 })).rejects.toThrow(/port must be/);
    expect(() => lmtp().port).toThrow(/does not listen/);
    await using server = await lmtp().listen(0);
    const owned = fake();
    await expect(createServer({ mode: "lmtp", to: owned }).listen(0, server.port)).rejects.toThrow(/EADDRINUSE/);
    expect(owned.disposed).toBe(1);
  });

  it("an open relay does not compile", () => {
    // @ts-expect-error -- recipient is missing
    expectTypeOf({ mode: "mx", to } as const).toExtend<ServerOptions>();
    // @ts-expect-error -- authenticate is missing
    expectTypeOf({ to, tls }).toExtend<ServerOptions>();
    expectTypeOf({ to, tls, authenticate }).toExtend<ServerOptions>();
  });

  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:0DB8::7", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
    ["fe80::1%eth0", "fe80:0:0:0"],
    ["", ""],
  ])("U22: %s is counted as %s", (address, key) => {
    expect(clientKey(address)).toBe(key);
  });

  it("IPv4 over an IPv6 socket is IPv4", () => {
    expect(plainAddress("::ffff:192.0.2.1")).toBe("192.0.2.1");
  });
});
