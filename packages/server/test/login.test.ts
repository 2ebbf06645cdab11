import { Refusal } from "@postroad/core";
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Authenticator, Login } from "../src/index.ts";
import type { Client } from "./client.ts";
import { base64, plainLogin, secured, submission } from "./support.ts";

const USER = "ann@example.org";

describe("login", () => {
  it.each([
    ["PLAIN at once", async (client: Client) => client.say(plainLogin(USER, "s3cret"))],
    ["PLAIN after a challenge", async (client: Client) => client.say("AUTH PLAIN", base64(`\0${USER}\0s3cret`))],
    ["PLAIN with one's own identity", async (client: Client) => client.say(`AUTH PLAIN ${base64(`${USER}\0${USER}\0s3cret`)}`)],
    ["LOGIN", async (client: Client) => client.say("AUTH LOGIN", base64(USER), base64("s3cret"))],
    ["LOGIN with the name at once, in small letters", async (client: Client) => client.say(`auth login ${base64(USER)}`, base64("s3cret"))],
  ])("%s", async (_, login) => {
    await using running = await submission();
    await using client = await secured(running);
    expect(await login(client)).toBe("235 2.7.0 logged in");
    expect(await client.say(`MAIL FROM:<${USER}>`)).toMatch(/^250 /);
    expect(await running.event("login")).toMatchObject({ user: USER, accepted: true });
  });

  it.each([
    ["a wrong password", [plainLogin(USER, "wrong")], "535 5.7.8"],
    ["another's identity", [`AUTH PLAIN ${base64(`eve@example.org\0${USER}\0s3cret`)}`], "535 5.7.8"],
    ["no password", [plainLogin(USER, "")], "535 5.7.8"],
    ["no name", [plainLogin("", "s3cret")], "501 5.5.2"],
    ["a password with NUL", [plainLogin(USER, "s3\0cret")], "501 5.5.2"],
    ["no base64", ["AUTH PLAIN !!!!"], "501 5.5.2"],
    ["base64 cut short", ["AUTH PLAIN AGFubgBzM2NyZX"], "501 5.5.2"],
    ["no UTF-8", [`AUTH PLAIN ${base64(Buffer.of(0, 0xff, 0, 0x41))}`], "501 5.5.2"],
    ["an empty response", ["AUTH PLAIN ="], "501 5.5.2"],
    ["a change of mind", ["AUTH LOGIN", "*"], "501 5.7.0"],
    ["too many words", ["AUTH PLAIN AGEAYQ== AGEAYQ=="], "501 5.5.4"],
    ["a mechanism that is not offered", ["AUTH CRAM-MD5"], "504 5.5.4"],
    ["a mechanism that nobody set up", ["AUTH XOAUTH2 AA=="], "504 5.5.4"],
  ])("U6 #44: %s is refused", async (_, commands, reply) => {
    await using running = await submission();
    await using client = await secured(running);
    expect(await client.say(...commands)).toMatch(new RegExp(`^${reply} `));
    expect(await client.say(`MAIL FROM:<${USER}>`)).toMatch(/^530 /);
    expect(await client.say(plainLogin(USER, "s3cret"))).toMatch(/^235 /);
  });

  it("U6: a response of over 12288 octets is refused, one below is read", async () => {
    await using running = await submission({ authenticate: async ({ pass }) => (pass.length > 9000 ? { user: USER } : undefined) });
    await using client = await secured(running);
    expect(await client.say("AUTH PLAIN", "A".repeat(12_288))).toMatch(/^500 5\.5\.6 /);
    expect(await client.say(plainLogin(USER, "x".repeat(9100)))).toMatch(/^235 /);
  });

  it("U6: AUTH in a mail is a 503, and what comes along with AUTH is not waited for", async () => {
    await using running = await submission({ insecureCleartextAuth: true });
    await using client = await running.dial();
    await client.say("EHLO client.example");
    client.send("AUTH LOGIN\r\nYW5u\r\n");
    expect(await client.rest()).toMatch(/^554 5\.5\.0 wait for the reply to AUTH/);
    await using other = await secured(running);
    await other.say(plainLogin(USER, "s3cret"), `MAIL FROM:<${USER}>`);
    expect(await other.say("AUTH PLAIN")).toMatch(/^503 5\.5\.1 /);
  });

  it("U7: 454 where logins cannot be checked, whatever is thrown, and it counts as no failure", async () => {
    const errors = [new Error("the database is down"), new Refusal("4.3.0", "LDAP is down"), new TypeError("bug")];
    await using running = await submission({
      authenticate: async () => {
        const error = errors.shift();
        if (error !== undefined) throw error;
        return { user: USER };
      },
    });
    await using client = await secured(running);
    for (let i = 0; i < 3; i += 1) expect(await client.say(plainLogin(USER, "s3cret"))).toMatch(/^454 4\.7\.0 /);
    expect(await client.say(plainLogin(USER, "s3cret"))).toMatch(/^235 /);
    expect(running.events.filter(({ kind }) => kind === "error")).toHaveLength(3);
  });

  it("U22: who asks for a login again and again while none can be checked is sent away", async () => {
    const authenticate = (): never => { throw new Error("the directory is down"); };
    await using running = await submission({ authenticate, limits: { junk: 5 } });
    await using client = await secured(running);
    const heard: (string | undefined)[] = [];
    for (let i = 0; i < 6; i += 1) heard.push((await client.say(plainLogin(USER, "s3cret")))?.slice(0, 3));
    expect(heard).toContain("454");
    expect(heard).toContain("421");
    expect(await client.rest()).toBe("");
  });

  it("U7 #44: the third failure ends the connection; many from one address bar it, for a while", async () => {
    let now = 1000;
    const limits = { loginFailuresPerClient: 6, loginPeriod: 60_000 };
    await using running = await submission({ limits, clock: () => now });
    for (let i = 0; i < 2; i += 1) {
      await using client = await secured(running);
      expect(await client.say(plainLogin(USER, `a${i}`), plainLogin(USER, `b${i}`))).toMatch(/^535 5\.7\.8 /);
      expect(await client.say(plainLogin(USER, `c${i}`))).toBe("421 4.7.0 too many failed logins");
      expect(await client.rest()).toBe("");
    }
    await using barred = await secured(running);
    expect(await barred.say(plainLogin(USER, "s3cret"))).toMatch(/^454 4\.7\.0 too many failed logins/);
    expect(await barred.say(plainLogin(USER, "s3cret"), plainLogin(USER, "s3cret"))).toBe("421 4.7.0 too many failed logins");
    expect(await barred.rest()).toBe("");
    await using elsewhere = await running.dial({ localAddress: "127.0.0.9" });
    expect(await elsewhere.say("EHLO client.example")).toContain("STARTTLS");
    now += 60_001;
    await using later = await secured(running);
    expect(await later.say(plainLogin(USER, "s3cret"))).toMatch(/^235 /);
  });

  it("U7: who can log in does not guess on by it", async () => {
    await using running = await submission({ limits: { loginFailuresPerClient: 2 } });
    for (const [guess, expected] of [["first", /^535 /], ["second", /^535 /], ["third", /^454 4\.7\.0 /]] as const) {
      await using client = await secured(running);
      expect(await client.say(plainLogin("bob@example.org", guess))).toMatch(expected);
      await client.say(plainLogin(USER, "s3cret"));
    }
  });

  it("U30 #75: a password that comes although the login was refused is in no event", async () => {
    await using running = await submission();
    await using client = await running.dial();
    const secret = base64(`\0${USER}\0s3cret`);
    expect(await client.say("EHLO client.example", "AUTH PLAIN")).toMatch(/^538 /);
    expect(await client.say(secret)).toMatch(/^500 5\.5\.1 /);
    expect(running.events.flatMap((event) => (event.kind === "refused" ? [event.command] : []))).toEqual(["AUTH", ""]);
    expect(JSON.stringify(running.events).toUpperCase()).not.toContain(secret.slice(0, 10).toUpperCase());
  });

  it("#49: a name with control characters is escaped in events", async () => {
    await using running = await submission();
    await using client = await secured(running);
    await client.say(plainLogin("a\u001b[31m\r\nx", "wrong"));
    expect(await running.event("login")).toMatchObject({ user: "a\\u{1b}[31m\\u{d}\\u{a}x", accepted: false });
  });

  it("the password is in no event", async () => {
    await using running = await submission();
    await using client = await secured(running);
    await client.say(plainLogin(USER, "hunter2hunter2"), "AUTH LOGIN", base64(USER), base64("hunter2hunter2"));
    expect(JSON.stringify(running.events)).not.toMatch(new RegExp(`hunter2|${base64("hunter2hunter2")}`));
  });
});

/** What a client that knows the password says after `first`, and what the server has to prove. */
function scramProof(pass: string, bare: string, header: string, serverFirst: string, binding = Buffer.alloc(0)): { final: string; proof: string } {
  const [, nonce = "", salt = "", rounds = ""] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst) ?? [];
  const salted = pbkdf2Sync(pass, Buffer.from(salt, "base64"), Number(rounds), 32, "sha256");
  const hmac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
  const clientKey = hmac(salted, "Client Key");
  const withoutProof = `c=${Buffer.concat([Buffer.from(header), binding]).toString("base64")},r=${nonce}`;
  const message = `${bare},${serverFirst},${withoutProof}`;
  const signature = hmac(createHash("sha256").update(clientKey).digest(), message);
  const proof = Buffer.from(clientKey.map((octet, at) => octet ^ (signature[at] ?? 0)));
  return { final: `${withoutProof},p=${proof.toString("base64")}`, proof: hmac(hmac(salted, "Server Key"), message).toString("base64") };
}

function secretOf(pass: string, login: Login, iterations = 4096): Awaited<ReturnType<NonNullable<Authenticator["scram"]>>> {
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(pass, salt, iterations, 32, "sha256");
  const hmac = (text: string): Buffer => createHmac("sha256", salted).update(text).digest();
  return { iterations, salt, storedKey: createHash("sha256").update(hmac("Client Key")).digest(), serverKey: hmac("Server Key"), login };
}

function challenge(reply: string | undefined): string {
  return Buffer.from(reply?.slice(4) ?? "", "base64").toString();
}

describe("login by SCRAM-SHA-256", () => {
  const authenticate: Authenticator = { scram: async (user) => (user === USER ? secretOf("s3cret", { user }) : undefined) };

  async function tryScram(client: Client, pass: string, user = USER, header = "n,,"): Promise<{ reply: string | undefined; proven: boolean }> {
    const bare = `n=${user},r=abcdefgh`;
    const serverFirst = challenge(await client.say(`AUTH SCRAM-SHA-256 ${base64(header + bare)}`));
    if (!serverFirst.startsWith("r=")) return { reply: serverFirst, proven: false };
    const { final, proof } = scramProof(pass, bare, header, serverFirst);
    const second = await client.say(base64(final));
    if (second?.startsWith("334") !== true) return { reply: second, proven: false };
    return { proven: challenge(second) === `v=${proof}`, reply: await client.say("") };
  }

  it("both sides prove that they know the password", async () => {
    await using running = await submission({ authenticate });
    await using client = await secured(running);
    expect(await client.say("EHLO client.example")).toContain("AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256");
    expect(await tryScram(client, "s3cret")).toEqual({ proven: true, reply: "235 2.7.0 logged in" });
  });

  it("a wrong password and a name that nobody has are refused alike, a downgrade too", async () => {
    await using running = await submission({ authenticate, limits: { loginFailures: 9 } });
    await using client = await secured(running);
    for (const attempt of [await tryScram(client, "wrong"), await tryScram(client, "s3cret", "eve@example.org")]) {
      expect(attempt).toEqual({ proven: false, reply: "535 5.7.8 name or secret are wrong" });
    }
    const bare = `n=${USER},r=abcdefgh`;
    expect(await client.say(`AUTH SCRAM-SHA-256 ${base64(`y,,${bare}`)}`)).toMatch(/^535 /);
    expect(await client.say(`AUTH SCRAM-SHA-256-PLUS ${base64(`p=tls-unique,,${bare}`)}`)).toMatch(/^535 /);
    expect(await client.say(`AUTH SCRAM-SHA-256 ${base64("n,,n=a=b,r=x")}`)).toMatch(/^501 /);
    expect(await client.say(`AUTH SCRAM-SHA-256 ${base64(`n,,m=x,${bare}`)}`)).toMatch(/^501 /);
  });
});
