import type { Mail, Send, Transport } from "@postroad/core";
import { DeliveryError, Refusal, borrow, deliver, receipt, transport, wrap } from "@postroad/core";
import { describe, expect, it } from "vitest";
import { accepted, deferred, mailTo, rejected, told } from "./mails.ts";

const mail = mailTo("ann@x", "bob@x");
const accepting: Send<Mail> = (given) => Promise.resolve(receipt(given, accepted));

/** A send that waits until it is let go. */
function held(): { readonly send: Send<Mail>; readonly release: () => void; readonly calls: Mail[] } {
  const calls: Mail[] = [];
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const send: Send<Mail> = async (given) => {
    calls.push(given);
    await gate;
    return receipt(given, accepted);
  };
  return { send, release: () => release(), calls };
}

/** Has the promise settled, once everything else has had its turn? */
async function isSettled(promise: PromiseLike<unknown>): Promise<boolean> {
  let settled = false;
  const note = (): void => void (settled = true);
  promise.then(note, note);
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setTimeout(resolve));
  return settled;
}

describe("transport", () => {
  it("hands on mail and signal, and gives back the receipt as it is", async () => {
    const got = told(["ann@x", accepted], ["bob@x", rejected]);
    const seen: unknown[] = [];
    const to = transport("t", async (...args) => {
      seen.push(...args);
      return got;
    });
    const { signal } = new AbortController();
    expect(await to.send(mail, { signal })).toBe(got);
    expect(seen).toEqual([mail, { signal }]);
    expect(await to.send(mail)).toBe(got);
    expect(seen[3]).toEqual({});
  });

  it("a Refusal is a verdict for everybody", async () => {
    const to = transport("t", () => Promise.reject(new Refusal("5.7.1", "not you", { remote: "mx:25" })));
    const no = { kind: "rejected", status: "5.7.1", by: "t", message: "not you", remote: "mx:25" } as const;
    expect(await to.send(mail)).toEqual(told(["ann@x", no], ["bob@x", no]));
  });

  it.each([
    [new TypeError("oops"), "bug in t: TypeError: oops"],
    ["a string", "bug in t: a thrown string"],
    [undefined, "bug in t: a thrown undefined"],
    [null, "bug in t: a thrown object"],
  ])("any other throw is a bug, deferred and in doubt: %s", async (thrown, message) => {
    const to = transport("t", () => Promise.reject(thrown));
    const [first, second] = (await to.send(mail)).outcomes;
    expect(first).toMatchObject({ kind: "deferred", status: "4.3.0", by: "t", message, uncertain: true });
    expect(first?.kind === "deferred" && first.diagnosis?.cause).toBe(thrown);
    expect(second?.recipient).toBe("bob@x");
  });

  it("a throw before there is a promise is no different", async () => {
    const to = transport("t", () => {
      throw new Refusal("4.3.1", "full");
    });
    expect((await to.send(mail)).outcomes).toMatchObject([{ kind: "deferred", status: "4.3.1" }, { status: "4.3.1" }]);
  });

  it("what a send forgets, muddles or invents is put right", async () => {
    const forgetful = transport("t", () => Promise.resolve(told(["bob@x", accepted], ["stranger@z", accepted])));
    const { outcomes } = await forgetful.send(mail);
    expect(outcomes).toMatchObject([
      { recipient: "ann@x", kind: "deferred", uncertain: true },
      { recipient: "bob@x", kind: "accepted" },
    ]);
    const chatty = transport("t", () =>
      Promise.resolve(told(["ann@x", accepted], ["bob@x", accepted], ["stranger@z", accepted])),
    );
    expect(await chatty.send(mail)).toEqual(told(["ann@x", accepted], ["bob@x", accepted]));
    const other = transport("t", () =>
      Promise.resolve({ ...told(["ann@x", accepted], ["bob@x", accepted]), mail: "m2" }),
    );
    expect((await other.send(mail)).mail).toBe("m1");
  });

  it("a send that gives no receipt is a bug", async () => {
    const broken = transport("t", () => Promise.resolve(JSON.parse("null")));
    expect((await broken.send(mail)).outcomes).toMatchObject([
      { status: "4.3.0", uncertain: true },
      { status: "4.3.0" },
    ]);
  });

  const late = new Refusal("4.4.7", "too late");
  const final = new Refusal("5.3.0", "never");
  it.each([
    ["the signal's reason", undefined, (signal?: AbortSignal) => signal?.throwIfAborted(), "4.3.2"],
    ["an AbortError", undefined, () => Promise.reject(new DOMException("stopped", "AbortError")), "4.3.2"],
    ["a reason that is no error", "stop", (signal?: AbortSignal) => signal?.throwIfAborted(), "4.3.2"],
    ["a Refusal that is the signal's reason", late, () => Promise.reject(late), "4.4.7"],
    ["a final Refusal that is the signal's reason", final, () => Promise.reject(final), "4.3.2"],
  ])("#34: takes %s for an abort, not for a bug; only the author knows how far it got", async (_, reason, stop, status) => {
    const abort = new AbortController();
    const to = transport("t", async (sent, { signal }) => {
      abort.abort(reason);
      await stop(signal);
      return receipt(sent, accepted);
    });
    const { outcomes } = await to.send(mail, { signal: abort.signal });
    expect(outcomes).toMatchObject(Array.from(mail.envelope.to, () => ({ kind: "deferred", status, uncertain: true, by: "t" })));
    expect(outcomes[0]).not.toMatchObject({ message: expect.stringContaining("bug") });
  });

  it("#34: believes a Refusal of the transport's own after an abort", async () => {
    const abort = new AbortController();
    const to = transport("t", () => {
      abort.abort(late);
      throw new Refusal("4.3.2", "aborted before it was its turn", { cause: late });
    });
    const [outcome] = (await to.send(mail, { signal: abort.signal })).outcomes;
    expect(outcome).toMatchObject({ kind: "deferred", status: "4.3.2" });
    expect(outcome).not.toHaveProperty("uncertain");
  });

  it("sends nothing where the signal has aborted before", async () => {
    let called = false;
    const to = transport("t", (given) => {
      called = true;
      return accepting(given, {});
    });
    const { outcomes } = await to.send(mail, { signal: AbortSignal.abort() });
    expect(outcomes).toMatchObject([{ kind: "deferred", status: "4.3.2", by: "t" }, { kind: "deferred" }]);
    expect(outcomes[0]).not.toHaveProperty("uncertain");
    expect(called).toBe(false);
  });

  it("passes its check by default, and else as it is told", async () => {
    await expect(transport("t", accepting).check()).resolves.toBeUndefined();
    const seen: unknown[] = [];
    const refusal = new Refusal("4.4.1", "down");
    const down = transport("t", accepting, {
      check: (options) => {
        seen.push(options);
        return Promise.reject(refusal);
      },
    });
    const { signal } = new AbortController();
    await expect(down.check({ signal })).rejects.toBe(refusal);
    await expect(down.check()).rejects.toBe(refusal);
    expect(seen).toEqual([{ signal }, {}]);
  });
});

describe("disposing a transport", () => {
  it("waits for all that is in flight, then disposes once", async () => {
    const { send, release, calls } = held();
    let disposed = 0;
    const to = transport("t", send, { dispose: () => void (disposed += 1) });
    const sends = [to.send(mail), to.send(mail)];
    const disposing = to[Symbol.asyncDispose]();
    expect(await isSettled(disposing)).toBe(false);
    expect([calls.length, disposed]).toEqual([2, 0]);
    release();
    expect((await Promise.all(sends)).flatMap(({ outcomes }) => outcomes.map(({ kind }) => kind))).toEqual(
      Array(4).fill("accepted"),
    );
    await disposing;
    await to[Symbol.asyncDispose]();
    expect(disposed).toBe(1);
  });

  it("waits for the last, not for the first", async () => {
    const [quick, slow] = [held(), held()];
    const to = transport("t", (given, options) => (given.id === "quick" ? quick : slow).send(given, options));
    const sends = [to.send({ ...mail, id: "quick" }), to.send({ ...mail, id: "slow" })];
    const disposing = to[Symbol.asyncDispose]();
    quick.release();
    await sends[0];
    expect(await isSettled(disposing)).toBe(false);
    slow.release();
    await Promise.all([...sends, disposing]);
  });

  it("refuses further mail and checks at once", async () => {
    const { send, release, calls } = held();
    const to = transport("t", send);
    const first = to.send(mail);
    const disposing = to[Symbol.asyncDispose]();
    expect((await to.send(mail)).outcomes[0]).toMatchObject({
      kind: "deferred",
      status: "4.3.2",
      message: "the transport is disposed",
    });
    await expect(to.check()).rejects.toThrow(Refusal);
    expect(calls).toHaveLength(1);
    release();
    await Promise.all([first, disposing]);
  });

  it("disposes at once where nothing is in flight, also after sends that threw", async () => {
    const to = transport("t", () => Promise.reject(new Error("oops")));
    await to.send(mail);
    await expect(to[Symbol.asyncDispose]()).resolves.toBeUndefined();
  });

  it("tells every caller that it went wrong", async () => {
    const to = transport("t", accepting, { dispose: () => Promise.reject(new Error("stuck")) });
    await expect(to[Symbol.asyncDispose]()).rejects.toThrow("stuck");
    await expect(to[Symbol.asyncDispose]()).rejects.toThrow("stuck");
  });

  it("happens at the end of a block", async () => {
    let disposed = 0;
    {
      await using to = transport("t", accepting, { dispose: () => void (disposed += 1) });
      await to.send(mail);
    }
    expect(disposed).toBe(1);
  });
});

describe("wrap", () => {
  function next(log: string[], fails?: Error): Transport {
    return transport("next", accepting, {
      check: () => (fails === undefined ? Promise.resolve(void log.push("check next")) : Promise.reject(fails)),
      dispose: () => void log.push("dispose next"),
    });
  }

  it("prints as an expression", () => {
    expect(wrap("outer", wrap("inner", next([]), accepting), accepting).name).toBe("outer(inner(next))");
  });

  it("asks its own check, then next's", async () => {
    const log: string[] = [];
    await wrap("w", next(log), accepting, { check: async () => void log.push("check own") }).check();
    expect(log).toEqual(["check own", "check next"]);
    const refusal = new Refusal("4.4.1", "down");
    await expect(wrap("w", next(log, refusal), accepting).check()).rejects.toBe(refusal);
  });

  it("disposes its own, then next, once", async () => {
    const log: string[] = [];
    const outer = wrap("w", next(log), accepting, { dispose: () => void log.push("dispose own") });
    await Promise.all([outer[Symbol.asyncDispose](), outer[Symbol.asyncDispose]()]);
    expect(log).toEqual(["dispose own", "dispose next"]);
  });

  it("disposes next also where its own part fails", async () => {
    const log: string[] = [];
    const outer = wrap("w", next(log), accepting, { dispose: () => Promise.reject(new Error("stuck")) });
    await expect(outer[Symbol.asyncDispose]()).rejects.toThrow("stuck");
    expect(log).toEqual(["dispose next"]);
  });

  it("is total like any transport", async () => {
    const outer = wrap("w", next([]), () => Promise.reject(new Error("oops")));
    expect((await outer.send(mail)).outcomes[0]).toMatchObject({ kind: "deferred", by: "w(next)", uncertain: true });
  });
});

describe("borrow", () => {
  it("sends and checks with the owner's, and disposes nothing", async () => {
    let disposed = 0;
    const { signal } = new AbortController();
    const seen: unknown[] = [];
    const owned = transport("owned", (given, options) => (seen.push(options), accepting(given, options)), {
      check: (options) => Promise.resolve(void seen.push(options)),
      dispose: () => void (disposed += 1),
    });
    const loan = borrow(owned);
    await loan.send(mail, { signal });
    await loan.check({ signal });
    await loan[Symbol.asyncDispose]();
    expect([loan.name, disposed, seen]).toEqual(["owned", 0, [{ signal }, { signal }]]);
    expect((await owned.send(mail)).outcomes[0]?.kind).toBe("accepted");
  });
});

describe("deliver", () => {
  it("gives the receipt where everybody was accepted", async () => {
    expect(await deliver(transport("t", accepting), mail)).toEqual(told(["ann@x", accepted], ["bob@x", accepted]));
  });

  it("throws the receipt where anybody was not", async () => {
    const got = told(["ann@x", accepted], ["bob@x", deferred]);
    const failure = await deliver(
      transport("t", () => Promise.resolve(got)),
      mail,
    ).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DeliveryError);
    expect(failure).toMatchObject({
      receipt: got,
      message: "1 of 2 recipients not accepted: bob@x deferred 4.2.2 later",
    });
  });

  it("hands on the signal", async () => {
    await expect(deliver(transport("t", accepting), mail, { signal: AbortSignal.abort() })).rejects.toThrow(
      "aborted before",
    );
  });
});
