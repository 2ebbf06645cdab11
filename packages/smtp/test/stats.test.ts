import type { Moment } from "@postroad/testing/peer";
import { modelPeer } from "@postroad/testing/peer";
import { describe, expect, it } from "vitest";
import { expectUncertain, first, kinds, mail, plain, until } from "./support.ts";

const NOTHING = { waiting: 0, sending: 0, connections: 0, idle: 0, connecting: 0 };

function gate(): { readonly opened: Promise<undefined>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<undefined>((resolve) => (open = () => resolve(undefined)));
  return { opened, open: () => open() };
}

describe("stats", () => {
  it("shows mails that wait and are sent, connections that open, work and idle", async () => {
    const hold = { greeting: gate(), message: gate() };
    const on = ({ step }: Moment): Promise<undefined> | undefined => (step === "greeting" || step === "message" ? hold[step].opened : undefined);
    await using peer = await modelPeer({ extensions: ["PIPELINING"], on });
    const transport = plain(peer, { pool: 2 });
    expect(transport.stats()).toEqual(NOTHING);
    const sends = Array.from({ length: 7 }, () => transport.send(mail()));
    expect(transport.stats()).toEqual({ ...NOTHING, waiting: 7, connecting: 2 });
    hold.greeting.open();
    // Each has one under way, and behind its final dot the envelope of the next.
    await until(() => transport.stats().sending === 4);
    expect(transport.stats()).toEqual({ ...NOTHING, waiting: 3, sending: 4, connections: 2 });
    hold.message.open();
    expect((await Promise.all(sends)).flatMap(kinds)).toEqual(Array.from({ length: 7 }, () => "accepted"));
    await until(() => transport.stats().idle === 2);
    expect(transport.stats()).toEqual({ ...NOTHING, connections: 2, idle: 2 });
    await transport[Symbol.asyncDispose]();
    expect(transport.stats()).toEqual(NOTHING);
  });

  it("after an abort, a refused connection and a lost one nothing is left over", async () => {
    const controller = new AbortController();
    await using peer = await modelPeer({ on: ({ step, connection }) => (connection === 1 && step === "message" ? { drop: "before" } : undefined) });
    await using transport = plain(peer);
    const lost = transport.send(mail());
    const aborted = transport.send(mail(), { signal: controller.signal });
    controller.abort();
    expect(kinds(await aborted)).toEqual(["deferred"]);
    expectUncertain(first(await lost));
    expect(transport.stats()).toMatchObject({ waiting: 0, sending: 0 });
    await until(() => transport.stats().connections === 0);
    expect(transport.stats()).toEqual(NOTHING);
  });

  it("never shows more connections than the cap", async () => {
    const seen: number[] = [];
    await using peer = await modelPeer({ on: () => void seen.push(transport.stats().connections + transport.stats().connecting) });
    await using transport = plain(peer, { pool: { connections: 3, messages: 2 } });
    expect((await Promise.all(Array.from({ length: 30 }, () => transport.send(mail())))).flatMap(kinds)).toEqual(Array.from({ length: 30 }, () => "accepted"));
    expect(Math.max(...seen)).toBe(3);
  });
});
