import { ConfigError, envelope } from "@postroad/core";
import { fake } from "@postroad/testing";
import fc from "fast-check";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { rewrite, srs } from "../src/index.ts";
import { mailTo } from "./support.ts";

const DAY = 86_400_000;
const secret = "a secret of some length";
const at = (day: number) => srs({ secret, domain: "forward.example", now: () => day * DAY });

describe("srs", () => {
  it("forwards in our own domain, and finds the way back", () => {
    const made = at(20_000).forward("ann@x.example");
    expect(made).toMatch(/^SRS0=[A-Za-z0-9+/]{4}=[A-Z2-7]{2}=x\.example=ann@forward\.example$/);
    expect(at(20_021).reverse(made)).toBe("ann@x.example");
  });

  it("makes and reads the same addresses as postsrsd", () => {
    const now = () => Date.UTC(2020, 0, 1, 0, 1);
    const peer = srs({ secret: "tops3cr3t", domain: "example.com", now });
    const made = "SRS0=vmyz=2W=otherdomain.com=test@example.com";
    expect(peer.forward("test@otherdomain.com")).toBe(made);
    expect(peer.reverse(made)).toBe("test@otherdomain.com");
  });

  it("comes back as it went, in any case that a server makes of it", () => {
    fc.assert(
      fc.property(fc.emailAddress(), fc.nat(100_000), (address, day) => {
        const made = at(day).forward(address);
        expect(at(day).reverse(made)).toBe(address);
        expect(at(day).reverse(made.toLowerCase())).toBe(address.toLowerCase());
        expect(at(day).reverse(made.toUpperCase())).toBe(address.toUpperCase());
      }),
    );
  });

  it("#55: is good for its days, also around the turn of the count, and not before or after", () => {
    for (const day of [20_000, 1023, 1024, 2047]) {
      const made = at(day).forward("ann@x.example");
      expect(at(day + 21).reverse(made)).toBe("ann@x.example");
      expect(at(day + 22).reverse(made)).toBeUndefined();
      expect(at(day - 1).reverse(made)).toBeUndefined();
    }
  });

  it("points what was forwarded before to its first forwarder, however many there have been", () => {
    const first = srs({ secret: "the secret of the first", domain: "first.example", now: () => 20_000 * DAY });
    const third = srs({ secret: "the secret of the third", domain: "third.example" });
    const once = first.forward("ann@x.example");
    const twice = at(20_000).forward(once);
    expect(twice).toMatch(/^SRS1=[A-Za-z0-9+/]{4}=first\.example==.{4}=.{2}=x\.example=ann@forward\.example$/);
    expect(at(30_000).reverse(twice)).toBe(once);
    const thrice = third.forward(twice);
    expect(thrice).toMatch(/^SRS1=.{4}=first\.example==.*@third\.example$/);
    expect(third.reverse(thrice)).toBe(once);
    expect(first.reverse(once)).toBe("ann@x.example");
  });

  it("B12: takes no forged, changed or foreign address back", () => {
    const made = at(20_000).forward("ann@x.example");
    for (const wrong of [
      made.replace("ann@", "bob@"),
      made.replace("x.example", "y.example"),
      made.replace(/=[A-Z2-7]{2}=/, "=AA="),
      made.replace(/SRS0=..../, "SRS0=AAAA"),
      made.replace(/SRS0=..../, "SRS0="),
      made.replace("forward.example", "other.example"),
      at(20_000).forward(made.replace("forward", "first")).replace("first", "other"),
      "ann@forward.example",
      "SRS0=@forward.example",
      "SRS1=a=b@forward.example",
      "",
    ]) {
      expect(at(20_000).reverse(wrong), wrong).toBeUndefined();
    }
  });

  it("takes back what was signed with a secret that is on its way out", () => {
    const old = at(20_000).forward("ann@x.example");
    const now = () => 20_001 * DAY;
    const changed = srs({ secret: ["a new secret of some length", secret], domain: "forward.example", now });
    expect(changed.reverse(old)).toBe("ann@x.example");
    expect(at(20_001).reverse(changed.forward("ann@x.example"))).toBeUndefined();
  });

  it("leaves the null reverse-path and its own domain as they are", () => {
    for (const from of ["", "postmaster", "ann@FORWARD.example"]) expect(at(1).forward(from)).toBe(from);
  });

  it("fits into rewrite, both ways", async () => {
    const ours = at(20_000);
    const next = fake();
    await using out = rewrite({ from: ours.forward })(next);
    await out.send(mailTo("bob@y.example"));
    const path = next.calls[0]?.mail.envelope.from ?? "";
    await using back = rewrite({ to: ({ address }) => ours.reverse(address) })(fake());
    const bounce = { ...mailTo(path), envelope: envelope("", [path]) };
    expect((await back.send(bounce)).outcomes).toMatchObject([{ kind: "accepted", recipient: path }]);
    expect(ours.reverse(path)).toBe("sender@example.org");
  });

  it("#75: refuses a short secret, and shows none", () => {
    const short = () => srs({ secret: "hunter2", domain: "x" });
    expect(short).toThrow(ConfigError);
    expect(short).not.toThrow("hunter2");
    expect(() => srs({ secret: [], domain: "x" })).toThrow("secret must be");
    expect(() => srs({ secret, domain: "x", maxAge: 0 })).toThrow("maxAge must be");
    expect(inspect(at(1), { depth: 9, showHidden: true })).not.toContain(secret);
  });
});
