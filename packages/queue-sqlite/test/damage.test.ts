import type { Mail } from "@postroad/core";
import { contentOf, envelope, receipt, transport } from "@postroad/core";
import type { QueueEvent, Store } from "@postroad/queue";
import { drain, manage, queue } from "@postroad/queue";
import { readFile, writeFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { sqliteStore } from "../src/index.ts";
import { folder } from "./entries.ts";

const OTHERS = ["good-1", "good-2", "good-3"];

async function fill(store: Store, ...ids: readonly string[]): Promise<void> {
  const inbox = queue(store);
  for (const id of ids) {
    const content = contentOf(Buffer.from("Subject: Hi\r\n\r\n"));
    await inbox.send({ id, envelope: envelope("a@x.example", [`${id}@y.example`]), content, meta: {} });
  }
}

/** Writes to the file as a failing disk or a careless hand would. */
function harm(path: string, ...statements: readonly string[]): void {
  const database = new DatabaseSync(path);
  for (const statement of statements) database.exec(statement);
  database.close();
}

const damages = [
  ["text that is no JSON", "UPDATE entries SET rest = '{\"envelope\":' WHERE mail = 'bad'"],
  ["text that is no text", "UPDATE entries SET rest = '[1, 2]' WHERE mail = 'bad'"],
  ["another recipient than it was", "UPDATE entries SET rest = replace(rest, 'bad@y.example', 'bad@z.example') WHERE mail = 'bad'"],
  ["another sender than it was", "UPDATE entries SET rest = replace(rest, 'a@x.example', 'b@x.example') WHERE mail = 'bad'"],
  ["an envelope without recipients", "UPDATE entries SET rest = '{\"envelope\":{\"from\":\"a\"},\"meta\":{},\"last\":[]}' WHERE mail = 'bad'"],
  ["a content that is gone", "DELETE FROM contents WHERE id = (SELECT content FROM entries WHERE mail = 'bad')"],
  ["an attempt too many for a number", "UPDATE entries SET attempts = 1 << 60 WHERE mail = 'bad'"],
  ["a time that no number can be", "UPDATE entries SET created_at = 1 << 60 WHERE mail = 'bad'"],
  ["a size that no number can be", "UPDATE contents SET size = 1 << 60 WHERE id = (SELECT content FROM entries WHERE mail = 'bad')"],
  ["a priority that there is not", "UPDATE entries SET priority = 64 WHERE mail = 'bad'"],
  ["what is owed that is no list", "UPDATE entries SET rest = json_set(rest, '$.owed', 5) WHERE mail = 'bad'"],
  ["bytes that are gone", "DELETE FROM bodies WHERE content = (SELECT content FROM entries WHERE mail = 'bad')"],
] as const;

describe("a damaged row", () => {
  it.for(damages)("#51: is kept with a note, and told of, and the others are delivered: %s", async ([, damage]) => {
    await using place = await folder();
    await using store = sqliteStore(place.path);
    await fill(store, "bad", ...OTHERS);
    harm(place.path, damage);
    const events: QueueEvent[] = [];
    const delivered: string[] = [];
    const to = transport("to", async (mail: Mail) => {
      delivered.push(mail.id);
      return receipt(mail, { kind: "accepted", status: "2.0.0", by: "to" });
    });
    await using worker = drain(store, to, { onEvent: (event) => void events.push(event) });
    while (delivered.length < OTHERS.length || !events.some(({ kind }) => kind === "dead")) await wait(10);
    await worker.stop();
    expect(delivered.toSorted()).toEqual(OTHERS);
    const told = { kind: "dead", reason: "damaged", mail: "bad", lane: "y.example", note: expect.stringContaining("damaged: ") };
    expect(events.filter(({ kind }) => kind === "dead")).toMatchObject([told]);
    expect(events.filter(({ kind }) => kind === "trouble")).toEqual([]);
    expect(await store.list()).toMatchObject([{ mail: "bad", state: "dead", note: expect.stringContaining("damaged: ") }]);
  });

  it.for(damages)("#51: fails nobody who looks, and can be changed: %s", async ([, damage]) => {
    await using place = await folder();
    await using store = sqliteStore(place.path);
    await fill(store, "bad", ...OTHERS);
    harm(place.path, damage);
    const people = manage(store);
    const listed = await people.list();
    expect(listed.map(({ mail }) => mail).toSorted()).toEqual(["bad", ...OTHERS]);
    const key = listed.find(({ mail }) => mail === "bad")?.key ?? "";
    expect(await people.get(key)).toMatchObject({ key, mail: "bad" });
    expect((await people.stats()).bytes).toBeGreaterThan(0);
    await people.hold({ lane: "y.example" });
    await people.release({ lane: "y.example" });
    await people.retryNow({ lane: "y.example" });
    await people.redrive();
    // Whoever tries it again gets it no better.
    const damaged: string[] = [];
    const claim = { now: Date.now(), limit: 10, perLane: 10, ttl: 60_000, onDamaged: ({ mail }: { readonly mail: string }) => void damaged.push(mail) };
    const leases = await store.claim(claim);
    expect(leases.map(({ entry }) => entry.mail).toSorted()).toEqual(OTHERS);
    expect(damaged).toEqual(["bad"]);
    for (const lease of leases) expect(await store.settle(lease, null)).toBe(true);
    expect(await people.cancel({ mail: "bad" })).toBe(1);
    expect(await store.stats(Date.now())).toMatchObject({ due: 0, dead: 0, lanes: [] });
  });

  it("#51: stays as it is, for whoever can mend it", async () => {
    await using place = await folder();
    await using store = sqliteStore(place.path);
    await fill(store, "bad");
    harm(place.path, "UPDATE entries SET rest = '?' || rest WHERE mail = 'bad'");
    expect(await store.list()).toMatchObject([{ state: "dead", envelope: { to: [] } }]);
    const damaged: string[] = [];
    expect(await store.claim({ now: Date.now(), limit: 1, perLane: 1, ttl: 60_000, onDamaged: ({ mail }) => void damaged.push(mail) })).toEqual([]);
    expect(damaged).toEqual(["bad"]);
    expect((await store.stats(Date.now())).dead).toBe(1);
    harm(place.path, "UPDATE entries SET rest = substr(rest, 2) WHERE mail = 'bad'");
    expect(await manage(store).redrive()).toBe(1);
    const [lease] = await store.claim({ now: Date.now(), limit: 1, perLane: 1, ttl: 60_000 });
    expect(lease?.entry).toMatchObject({ mail: "bad", envelope: { to: [{ address: "bad@y.example" }] } });
  });

  it("#51: that was mended by hand is taken as it is, without its checksum", async () => {
    await using place = await folder();
    await using store = sqliteStore(place.path);
    await fill(store, "bad");
    harm(place.path, "UPDATE entries SET rest = replace(rest, 'bad@', 'good@')");
    const claim = { now: Date.now(), limit: 1, perLane: 1, ttl: 60_000 };
    expect(await store.claim(claim)).toEqual([]);
    harm(place.path, "UPDATE entries SET crc = NULL");
    expect(await manage(store).redrive()).toBe(1);
    const [lease] = await store.claim(claim);
    expect(lease?.entry.envelope.to).toEqual([{ address: "good@y.example" }]);
    if (lease === undefined) throw new Error("there is no lease");
    expect(await store.settle(lease, { ...lease.entry, attempts: 1 })).toBe(true);
    harm(place.path, "UPDATE entries SET rest = replace(rest, 'good@', 'bad@')");
    expect(await store.list()).toMatchObject([{ state: "dead", note: expect.stringContaining("damaged: ") }]);
  });

  it("#51: a page of a body that is lost stops nobody else", async () => {
    await using place = await folder();
    await using store = sqliteStore(place.path);
    for (const id of ["bad", ...OTHERS]) {
      const content = contentOf(Buffer.alloc(20_000, id === "bad" ? "b" : "g"));
      await queue(store).send({ id, envelope: envelope("a@x.example", [`${id}@y.example`]), content, meta: {} });
    }
    await store[Symbol.asyncDispose]();
    const file = await readFile(place.path);
    file.writeUInt32BE(0x7fffffff, pageOf(file, "b".charCodeAt(0)));
    await writeFile(place.path, file);
    const damaged: string[] = [];
    await using again = sqliteStore(place.path);
    const leases = await again.claim({ now: Date.now(), limit: 10, perLane: 10, ttl: 60_000, onDamaged: ({ mail }) => void damaged.push(mail) });
    expect(leases.map(({ entry }) => entry.mail).toSorted()).toEqual(OTHERS);
    expect(damaged).toEqual(["bad"]);
  });
});

/** Where in the file a page starts that is one of several with nothing but this octet, behind the number of the next. */
function pageOf(file: Buffer, octet: number): number {
  const size = file.readUInt16BE(16);
  for (let start = 0; start < file.length; start += size) {
    const page = file.subarray(start, start + size);
    if (page.readUInt32BE(0) > 0 && page.subarray(4).every((each) => each === octet)) return start;
  }
  throw new Error("there is no such page");
}
