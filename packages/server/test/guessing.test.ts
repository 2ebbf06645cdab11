import { describe, expect, it } from "vitest";
import type { Login, SubmissionOptions } from "../src/index.ts";
import type { Client, DialOptions } from "./client.ts";
import type { Running } from "./support.ts";
import { plainLogin, submission } from "./support.ts";
import { clientKey } from "../src/clients.ts";
import { limitsFor } from "../src/limits.ts";
import { counts } from "../src/login-counts.ts";
import type { LoginGuard } from "../src/login-guard.ts";
import { loginGuard } from "../src/login-guard.ts";

const USER = "ann@example.org";
const OPTIONS: Partial<SubmissionOptions> = { insecureCleartextAuth: true, limits: { loginFailures: 100, loginFailuresPerAccount: 1000 } };

async function greeted(running: Running, localAddress?: string): Promise<Client> {
  const options: DialOptions = localAddress === undefined ? {} : { localAddress };
  const client = await running.dial(options);
  await client.say("EHLO client.example");
  return client;
}

/** An authenticate hook that answers when it is told to. */
function held(): { authenticate: NonNullable<SubmissionOptions["authenticate"]>; readonly asked: string[]; most: number; release(): void } {
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  let busy = 0;
  const self = {
    asked: [] as string[],
    most: 0,
    release: () => release(),
    async authenticate({ user, pass }: { readonly user: string; readonly pass: string }): Promise<Login | undefined> {
      self.asked.push(pass);
      busy += 1;
      self.most = Math.max(self.most, busy);
      await gate;
      busy -= 1;
      return pass === "s3cret" ? { user } : undefined;
    },
  };
  return self;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** One that is looked at, and wrong. */
async function fail(guard: LoginGuard, client: string, user: string): Promise<void> {
  const attempt = await guard.begin(client, user);
  if (typeof attempt === "object") attempt.failed();
}

describe("guessing passwords", () => {
  it("U7 #44: of many that are tried at once no more are looked at than the limit, and the others hear of it when those have failed", async () => {
    const hook = held();
    await using running = await submission({ ...OPTIONS, authenticate: hook.authenticate, limits: { ...OPTIONS.limits, loginFailuresPerClient: 5, passwordChecks: 100 } });
    const clients = await Promise.all(Array.from({ length: 20 }, () => greeted(running)));
    const replies = Promise.all(clients.map((client, index) => client.say(plainLogin(USER, `guess${index}`))));
    await until(() => hook.asked.length >= 5);
    hook.release();
    const heard = (await replies).map((reply) => reply?.slice(0, 3));
    expect(hook.asked).toHaveLength(5);
    expect([heard.filter((code) => code === "535").length, heard.filter((code) => code === "454").length]).toEqual([5, 15]);
    for (const client of clients) client.socket.destroy();
  });

  it.each(["one account", "many accounts"])("U7 #44: right logins that come at once pass, more than may fail: %s", async (kind) => {
    const hook = held();
    const limits = { loginFailures: 1, loginFailuresPerClient: 5, loginFailuresPerAccount: 5, passwordChecks: 100 };
    await using running = await submission({ ...OPTIONS, authenticate: hook.authenticate, limits });
    const clients = await Promise.all(Array.from({ length: 20 }, () => greeted(running)));
    const replies = Promise.all(clients.map((client, index) => client.say(plainLogin(kind === "one account" ? USER : `user${index}@example.org`, "s3cret"))));
    await until(() => hook.asked.length >= 3);
    hook.release();
    expect(new Set(await replies)).toEqual(new Set(["235 2.7.0 logged in"]));
    expect(hook.most).toBeLessThanOrEqual(5);
    for (const client of clients) client.socket.destroy();
  });

  it("U7 #44: they begin in the order of asking, none while those under way may reach the limit", async () => {
    const guard = loginGuard({ ...limitsFor("submission"), loginFailuresPerClient: 2 }, () => 0);
    const begun: number[] = [];
    const attempts = [1, 2, 3, 4].map(async (number) => {
      const attempt = await guard.begin("192.0.2.1", `user${number}`);
      begun.push(number);
      return attempt;
    });
    const [first, second] = await Promise.all(attempts.slice(0, 2));
    expect(begun).toEqual([1, 2]);
    if (typeof first !== "object" || typeof second !== "object") throw new Error("they have not begun");
    first.succeeded();
    const third = await attempts[2];
    if (typeof third !== "object") throw new Error("it has not begun");
    second.failed();
    await Promise.resolve();
    expect(begun).toEqual([1, 2, 3]);
    third.failed();
    expect(await attempts[3]).toBe("barred");
  });

  it("U7: a thousand wait, and one more is told so", async () => {
    const guard = loginGuard({ ...limitsFor("submission"), loginFailuresPerClient: 1 }, () => 0);
    const first = await guard.begin("192.0.2.1", USER);
    const others = Array.from({ length: 1000 }, () => guard.begin("192.0.2.1", USER));
    expect(await guard.begin("192.0.2.1", USER)).toBe("busy");
    if (typeof first !== "object") throw new Error("it has not begun");
    first.failed();
    expect(new Set(await Promise.all(others))).toEqual(new Set(["barred"]));
  });

  it("U7 U22: few passwords are looked at at once, 100 wait, and what comes on top is not looked at", async () => {
    const hook = held();
    const limits = { ...OPTIONS.limits, loginFailuresPerClient: 1000, connectionsPerClient: 200, passwordChecks: 2 };
    await using running = await submission({ ...OPTIONS, authenticate: hook.authenticate, limits });
    const clients = await Promise.all(Array.from({ length: 105 }, () => greeted(running)));
    const replies = Promise.all(clients.map((client) => client.say(plainLogin(USER, "s3cret"))));
    await until(() => running.events.filter(({ kind }) => kind === "refused").length >= 3);
    hook.release();
    const heard = await replies;
    expect(heard.filter((reply) => reply === "235 2.7.0 logged in")).toHaveLength(102);
    expect(heard.filter((reply) => reply === "454 4.7.0 too many logins at once, try again later")).toHaveLength(3);
    expect(hook.most).toBe(2);
    for (const client of clients) client.socket.destroy();
  });

  it("U7: who has gone while it waited for its turn is not looked at", async () => {
    const hook = held();
    await using running = await submission({ ...OPTIONS, authenticate: hook.authenticate, limits: { ...OPTIONS.limits, passwordChecks: 1 } });
    const [first, second, third] = [await greeted(running), await greeted(running), await greeted(running)];
    const heard = first.say(plainLogin(USER, "first"));
    await until(() => hook.asked.length === 1);
    second.send(`${plainLogin(USER, "second")}\r\n`);
    const last = third.say(plainLogin(USER, "s3cret"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    second.socket.resetAndDestroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
    hook.release();
    expect(await heard).toMatch(/^535 /);
    expect(await last).toMatch(/^235 /);
    expect(hook.asked).toEqual(["first", "s3cret"]);
    for (const client of [first, third]) client.socket.destroy();
  });

  it("U7: logins that cannot be checked, and those that are right, take nothing of the limit", async () => {
    let down = true;
    const authenticate = async ({ user, pass }: { user: string; pass: string }): Promise<Login | undefined> => {
      if (down) throw new Error("the directory is down");
      return pass === "s3cret" ? { user } : undefined;
    };
    await using running = await submission({ ...OPTIONS, authenticate, limits: { ...OPTIONS.limits, loginFailuresPerClient: 2 } });
    for (let i = 0; i < 3; i += 1) {
      await using client = await greeted(running);
      expect(await client.say(plainLogin(USER, "s3cret"))).toMatch(/^454 4\.7\.0 logins cannot be checked/);
    }
    down = false;
    for (let i = 0; i < 3; i += 1) {
      await using client = await greeted(running);
      expect(await client.say(plainLogin(USER, "s3cret"))).toMatch(/^235 /);
    }
  });

  it("U7: a site with many networks of IPv6 guesses at an account no more than one address", async () => {
    const guard = loginGuard({ ...limitsFor("submission"), loginFailuresPerAccount: 5 }, () => 0);
    async function looked(address: string): Promise<boolean> {
      const attempt = await guard.begin(clientKey(address), USER);
      if (typeof attempt === "object") attempt.failed();
      return typeof attempt === "object";
    }
    const site = Array.from({ length: 200 }, (_, index) => `2001:db8:0:1${index.toString(16).padStart(2, "0")}::1`);
    const passed: string[] = [];
    for (const address of site) if (await looked(address)) passed.push(address);
    expect(passed).toHaveLength(5);
    expect(await looked("2001:db8:0:200::1")).toBe(true);
    expect(await looked("192.0.2.1")).toBe(true);
  });

  it("U7: names and addresses that are tried by the thousand are forgotten", async () => {
    const guard = loginGuard(limitsFor("submission"), () => 0);
    for (let index = 0; index < 30_000; index += 1) await fail(guard, `10.0.${index >> 8}.${index & 255}`, `user${index}`);
    for (let index = 0; index < 20; index += 1) await fail(guard, "192.0.2.1", USER);
    expect([guard.barred("192.0.2.1"), guard.barred("10.0.0.0")]).toEqual([true, false]);
  });

  it.each([1, 2])("U7: thousands of made-up names and networks, each tried %d times, make nobody forget what is under attack", async (times) => {
    const guard = loginGuard(limitsFor("submission"), () => 0);
    for (let index = 0; index < 20; index += 1) await fail(guard, `2001:db8:1:${index}`, USER);
    for (let index = 0; index < 20; index += 1) await fail(guard, "192.0.2.1", "bob@example.org");
    // Of the one at work while the others come.
    for (let index = 0; index < 3; index += 1) await fail(guard, "192.0.2.2", USER);
    for (let index = 0; index < 12_000; index += 1) for (let time = 0; time < times; time += 1) await fail(guard, `2001:db8:2:${index.toString(16)}`, `user${index}`);
    expect(guard.barred("192.0.2.1")).toBe(true);
    expect(await guard.begin("192.0.2.2", USER)).toBe("barred");
  });

  it("U7: logins in which there is nothing to look at count at no account, so nobody fills the counts of accounts with them", async () => {
    const authenticate = async ({ user, pass }: { user: string; pass: string }): Promise<Login | undefined> => (pass === "s3cret" ? { user } : undefined);
    await using running = await submission({ ...OPTIONS, authenticate, limits: { loginFailures: 100, loginFailuresPerAccount: 5 } });
    for (const last of [1, 2]) {
      await using client = await greeted(running, `127.0.3.${last}`);
      for (let time = 0; time < 5; time += 1) expect(await client.say(plainLogin(USER, ""))).toMatch(/^535 /);
    }
    await using client = await greeted(running, "127.0.3.3");
    for (const pass of ["a", "b", "c", "d", "s3cret"]) expect(await client.say(plainLogin(USER, pass))).toMatch(pass === "s3cret" ? /^235 / : /^535 /);
  });

  it("U7: an old password that a device tries again and again counts once, and bars nobody else at its address", async () => {
    let now = 0;
    let right = "s3cret";
    const looked: string[] = [];
    const authenticate = async ({ user, pass }: { user: string; pass: string }): Promise<Login | undefined> => {
      looked.push(pass);
      return pass === right ? { user } : undefined;
    };
    const limits = { errors: 100, loginFailures: 100, loginFailuresPerClient: 5, loginFailuresPerAccount: 5 };
    await using running = await submission({ ...OPTIONS, authenticate, clock: () => now, limits });
    await using device = await greeted(running);
    for (let time = 0; time < 50; time += 1) {
      now += 3000;
      expect(await device.say(plainLogin(USER, "old"))).toMatch(/^535 /);
    }
    // Not each time, or who repeats one has us work for nothing.
    expect(looked.length).toBeLessThanOrEqual(15);
    await using other = await greeted(running);
    expect(await other.say(plainLogin("bob@example.org", right))).toMatch(/^235 /);
    right = "old";
    now += 10_000;
    expect(await device.say(plainLogin(USER, "old"))).toMatch(/^235 /);
  });

  it("U7: it counts again for another account, another address, and others in its place", async () => {
    const guard = loginGuard({ ...limitsFor("submission"), loginFailuresPerClient: 4 }, () => 0);
    const tried = [[USER, "old"], [USER, "old"], ["bob@example.org", "old"], [USER, "older"], ["ANN@example.org", "old"], [USER, "oldest"]] as const;
    const barred: boolean[] = [];
    for (const [user, secret] of tried) {
      const attempt = await guard.begin("192.0.2.1", user, secret);
      if (typeof attempt === "object") attempt.failed();
      barred.push(guard.barred("192.0.2.1"));
    }
    expect(barred).toEqual([false, false, false, false, false, true]);
    const elsewhere = await guard.begin("192.0.2.2", USER, "old");
    expect(elsewhere).toMatchObject({ hopeless: false });
  });

  it("U7: one that has run out is forgotten before any other", () => {
    let now = 0;
    const few = counts(1000, () => now);
    for (let index = 0; index < 5000; index += 1) few.begin(`a${index}`)(true);
    now = 1000;
    for (let index = 0; index < 10_000; index += 1) few.begin(`b${index}`)(true);
    expect([few.failed("b0"), few.failed("b9999")]).toEqual([1, 1]);
  });

  it("U7: guesses at one account from many addresses are counted together, and lock nobody out", async () => {
    let now = 0;
    const asked: string[] = [];
    const authenticate = async ({ user, pass }: { user: string; pass: string }): Promise<Login | undefined> => {
      asked.push(pass);
      return pass === "s3cret" ? { user } : undefined;
    };
    let guesses = 0;
    const limits = { loginFailures: 100, loginFailuresPerAccount: 6, loginPeriod: 60_000 };
    await using running = await submission({ ...OPTIONS, authenticate, clock: () => now, limits });
    async function guess(address: string, times: number, pass = "guess", user = USER): Promise<readonly string[]> {
      await using client = await greeted(running, address);
      const heard: string[] = [];
      // A guess is another password each time.
      for (let i = 0; i < times; i += 1) heard.push((await client.say(plainLogin(user, pass === "s3cret" ? pass : `${pass}${(guesses += 1)}`)))?.slice(0, 3) ?? "");
      return heard;
    }
    for (const last of [1, 2, 3, 4, 5]) await guess(`127.0.1.${last}`, 5, "guess", last % 2 === 0 ? "ANN@example.org" : USER);
    // Six pass at first, of two addresses; then the third of each is the last.
    expect(asked).toHaveLength(5 + 3 + 3 + 3 + 3);
    // Who comes from elsewhere, with the right password, or at first with a wrong one.
    expect(await guess("127.0.2.1", 1, "s3cret")).toEqual(["235"]);
    expect(await guess("127.0.2.2", 2)).toEqual(["535", "535"]);
    expect(await guess("127.0.2.2", 1, "s3cret")).toEqual(["235"]);
    // That forgets what went wrong from there.
    expect(await guess("127.0.2.2", 4)).toEqual(["535", "535", "535", "454"]);
    // Other accounts are none of it, and in the end it is over.
    expect(await guess("127.0.1.1", 1, "s3cret", "bob@example.org")).toEqual(["235"]);
    now = 60_001;
    expect(await guess("127.0.1.1", 1, "s3cret")).toEqual(["235"]);
  });
});
