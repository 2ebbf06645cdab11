import { compose, ConfigError } from "@postroad/core";
import { fake, testMiddleware } from "@postroad/testing";
import { describe, expect, it } from "vitest";
import type { LogLine } from "../src/index.ts";
import { tap, toConsole, toPino } from "../src/index.ts";
import { mailTo } from "./support.ts";

testMiddleware({ name: "tap", open: tap(() => undefined) });

const script = {
  "ann@x.example": { kind: "accepted", status: "2.1.5", ref: "q1", remote: "mx:25", reply: { code: 250, text: "ok" } },
  "bob@x.example": { kind: "rejected", status: "5.1.1", message: "no such user", diagnosis: { phase: "rcpt" } },
  "cid@x.example": { kind: "deferred", status: "4.4.2", message: "lost", uncertain: true, retryAfter: 5 },
} as const;

function recorder(): { calls: unknown[][]; info: (...a: unknown[]) => void; warn: (...a: unknown[]) => void; error: (...a: unknown[]) => void } {
  const calls: unknown[][] = [];
  const at = (level: string) => (...args: unknown[]): void => void calls.push([level, ...args]);
  return { calls, info: at("info"), warn: at("warn"), error: at("error") };
}

describe("tap", () => {
  it("gives every outcome as one line, without what there is nothing to say about", async () => {
    const lines: LogLine[] = [];
    let now = 0;
    const clock = (): number => (now += 41);
    const mail = mailTo("ann@x.example", "bob@x.example", "cid@x.example");
    await compose(tap((line) => lines.push(line), { clock }), fake(script)).send(mail);
    const every = { mail: mail.id, from: "shop@example.org", by: "fake", took: 41 };
    expect(lines).toStrictEqual([
      { ...every, recipient: "ann@x.example", kind: "accepted", status: "2.1.5", remote: "mx:25", code: 250, message: "ok", ref: "q1" },
      { ...every, recipient: "bob@x.example", kind: "rejected", status: "5.1.1", message: "no such user", phase: "rcpt" },
      { ...every, recipient: "cid@x.example", kind: "deferred", status: "4.4.2", message: "lost", uncertain: true, retryAfter: 5 },
    ]);
  });

  it("#75: writes domains alone where told, and no reply that could hold an address", async () => {
    const lines: LogLine[] = [];
    const next = fake({ "bob@x.example": { kind: "rejected", message: "<bob@x.example> unknown" } });
    await compose(tap((line) => lines.push(line), { addresses: "domain" }), next).send(mailTo("bob@x.example"));
    expect(lines[0]).toMatchObject({ from: "@example.org", recipient: "@x.example", kind: "rejected" });
    expect(JSON.stringify(lines)).not.toContain("bob");
  });

  it("speaks to pino and to a console, at a level for each kind", async () => {
    const [pino, plain] = [recorder(), recorder()];
    const mail = mailTo("ann@x.example", "bob@x.example", "cid@x.example");
    await compose(tap(toPino(pino)), tap(toConsole(plain)), fake(script)).send(mail);
    expect(pino.calls.map(([level, line, text]) => [level, typeof line, text])).toEqual([
      ["info", "object", "mail accepted"],
      ["error", "object", "mail rejected"],
      ["warn", "object", "mail deferred"],
    ]);
    expect(plain.calls.map(([level, line]) => [level, JSON.parse(String(line))])).toMatchObject([
      ["info", { recipient: "ann@x.example" }],
      ["error", { recipient: "bob@x.example" }],
      ["warn", { recipient: "cid@x.example" }],
    ]);
  });

  it("C51: writes what a server says on one line, whatever it says", async () => {
    const plain = recorder();
    const next = fake({ "ann@x.example": { kind: "rejected", message: "no\r\n{\"kind\":\"accepted\"}\u001b[2J" } });
    await compose(tap(toConsole(plain)), next).send(mailTo("ann@x.example"));
    const line = Buffer.from(String(plain.calls[0]?.[1]));
    expect(line.every((octet) => octet >= 0x20)).toBe(true);
  });

  it("keeps the outcome where the log throws, and warns", async () => {
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    const broken = tap(() => {
      throw new Error("disk full");
    });
    const { outcomes } = await compose(broken, fake()).send(mailTo("ann@x.example"));
    expect(outcomes[0]?.kind).toBe("accepted");
    expect((await warned).message).toContain("disk full");
  });

  it("refuses options that are wrong", () => {
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => tap()).toThrow(ConfigError);
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => tap(() => undefined, { addresses: "none" })).toThrow("must be one of full, domain");
  });
});
