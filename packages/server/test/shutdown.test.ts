import { fake } from "@postroad/testing/fake";
import { describe, expect, it } from "vitest";
import { dial } from "./client.ts";
import { ENVELOPE, MESSAGE, mx } from "./support.ts";

describe("shutdown", () => {
  it("U19: who waits is told 421, a message on its way is taken in, handed on and answered", async () => {
    const to = fake();
    await using running = await mx({}, to);
    await using idle = await running.dial();
    await using inMail = await running.dial();
    await inMail.say(...ENVELOPE);
    await using inData = await running.dial();
    await inData.say(...ENVELOPE, "DATA");
    inData.send(MESSAGE);
    await using inChunk = await running.dial();
    await inChunk.say(...ENVELOPE);
    inChunk.send("BDAT 10 LAST\r\nA: b");
    await new Promise((resolve) => setTimeout(resolve, 20));
    const done = running.server[Symbol.asyncDispose]();
    const goodbye = "421 4.3.2 the server is going down\r\n";
    expect(await idle.rest()).toBe(goodbye);
    expect(await inMail.rest()).toBe(goodbye);
    inData.send("\r\n.\r\nNOOP\r\n");
    expect(await inData.rest()).toMatch(/^250 2\.0\.0 queued as \w+\r\n421 4\.3\.2 the server is going down\r\n$/);
    inChunk.send("\r\n\r\nhi");
    expect(await inChunk.rest()).toMatch(/^250 2\.0\.0 queued as \w+\r\n421 4\.3\.2 /);
    await done;
    expect(to.calls).toHaveLength(2);
    expect(to.disposed).toBe(1);
    await expect(dial(running.port)).rejects.toThrow(/ECONNREFUSED/);
  });

  it("U19: what is being handed on is waited for, however long; the transport is disposed after it", async () => {
    const to = fake();
    to.hold();
    await using running = await mx({ timeouts: { shutdown: 30 } }, to);
    await using client = await running.dial();
    await client.say(...ENVELOPE, "DATA");
    client.send(`${MESSAGE}\r\n.\r\n`);
    await to.call(1);
    const done = running.server[Symbol.asyncDispose]();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(to.disposed).toBe(0);
    to.release();
    expect(await client.reply()).toMatch(/^250 2\.0\.0 queued as /);
    await done;
    expect(to.calls[0]?.outcomes).toMatchObject([{ kind: "accepted" }]);
    expect(to.disposed).toBe(1);
  });

  it("U19: a message that does not come to its end in time is dropped", async () => {
    await using running = await mx({ timeouts: { shutdown: 50 } });
    await using client = await running.dial();
    await client.say(...ENVELOPE, "DATA");
    client.send(MESSAGE);
    await running.server[Symbol.asyncDispose]();
    expect(await client.rest()).toBe("");
    expect(running.to.calls).toEqual([]);
  });

  it("U19: under load nothing that was answered with 250 is lost, and nothing else was taken", async () => {
    const to = fake({}, { before: () => new Promise((resolve) => setTimeout(resolve, 3)) });
    await using running = await mx({}, to);
    let accepted = 0;
    async function load(): Promise<void> {
      await using client = await running.dial();
      await client.say("EHLO client.example");
      for (;;) {
        const reply = await client.say(...ENVELOPE.slice(1), "DATA", `${MESSAGE}\r\n.`);
        if (reply?.startsWith("250") !== true) return;
        accepted += 1;
      }
    }
    const loads = Array.from({ length: 8 }, load);
    await to.call(40);
    await running.server[Symbol.asyncDispose]();
    await Promise.all(loads);
    expect(accepted).toBe(to.calls.length);
    expect(accepted).toBeGreaterThanOrEqual(40);
  });

  it("disposed while it begins to listen, it does not listen", async () => {
    const { server } = await mx();
    const listening = server.listen({ port: 0, host: "127.0.0.1" });
    await server[Symbol.asyncDispose]();
    await expect(listening).rejects.toThrow(/disposed/);
    expect(server.ports).toHaveLength(1);
  });

  it("disposing twice, and listening after it", async () => {
    const running = await mx();
    await Promise.all([running.server[Symbol.asyncDispose](), running.server[Symbol.asyncDispose]()]);
    expect(running.to.disposed).toBe(1);
    await expect(running.server.listen(0)).rejects.toThrow(/disposed/);
  });
});
