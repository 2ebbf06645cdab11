import { Refusal } from "@postroad/core";
import { describe, expect, it } from "vitest";
import { blockLists, greylist, memoryGreylist } from "../src/index.ts";
import { TO, mail, session, through, transaction } from "./support.ts";

const recipient = { address: TO };

describe("greylist", () => {
  it("defers who is new, lets pass who comes again in time, and then the network with anything", async () => {
    let now = 0;
    const policy = greylist({ delay: 1000, window: 10_000, remember: 100_000, clock: () => now });
    const attempt = async (client: string, from = "bob@sender.example"): Promise<unknown> => {
      try {
        await policy.recipient?.(recipient, transaction(client, from));
        return "passed";
      } catch (error) {
        return error instanceof Refusal ? `${error.status} ${error.options.retryAfter}` : error;
      }
    };
    expect(await attempt("192.0.2.7")).toBe("4.7.1 1000");
    now = 400;
    expect(await attempt("192.0.2.8")).toBe("4.7.1 600");
    expect(await attempt("198.51.100.1")).toBe("4.7.1 1000");
    now = 1000;
    expect(await attempt("192.0.2.9")).toBe("passed");
    expect(await attempt("192.0.2.7", "other@sender.example")).toBe("passed");
    now = 20_000;
    expect(await attempt("198.51.100.1")).toBe("4.7.1 1000");
    expect(await attempt("192.0.2.7", "third@sender.example")).toBe("passed");
    now = 130_000;
    expect(await attempt("192.0.2.7")).toBe("4.7.1 1000");
    expect(await attempt("2001:db8:1:2:3::1")).toBe("4.7.1 1000");
    now = 131_000;
    expect(await attempt("2001:db8:1:2:ffff::9")).toBe("passed");
  });

  it("remembers no more than it is told", async () => {
    const store = memoryGreylist({ entries: 2, clock: () => 0 });
    for (const key of ["a", "b", "c"]) await store.set(key, 1, 1000);
    expect(await Promise.all(["a", "b", "c"].map((key) => store.get(key)))).toEqual([undefined, 1, 1]);
  });

  it("in a server the client hears when to come again", async () => {
    const { reply, to } = await through([greylist({ clock: () => 0 })], mail("A: b\r\n\r\nx\r\n"));
    expect(reply).toBe("450 4.7.1 you are new here, try again in 300 seconds");
    expect(to.calls).toEqual([]);
  });
});

describe("blockLists", () => {
  const known: Readonly<Record<string, readonly string[]>> = {
    "7.2.0.192.zen.example": ["127.0.0.2"],
    "8.2.0.192.zen.example": ["127.255.255.254"],
    "9.2.0.192.other.example": ["127.0.0.4"],
    "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.zen.example": ["127.0.0.3"],
  };
  let asked: string[] = [];
  const resolve4 = async (name: string): Promise<readonly string[]> => {
    asked.push(name);
    const found = known[name];
    if (found === undefined) throw Object.assign(new Error("no"), { code: "ENOTFOUND" });
    return found;
  };
  const policy = blockLists({ zones: ["zen.example", "other.example"], resolve4 });

  it.each([
    ["192.0.2.7", /192\.0\.2\.7 is listed by zen\.example/],
    ["192.0.2.9", /listed by other\.example/],
    ["2001:db8::7", /listed by zen\.example/],
  ])("%s is refused", async (client, message) => {
    await expect(policy.recipient?.(recipient, transaction(client))).rejects.toThrow(message);
  });

  it.each(["192.0.2.8", "198.51.100.1", ""])("%j passes", async (client) => {
    await expect(policy.recipient?.(recipient, transaction(client))).resolves.toBeUndefined();
  });

  it("asks once a connection; a list that does not answer lists nobody", async () => {
    asked = [];
    const one = { ...transaction("198.51.100.2"), session: session("198.51.100.2") };
    await policy.recipient?.(recipient, one);
    await policy.recipient?.(recipient, one);
    expect(asked).toEqual(["2.100.51.198.zen.example", "2.100.51.198.other.example"]);
    const dead = blockLists({ zones: ["zen.example"], timeout: 20, resolve4: () => new Promise(() => undefined) });
    await expect(dead.recipient?.(recipient, transaction("192.0.2.7"))).resolves.toBeUndefined();
  });

  it("options are checked", () => {
    expect(() => blockLists({ zones: [] })).toThrow(/zones must be a list of zones/);
    expect(() => blockLists({ zones: ["a b"] })).toThrow(/"a b", which is no zone/);
  });
});
