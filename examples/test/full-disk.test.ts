import { join } from "node:path";
import type { Transport } from "@postroad/core";
import { contentOf } from "@postroad/core";
import { createServer } from "@postroad/server";
import type { SpoolOptions } from "@postroad/server";
import type { Fake } from "@postroad/testing/fake";
import { fake } from "@postroad/testing/fake";
import { drain, manage, queue, smtp, sqliteStore } from "postroad";
import { describe, expect, it } from "vitest";
import { smallDisk } from "./small-disk.ts";

/** A server, and a client that sends it mails of so many octets. */
interface Served extends AsyncDisposable {
  /** True where it was taken; anything but 452 4.3.1 in its place fails the test. */
  send(subject: string, octets: number): Promise<boolean>;
}

async function served(to: Transport, spool: SpoolOptions = {}): Promise<Served> {
  // Minutes pass between any two mails, so that none is turned away at MAIL already.
  let now = 0;
  const clock = (): number => (now += 60_000);
  const server = await createServer({ mode: "mx", to, recipient: () => true, hostname: "mx.example.org", spool, clock }).listen({ port: 0, host: "127.0.0.1" });
  const client = smtp({ host: "127.0.0.1", port: server.port, security: "none" });
  return {
    async send(subject, octets) {
      const envelope = { from: "bob@elsewhere.example", to: [{ address: "ann@example.org" }] };
      const content = contentOf(Buffer.from(`Subject: ${subject}\r\n\r\n${textOf(subject, octets)}`));
      const { outcomes } = await client.send({ id: subject, envelope, content, meta: {} });
      if (outcomes[0]?.kind === "accepted") return true;
      expect(outcomes).toMatchObject([{ kind: "deferred", status: "4.3.1", reply: { code: 452 } }]);
      return false;
    },
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Lines of text, others for each subject. */
function textOf(subject: string, octets: number): string {
  const line = `${subject} ${"x".repeat(60)}\r\n`;
  return line.repeat(Math.ceil(octets / line.length));
}

/** What has come, by its subject. */
function arrived({ calls }: Fake): readonly (readonly [subject: string, text: string])[] {
  return calls.map(({ bytes }) => {
    const mail = Buffer.from(bytes ?? []).toString();
    return [/^Subject: (.*)\r$/m.exec(mail)?.[1] ?? "", mail.slice(mail.indexOf("\r\n\r\n") + 4)];
  });
}

describe("a disk that is full", () => {
  it("U23: under the spool: 452 4.3.1 while it is, and what was taken arrives whole", async ({ skip }) => {
    const made = await smallDisk(8);
    if (typeof made === "string") {
      skip(made);
      return;
    }
    await using disk = made;
    const to = fake();
    await using server = await served(to, { memory: 1000, directory: disk.path });
    const [large, small, huge] = [2_000_000, 500, 9_000_000];
    expect(await server.send("before", large)).toBe(true);
    await disk.fill();
    expect(await server.send("full", large)).toBe(false);
    // What is small needs no disk.
    expect(await server.send("small", small)).toBe(true);
    await disk.makeRoom();
    expect(await server.send("after", large)).toBe(true);
    expect(await server.send("huge", huge)).toBe(false);
    // That one has left nothing behind.
    expect(await server.send("last", large)).toBe(true);
    const expected = [["before", large], ["small", small], ["after", large], ["last", large]] as const;
    expect(arrived(to)).toEqual(expected.map(([subject, octets]) => [subject, textOf(subject, octets)]));
  });

  it.for([{ what: "rows", octets: 500 }, { what: "files", octets: 300_000 }])("U23: under a queue of $what: 452 4.3.1 while it is, and what was taken is delivered, all of it and no more", async ({ octets }, { skip }) => {
    const made = await smallDisk(8);
    if (typeof made === "string") {
      skip(made);
      return;
    }
    await using disk = made;
    await using stack = new AsyncDisposableStack();
    const store = stack.adopt(sqliteStore(join(disk.path, "mail.db")), (each) => each[Symbol.asyncDispose]());
    const taken: string[] = [];
    const server = stack.use(await served(queue(store)));
    async function sendUntil(name: string, wanted: boolean, limit: number): Promise<void> {
      for (let number = 0; number < limit; number += 1) {
        const is = await server.send(`${name}${number}`, octets);
        if (is) taken.push(`${name}${number}`);
        if (is === wanted) return;
      }
      throw new Error(`none of ${limit} was ${wanted ? "taken" : "refused"}`);
    }
    await sendUntil("before", true, 1);
    await disk.fill(1_000_000);
    await sendUntil("full", false, 10_000);
    await disk.makeRoom();
    await sendUntil("after", true, 100);
    const to = fake();
    stack.use(drain(store, to, { bounce: false }));
    await expect.poll(async () => (await manage(store).stats()).lanes, { timeout: 20_000 }).toEqual([]);
    expect(to.calls).toHaveLength(taken.length);
    expect(new Map(arrived(to))).toEqual(new Map(taken.map((subject) => [subject, textOf(subject, octets)])));
  });
});
