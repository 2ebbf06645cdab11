import { testCertificate } from "@postroad/testing/certificate";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { X509Certificate } from "node:crypto";
import { createServer as createHttpServer } from "node:http";
import { once } from "node:events";
import { smtp } from "@postroad/smtp";
import { describe, expect, it } from "vitest";
import { clientCertificates, hashPassword, passwordFile, scramDecoys, scramFile, scramSecret, tokenIntrospection, verifyPassword } from "../src/index.ts";
import { hashToTry } from "../src/password-file.ts";
import { authority, base64, plainLogin, secured, submission } from "./support.ts";

const BCRYPT = "$2b$04$abcdefghijklmnopqrstuu5JTyxkv9WkjLnhkGy4vGHNwGlsxAyXu";

async function file(text: string): Promise<AsyncDisposable & { readonly path: string; write(next: string): Promise<void> }> {
  const directory = await mkdtemp("/tmp/postroad-users-");
  const path = `${directory}/users`;
  await writeFile(path, text);
  return { path, write: (next) => writeFile(path, next), [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
}

describe("passwords", () => {
  it("a hash knows its password, in whatever form it is typed, and no other", async () => {
    const hash = await hashPassword("pässwörd 1");
    expect(hash).toMatch(/^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(await verifyPassword("pässwörd\u00a01".normalize("NFD"), hash)).toBe(true);
    expect(await verifyPassword("passwort 1", hash)).toBe(false);
    expect(await hashPassword("pässwörd 1")).not.toBe(hash);
  });

  it("bcrypt, argon2id and SCRAM secrets are known too", async () => {
    const { hash } = await import("bcryptjs");
    const crypto = await import("node:crypto");
    expect(await verifyPassword("s3cret", await hash("s3cret", 4))).toBe(true);
    expect(await verifyPassword("other", await hash("s3cret", 4))).toBe(false);
    expect(await verifyPassword("s3cret", await scramSecret("s3cret", 4096))).toBe(true);
    expect(await verifyPassword("other", await scramSecret("s3cret", 4096))).toBe(false);
    // Test vector of the reference implementation: test.c, version 19, argon2id, t=2, m=2^16, p=1.
    const argon2 = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    const answer = async (pass: string): Promise<unknown> => verifyPassword(pass, argon2).catch(String);
    const [right, wrong] = typeof crypto.argon2 === "function" ? [/^true$/, /^false$/] : [/Node 24\.7/, /Node 24\.7/];
    expect(String(await answer("password"))).toMatch(right);
    expect(String(await answer("Password"))).toMatch(wrong);
  });

  it("anything else is a ConfigError that does not show it", async () => {
    await expect(verifyPassword("x", "plaintext-secret")).rejects.toThrow(/none of scrypt, argon2, bcrypt/);
    await expect(verifyPassword("x", "plaintext-secret")).rejects.not.toThrow(/plaintext-secret/);
    await expect(verifyPassword("x", `$scram-sha-256$1,a$b$c`)).rejects.toThrow(/no secret of scramSecret/);
    await expect(verifyPassword("x", BCRYPT.slice(0, 30))).rejects.toThrow(/none of/);
  });

  it("U7: a name that nobody has is checked against a hash of somebody, of the same kind and cost", () => {
    const entries = new Map([["ann@example.org", { hash: BCRYPT }], ["bob@example.org", { hash: "other" }]]);
    expect(["Ann@example.org", "bob@example.org", "eve@example.org"].map((user) => hashToTry(entries, user))).toEqual([BCRYPT, "other", BCRYPT]);
    expect(hashToTry(new Map(), "eve@example.org")).toBeUndefined();
  });

  it("U7: a file of users is read, and read again when it changes; one that is broken is a 454", async () => {
    const hash = await hashPassword("s3cret");
    await using users = await file(`# users\n\nann@example.org:${hash}\nshop:${hash}:@shop.example, sale@example.org\n`);
    await using running = await submission({ authenticate: passwordFile(users.path), limits: { loginFailures: 9 } });
    await using client = await secured(running);
    expect(await client.say(plainLogin("eve@example.org", "s3cret"))).toMatch(/^535 /);
    expect(await client.say(plainLogin("ann@example.org", "wrong"))).toMatch(/^535 /);
    await users.write(`ann@example.org:${hash}:x:y\n`);
    expect(await client.say(plainLogin("ann@example.org", "s3cret"))).toMatch(/^454 /);
    await users.write(`ann@example.org:s3cret\n`);
    expect(await client.say(plainLogin("ann@example.org", "s3cret"))).toMatch(/^454 /);
    expect(String((await running.event("error")).error)).toMatch(/users:1 is not user:hash/);
    expect(running.events.map((event) => (event.kind === "error" ? String(event.error) : "")).join()).not.toContain("s3cret");
    await rm(users.path);
    expect(await client.say(plainLogin("ann@example.org", "s3cret"))).toMatch(/^454 /);
    await users.write(`Ann@example.org:${hash}\nshop:${hash}:@shop.example, sale@example.org\n`);
    expect(await client.say(plainLogin("ann@EXAMPLE.org", "s3cret"))).toMatch(/^235 /);
    expect(await client.say("MAIL FROM:<ann@example.org>")).toMatch(/^250 /);
    await using shop = await secured(running);
    await shop.say(plainLogin("shop", "s3cret"));
    expect(await shop.say("MAIL FROM:<a@shop.example>", "RSET", "MAIL FROM:<sale@example.org>", "RSET", "MAIL FROM:<x@example.org>")).toMatch(/^550 5\.7\.1 /);
  });

  it("a file of SCRAM secrets: the password is never shown, and can be", async () => {
    await using users = await file(`ann@example.org:${await scramSecret("s3cret", 4096)}\n`);
    await using running = await submission({ authenticate: scramFile(users.path) });
    const options = { host: "localhost", port: running.port, security: "starttls", tls: { ca: authority.cert } } as const;
    for (const method of ["SCRAM-SHA-256-PLUS", "PLAIN"] as const) {
      await using client = smtp({ ...options, auth: { user: "ann@example.org", pass: "s3cret", method } });
      await client.check();
    }
    expect(running.events.filter((event) => event.kind === "login" && event.accepted)).toHaveLength(2);
  });
});

describe("SCRAM for a name that nobody has", () => {
  const session = { id: "1", mode: "submission", client: "", port: 0, hello: undefined, tls: undefined, login: undefined } as const;

  /** What a client is shown for these names. */
  async function shown(path: string, names: readonly string[]): Promise<readonly string[]> {
    const { scram } = scramFile(path);
    const secrets = await Promise.all(names.map(async (name) => scram?.(name, session)));
    return secrets.map((secret) => (secret === undefined ? "nothing" : `${secret.iterations} ${Buffer.from(secret.salt).toString("base64")}`));
  }
  const rounds = (each: readonly string[]): ReadonlySet<string | undefined> => new Set(each.map((text) => text.split(" ")[0]));
  const strangers = Array.from({ length: 200 }, (_, index) => `eve${index}@example.org`);

  it("U7: has as many rounds as those that somebody has, the same in a process begun anew and however it is spelled", async () => {
    await using users = await file(`ann@example.org:${await scramSecret("s3cret", 4096)}\nbob@example.org:${await scramSecret("s3cret", 6000)}\n`);
    const first = await shown(users.path, strangers);
    expect(rounds(first)).toEqual(new Set(["4096", "6000"]));
    expect(new Set(first).size).toBe(200);
    expect(await shown(users.path, strangers.map((name) => name.toUpperCase()))).toEqual(first);
    expect(new Set(first.map((text) => text.length))).toEqual(new Set((await shown(users.path, ["ann@example.org"])).map((text) => text.length)));
  });

  it("U7: stays as it is for most when another user is added", async () => {
    const lines = await Promise.all([4096, 4096, 4096, 6000, 6000, 6000].map(async (each, index) => `user${index}:${await scramSecret("s3cret", each)}\n`));
    await using users = await file(lines.join(""));
    const before = await shown(users.path, strangers);
    await users.write(`${lines.join("")}user6:${await scramSecret("s3cret", 6000)}\n`);
    const after = await shown(users.path, strangers);
    expect(after.filter((text, index) => text === before[index]).length).toBeGreaterThan(150);
    expect(after.map((text) => text.split(" ")[1])).toEqual(before.map((text) => text.split(" ")[1]));
  });

  it("U7: no proof is right, and a file without users shows what is usual", async () => {
    await using users = await file("# nobody yet\n");
    expect(await shown(users.path, ["eve@example.org"])).toEqual(["nothing"]);
    expect(scramDecoys("key")("eve")).toMatchObject({ iterations: 15_000, login: undefined });
  });
});

describe("client certificates", () => {
  it("EXTERNAL is offered to who shows one, and logs in whom its fingerprint is known of", async () => {
    const [ann, eve] = [testCertificate({ names: ["ann"] }), testCertificate({ names: ["eve"] })];
    const { fingerprint256 } = new X509Certificate(ann.cert);
    const authenticate = clientCertificates({ [`sha256 Fingerprint=${fingerprint256}`]: { user: "ann@example.org" } });
    await using running = await submission({ authenticate });
    await using without = await secured(running);
    expect(await without.say("EHLO client.example")).not.toContain("AUTH");
    expect(await without.say("AUTH EXTERNAL =")).toMatch(/^504 /);
    for (const [certificate, response, reply] of [[ann, "=", "235"], [ann, base64("ann@example.org"), "235"], [ann, base64("bob@example.org"), "535"], [eve, "=", "535"]] as const) {
      await using client = await running.dial();
      await client.say("EHLO client.example");
      await client.startTls({ ca: authority.cert, key: certificate.key, cert: certificate.cert });
      expect(await client.say("EHLO client.example")).toContain("AUTH EXTERNAL");
      expect(await client.say(`AUTH EXTERNAL ${response}`)).toMatch(new RegExp(`^${reply} `));
    }
    await using client = smtp({ host: "localhost", port: running.port, security: "starttls", tls: { ca: authority.cert, key: ann.key, cert: ann.cert }, auth: { method: "EXTERNAL" } });
    await client.check();
  });

  it("an expired one logs nobody in, and what is no fingerprint is a ConfigError", async () => {
    const old = testCertificate({ names: ["ann"], expired: true });
    const certificate = new X509Certificate(old.cert);
    const { certificate: check } = clientCertificates({ [certificate.fingerprint256]: { user: "ann" } });
    const session = { id: "1", mode: "submission", client: "", port: 0, hello: undefined, tls: undefined, login: undefined } as const;
    expect(await check?.({ user: "", certificate }, session)).toBeUndefined();
    expect(() => clientCertificates({ "AA:BB": { user: "ann" } })).toThrow(/no SHA-256 fingerprint/);
  });
});

describe("tokens", () => {
  it("are asked about where they come from", async () => {
    const asked: string[] = [];
    let broken = false;
    const http = createHttpServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString())).on("end", () => {
        asked.push(`${request.headers.authorization} ${body}`);
        const token = new URLSearchParams(body).get("token");
        response.statusCode = broken ? 503 : 200;
        response.end(JSON.stringify(token === "good" ? { active: true, username: "ann@example.org", scope: "imap smtp" } : { active: false }));
      });
    }).listen(0, "127.0.0.1");
    await once(http, "listening");
    const address = http.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const url = `http://127.0.0.1:${address.port}/introspect`;
    await using running = await submission({ authenticate: tokenIntrospection({ url, clientId: "mail", clientSecret: "s:ecret", scope: "smtp" }), limits: { loginFailures: 9 } });
    const bearer = (user: string, token: string): string => `AUTH OAUTHBEARER ${base64(`n,a=${user},\u0001host=x\u0001auth=Bearer ${token}\u0001\u0001`)}`;
    await using client = await secured(running);
    expect(await client.say(bearer("ann@example.org", "bad"), "AQ==")).toMatch(/^535 /);
    expect(await client.say(bearer("bob@example.org", "good"), "AQ==")).toMatch(/^535 /);
    expect(await client.say(`AUTH OAUTHBEARER ${base64("nonsense")}`)).toMatch(/^501 /);
    broken = true;
    expect(await client.say(bearer("ann@example.org", "good"))).toMatch(/^454 /);
    broken = false;
    expect(await client.say(bearer("Ann@example.org", "good"))).toMatch(/^235 /);
    expect(asked[0]).toBe(`Basic ${base64("mail:s%3Aecret")} token=bad&token_type_hint=access_token`);
    http.close();
  });
});
