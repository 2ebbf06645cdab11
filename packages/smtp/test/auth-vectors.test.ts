import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Login, TokenLogin } from "../src/index.ts";
import type { Mechanism, Place } from "../src/sasl.ts";
import { chooseMechanism } from "../src/sasl.ts";
import { saslPrep, scram } from "../src/scram.ts";

function place(offered: readonly string[], more: Partial<Place> = {}): Place {
  return { host: "server.example.com", port: 587, binding: undefined, offered, ...more };
}

function chosen(login: Login | TokenLogin, where: Place, secret: string = ""): Mechanism {
  const mechanism = chooseMechanism(login, where, secret);
  if (mechanism === undefined) throw new Error("no mechanism");
  return mechanism;
}

const binding = { type: "tls-exporter", data: Buffer.from("bound") } as const;

describe("auth: vectors (C26, C28)", () => {
  it("C28: CRAM-MD5 of RFC 2195 §2", async () => {
    const mechanism = chosen({ user: "tim", pass: "tanstaaftanstaaf" }, place(["CRAM-MD5"]));
    expect(mechanism.initial).toBeUndefined();
    expect(mechanism.complete?.()).toBe(false);
    expect(await mechanism.respond("<1896.697170952@postoffice.reston.mci.net>", 0)).toBe("tim b913a602c7eda7a495b4e6e7334d3890");
    expect(mechanism.complete?.()).toBe(true);
    expect(await mechanism.respond("again?", 1)).toBeUndefined();
  });

  it("C26: PLAIN of RFC 4616 §4", () => {
    expect(chosen({ user: "tim", pass: "tanstaaftanstaaf" }, place(["PLAIN"])).initial).toBe("\0tim\0tanstaaftanstaaf");
  });

  it("C28: SCRAM-SHA-256 of RFC 7677 §3", async () => {
    const mechanism = scram({ user: "user", pass: "pencil" }, undefined, false, "rOprNGfwEbeRWgbNEkqO");
    expect(mechanism.initial).toBe("n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    const joint = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    expect(await mechanism.respond(`r=${joint},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`, 0)).toBe(
      `c=biws,r=${joint},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`,
    );
    expect(mechanism.complete?.()).toBe(false);
    expect(await mechanism.respond("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", 1)).toBe("");
    expect(mechanism.complete?.()).toBe(true);
  });

  it("C28: OAUTHBEARER of RFC 7628 §4.1, and its second step of §4.3", async () => {
    const token = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";
    const mechanism = chosen({ user: "user@example.com", token }, place(["OAUTHBEARER", "XOAUTH2"]), token);
    expect(mechanism.initial).toBe(`n,a=user@example.com,\x01host=server.example.com\x01port=587\x01auth=Bearer ${token}\x01\x01`);
    expect(Buffer.from(mechanism.initial ?? "").toString("base64")).toBe(
      "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9NTg3AWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB",
    );
    expect(await mechanism.respond('{"status":"invalid_token"}', 0)).toBe("\x01");
    expect(await mechanism.respond("", 1)).toBeUndefined();
  });

  it("C28: OAUTHBEARER encodes = and , in the name (RFC 5801 §4)", () => {
    expect(chosen({ user: "a=b,c", token: "t" }, place(["OAUTHBEARER"]), "t").initial).toContain("n,a=a=3Db=2Cc,\x01");
  });

  it("C28: XOAUTH2 as Google describes it", async () => {
    const token = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg";
    const mechanism = chosen({ user: "someuser@example.com", token }, place(["XOAUTH2", "PLAIN"]), token);
    expect(Buffer.from(mechanism.initial ?? "").toString("base64")).toBe(
      "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==",
    );
    expect(await mechanism.respond('{"status":"401"}', 0)).toBe("");
    expect(await mechanism.respond("", 1)).toBeUndefined();
  });
});

describe("auth: which mechanism (C28)", () => {
  const password = { user: "ann", pass: "secret" };
  const everything = ["LOGIN", "PLAIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "NTLM", "XOAUTH2"];

  it.each([
    [everything, true, "SCRAM-SHA-256-PLUS"],
    [everything, false, "SCRAM-SHA-256"],
    [["LOGIN", "PLAIN", "CRAM-MD5"], true, "CRAM-MD5"],
    [["LOGIN", "PLAIN"], true, "PLAIN"],
    [["LOGIN"], true, "LOGIN"],
    [["SCRAM-SHA-256-PLUS"], false, undefined],
    [["NTLM", "XOAUTH2", "OAUTHBEARER", "EXTERNAL"], true, undefined],
    [[], true, undefined],
  ])("C28: of %j with a binding: %s, it is %s", (offered, bound, name) => {
    expect(chooseMechanism(password, place(offered, bound ? { binding } : {}), "")?.name).toBe(name);
  });

  it.each(["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "CRAM-MD5", "PLAIN", "LOGIN"] as const)("C28: method %s is that and nothing else", (method) => {
    const login = { ...password, method };
    expect(chooseMechanism(login, place(everything, { binding }), "")?.name).toBe(method);
    expect(chooseMechanism(login, place(everything.filter((name) => name !== method), { binding }), "")).toBeUndefined();
  });

  it("C28: a token, a certificate and a password do not stand in for each other", () => {
    expect(chooseMechanism({ user: "a", token: "t" }, place(["XOAUTH2", "OAUTHBEARER", "PLAIN"]), "t")?.name).toBe("OAUTHBEARER");
    expect(chooseMechanism({ user: "a", token: "t", method: "XOAUTH2" }, place(["XOAUTH2", "OAUTHBEARER"]), "t")?.name).toBe("XOAUTH2");
    expect(chooseMechanism({ user: "a", token: "t" }, place(["PLAIN", "LOGIN"]), "t")).toBeUndefined();
    expect(chooseMechanism({ method: "EXTERNAL" }, place(["EXTERNAL", "PLAIN"]), "")?.initial).toBe("");
    expect(chooseMechanism({ method: "EXTERNAL", user: "ann" }, place(["EXTERNAL"]), "")?.initial).toBe("ann");
  });

  it("C28: says in its proof whether it could have bound the login (RFC 5802 §6)", () => {
    const header = (offered: readonly string[], bound: boolean, method?: Login["method"]): string | undefined =>
      chooseMechanism({ ...password, ...(method !== undefined && { method }) }, place(offered, bound ? { binding } : {}), "")?.initial?.split("n=")[0];
    expect(header(["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"], true)).toBe("p=tls-exporter,,");
    expect(header(["SCRAM-SHA-256"], true)).toBe("y,,");
    expect(header(["SCRAM-SHA-256"], false)).toBe("n,,");
    expect(header(["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"], true, "SCRAM-SHA-256")).toBe("n,,");
  });
});

describe("auth: SCRAM takes nothing that proves nothing (C28, #25)", () => {
  const run = (): Mechanism => scram({ user: "user", pass: "pencil" }, undefined, false, "nonce");
  const good = "r=nonceMore,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

  it.each([
    ["the nonce not extended", "r=nonce,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"],
    ["another nonce", "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"],
    ["one round", "r=nonceMore,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1"],
    ["4095 rounds", "r=nonceMore,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095"],
    ["a billion rounds", "r=nonceMore,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1000000000"],
    ["rounds that are no number", "r=nonceMore,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096x"],
    ["no salt", "r=nonceMore,s=,i=4096"],
    ["a salt that is no base64", "r=nonceMore,s=!!,i=4096"],
    ["an extension that must be understood", `m=more,${good}`],
    ["another order", "s=W22ZaJ0SNY7soEsUEjb6gQ==,r=nonceMore,i=4096"],
    ["nothing", ""],
    ["an error", "e=unknown-user"],
  ])("%s", async (_, challenge) => {
    const mechanism = run();
    expect(await mechanism.respond(challenge, 0)).toBeUndefined();
    expect(mechanism.complete?.()).toBe(false);
  });

  it("an optional extension is passed over", async () => {
    expect(await run().respond(`${good},x=optional`, 0)).toMatch(/^c=biws,r=nonceMore,p=/);
  });

  it.each(["v=AAAA", "v=", "", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="])("a signature of %j", async (final) => {
    const mechanism = run();
    await mechanism.respond(good, 0);
    expect(await mechanism.respond(final, 1)).toBeUndefined();
    expect(mechanism.complete?.()).toBe(false);
  });

  it("the server's own error is answered, so that its reply says what it was", async () => {
    const mechanism = run();
    await mechanism.respond(good, 0);
    expect(await mechanism.respond("e=invalid-proof", 1)).toBe("");
    expect(mechanism.complete?.()).toBe(false);
  });

  it("any challenge at all", () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: "binary" }), { maxLength: 4 }), async (challenges) => {
        const mechanism = run();
        for (const [round, challenge] of challenges.entries()) if ((await mechanism.respond(challenge, round)) === undefined) break;
        expect(mechanism.complete?.()).toBe(false);
      }),
    ));

  it("every run has a nonce of its own", () => {
    const nonces = Array.from({ length: 50 }, () => scram({ user: "u", pass: "p" }, undefined, false).initial?.split("r=")[1] ?? "");
    expect(new Set(nonces).size).toBe(50);
    for (const nonce of nonces) expect(nonce).toMatch(/^[!-+\--~]{24,}$/);
  });

  it("= and , in the user name are encoded", () => {
    expect(scram({ user: "a=b,c", pass: "p" }, undefined, false, "n").initial).toBe("n,,n=a=3Db=2Cc,r=n");
  });
});

describe("auth: SASLprep (RFC 4013 §3)", () => {
  it.each([["I\u00adX", "IX"], ["user", "user"], ["USER", "USER"], ["\u00aa", "a"], ["\u2168", "IX"], ["a\u00a0b", "a b"], ["p\u0061\u0308ss", "p\u00e4ss"], ["\u3000", " "]])("%j becomes %j", (from, to) => {
    expect(saslPrep(from)).toBe(to);
  });
});
