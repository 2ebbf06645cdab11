import type { Mail } from "@postroad/core";
import { ConfigError, Refusal } from "@postroad/core";
import { testTransport } from "@postroad/testing";
import { execFile } from "node:child_process";
import { chmod, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { accounts, maildir, mailboxPath } from "../src/index.ts";
import { cameAs, draftsIn, kindsOf, mailsIn, mailTo, receivedIn, temporaryFolder, TEXT, textsIn } from "./boxes.ts";

const [ANN, BOB] = ["ann@example.org", "bob@example.org"] as const;
const both = accounts({ mailboxes: [ANN, BOB] });

testTransport({
  name: "maildir",
  capabilities: ["reads", "aborts", "rejects", "defers"],
  async open() {
    const folder = await temporaryFolder();
    const transport = maildir(folder.path, {
      lookup(address) {
        if (address.startsWith("rejected@")) return undefined;
        if (address.startsWith("deferred@")) throw new Error("the directory is out of reach");
        return { mailbox: mailboxPath(address) };
      },
    });
    return { transport, received: () => receivedIn(folder.path), [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
  },
});

describe("maildir", () => {
  it("X1, M13, X4: a mail lies in new with one Return-Path and Delivered-To, and nothing in tmp", async () => {
    await using folder = await temporaryFolder();
    await using transport = maildir(folder.path, { lookup: both, hostname: "mx/1:a,b" });
    const text = `Return-path: <old@x.example>\r\n folded\r\nReceived: x\r\nRETURN-PATH : <older@x.example>\r\n${TEXT}`;
    const { outcomes } = await transport.send(mailTo([ANN], text));
    expect(kindsOf(outcomes)).toEqual(["accepted 2.0.0"]);
    const expected = `Return-Path: <sender@example.org>\nDelivered-To: ${ANN}\nReceived: x\n${TEXT.replaceAll("\r\n", "\n")}`;
    expect(await textsIn(join(folder.path, "example.org/ann"))).toEqual([expected]);
    expect(await draftsIn(folder.path)).toEqual([]);
    const [path = ""] = await mailsIn(folder.path);
    const lines = expected.split("\n").length - 1;
    expect(path).toMatch(/^example\.org\/ann\/new\/\d+\.M\d+P\d+Q\d+R[\da-f]{8}\.mx\\0571\\072a\\054b,S=(\d+),W=(\d+)$/);
    expect(path.endsWith(`,S=${expected.length},W=${expected.length + lines}`)).toBe(true);
    expect(outcomes[0]).toMatchObject({ ref: path.split("/").at(-1) });
    expect((await stat(join(folder.path, path))).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder.path, "example.org/ann"))).mode & 0o777).toBe(0o700);
  });

  it("M13: the null reverse-path is kept", async () => {
    await using folder = await temporaryFolder();
    await using transport = maildir(folder.path, { lookup: both });
    await transport.send(mailTo([ANN], TEXT, ""));
    expect(await textsIn(join(folder.path, "example.org/ann"))).toEqual([expect.stringMatching(/^Return-Path: <>\n/)]);
  });

  it("X4: a mail that comes back to whom it was delivered is rejected, and goes to the others", async () => {
    await using folder = await temporaryFolder();
    await using transport = maildir(folder.path, { lookup: both });
    const { outcomes } = await transport.send(mailTo([ANN, BOB], `Delivered-To:\r\n ann@EXAMPLE.org\r\n${TEXT}`));
    expect(kindsOf(outcomes)).toEqual(["rejected 5.4.6", "accepted 2.0.0"]);
  });

  it("any bytes in any chunks arrive as they were, line ends apart", async () => {
    await using folder = await temporaryFolder();
    await using transport = maildir(folder.path, { lookup: both });
    const bytes = fc.array(fc.constantFrom("\r\n", "\r", "a", ".", "\r\n\r\n", "é", "x".repeat(70_000)), { maxLength: 12 });
    const sizes = fc.integer({ min: 1, max: 5000 });
    await fc.assert(
      fc.asyncProperty(bytes, sizes, async (pieces, size) => {
        const whole = Buffer.from(`X: y\r\n${pieces.join("")}`);
        function* chunks(): Generator<Uint8Array> {
          for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size);
        }
        const { outcomes } = await transport.send({ ...mailTo([ANN, BOB]), content: { open: chunks } });
        expect(kindsOf(outcomes)).toEqual(["accepted 2.0.0", "accepted 2.0.0"]);
        for (const [index, path] of (await mailsIn(folder.path)).entries()) {
          const stored = await readFile(join(folder.path, path), "latin1");
          const { to, content } = cameAs(stored);
          expect(to).toEqual([[ANN, BOB][index]]);
          expect(Buffer.from(content).equals(whole)).toBe(true);
          expect(path.endsWith(`,S=${stored.length},W=${stored.replaceAll("\n", "\r\n").length}`)).toBe(true);
          await rm(join(folder.path, path));
        }
      }),
      { numRuns: 60 },
    );
  });

  it("reads a mail for many mailboxes once", async () => {
    await using folder = await temporaryFolder();
    const to = Array.from({ length: 40 }, (_, index) => `r${index}@example.org`);
    await using transport = maildir(folder.path, { lookup: accounts({ mailboxes: to }) });
    let opened = 0;
    const text = `${TEXT}${"long text\r\n".repeat(100_000)}`;
    const mail = mailTo(to, text);
    const content = {
      open() {
        opened += 1;
        return mail.content.open();
      },
    };
    const { outcomes } = await transport.send({ ...mail, content });
    expect(outcomes.every(({ kind }) => kind === "accepted")).toBe(true);
    expect(opened).toBe(1);
    const received = await receivedIn(folder.path);
    expect(received.flatMap((each) => each.to).toSorted()).toEqual(to.toSorted());
    expect(received.every(({ content: stored }) => Buffer.from(stored).equals(Buffer.from(text)))).toBe(true);
  });

  it("delivers to folders, and to those of tags where they are", async () => {
    await using folder = await temporaryFolder();
    const lookup = accounts({
      mailboxes: { [ANN]: { mailbox: "ann", folder: "Entwürfe/R&D" }, [BOB]: "bob" },
      tagFolders: true,
    });
    await using transport = maildir(folder.path, { lookup });
    await mkdir(join(folder.path, "bob/.shop"), { recursive: true });
    const to = [ANN, "bob+shop@example.org", "bob+other@example.org", "bob+../../x@example.org"];
    const { outcomes } = await transport.send(mailTo(to));
    expect(outcomes.every(({ kind }) => kind === "accepted")).toBe(true);
    const places = (await mailsIn(folder.path)).map((path) => path.slice(0, path.indexOf("/new/")));
    expect(places).toEqual(["ann/.Entw&APw-rfe.R&-D", "bob/.shop", "bob", "bob"]);
    expect(await readdir(join(folder.path, "ann/.Entw&APw-rfe.R&-D"))).toContain("maildirfolder");
  });

  it("delivers a copy to each mailbox of an alias, or to none", async () => {
    await using folder = await temporaryFolder();
    const lookup = accounts({ mailboxes: { [ANN]: "ann", [BOB]: { mailbox: "bob", quota: { bytes: 10 } }, "c@example.org": "c" }, aliases: {
      "team@example.org": [ANN, "c@example.org"], "all@example.org": ["team@example.org", BOB],
    } });
    await using transport = maildir(folder.path, { lookup });
    const { outcomes } = await transport.send(mailTo(["team@example.org", "all@example.org"]));
    expect(kindsOf(outcomes)).toEqual(["accepted 2.0.0", "rejected 5.2.3"]);
    expect((await mailsIn(folder.path)).map((path) => path.split("/")[0])).toEqual(["ann", "c"]);
    expect(await draftsIn(folder.path)).toEqual([]);
  });

  it("X5: a full mailbox defers or rejects, as is asked for", async () => {
    await using folder = await temporaryFolder();
    for (const [whenFull, verdict] of [["defer", "deferred 4.2.2"], ["reject", "rejected 5.2.2"]] as const) {
      await using transport = maildir(join(folder.path), { lookup: both, quota: { messages: 2, bytes: 1000 }, whenFull });
      const sends = await Promise.all(Array.from({ length: 12 }, () => transport.send(mailTo([ANN]))));
      const kinds = sends.flatMap(({ outcomes }) => kindsOf(outcomes));
      expect(kinds.filter((kind) => kind === verdict)).toHaveLength(whenFull === "defer" ? 10 : 12);
      expect(await mailsIn(folder.path)).toHaveLength(2);
      expect(await draftsIn(folder.path)).toEqual([]);
    }
    await using transport = maildir(folder.path, { lookup: both, quota: { bytes: 1000 } });
    expect(kindsOf((await transport.send(mailTo([BOB], `${TEXT}${"x".repeat(1100)}`))).outcomes)).toEqual(["rejected 5.2.3"]);
    const medium = (): Mail => mailTo([BOB], `${TEXT}${"x".repeat(500)}`);
    expect(kindsOf((await transport.send(medium())).outcomes)).toEqual(["accepted 2.0.0"]);
    expect(kindsOf((await transport.send(medium())).outcomes)).toEqual(["deferred 4.2.2"]);
    // Files of others count too: read ones, those of folders, those whose names tell no size.
    const cur = join(folder.path, "example.org/bob/.Old/cur");
    await mkdir(cur, { recursive: true });
    await writeFile(join(cur, "1.a.host:2,S"), "x".repeat(150));
    expect(kindsOf((await transport.send(mailTo([BOB]))).outcomes)).toEqual(["accepted 2.0.0"]);
    await writeFile(join(cur, "2.a.host:2,S"), "x".repeat(300));
    expect(kindsOf((await transport.send(mailTo([BOB]))).outcomes)).toEqual(["deferred 4.2.2"]);
  });

  it("X5: by default there is a mailbox where there is a directory", async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, mailboxPath(ANN)), { recursive: true });
    await using transport = maildir(folder.path);
    const to = [ANN, "Ann+tag@Example.ORG", BOB, "ann@elsewhere.example"];
    const { outcomes } = await transport.send(mailTo(to));
    expect(kindsOf(outcomes)).toEqual(["accepted 2.0.0", "accepted 2.0.0", "rejected 5.1.1", "deferred 4.3.5"]);
    expect(await textsIn(join(folder.path, "example.org/ann"))).toHaveLength(2);
  });

  it("X6: never leaves the root, whatever a lookup says", async () => {
    await using folder = await temporaryFolder();
    const wrong = ["..", "../x", "a/../../x", "/etc", "a//b", "a/.", "nul\0"];
    await using transport = maildir(folder.path, { lookup: (address) => ({ mailbox: wrong[Number(address[0])] ?? "" }) });
    const { outcomes } = await transport.send(mailTo(wrong.map((_, index) => `${index}@x.example`)));
    expect(new Set(kindsOf(outcomes))).toEqual(new Set(["deferred 4.3.5"]));
    expect(await readdir(folder.path)).toEqual([]);
    expect(kindsOf((await transport.send(mailTo(["9@x.example"]))).outcomes)).toEqual(["accepted 2.0.0"]);
    expect((await readdir(folder.path)).toSorted()).toEqual(["cur", "new", "tmp"]);
  });

  it("refuses addresses that would break the header", async () => {
    await using folder = await temporaryFolder();
    await using transport = maildir(folder.path, { lookup: () => ({ mailbox: "a" }) });
    expect(kindsOf((await transport.send(mailTo(["a@x.example\r\nX: y"]))).outcomes)).toEqual(["rejected 5.1.3"]);
    expect(kindsOf((await transport.send(mailTo([ANN], TEXT, "a\n@x.example"))).outcomes)).toEqual(["rejected 5.1.7"]);
  });

  it("X3: sweeps what is older than 36 hours from tmp, once in a while", async () => {
    await using folder = await temporaryFolder();
    const tmp = join(folder.path, "ann/tmp");
    await mkdir(tmp, { recursive: true });
    const now = Date.UTC(2026, 0, 10);
    let time = now;
    const leave = async (name: string, hours: number): Promise<void> => {
      await writeFile(join(tmp, name), "");
      await utimes(join(tmp, name), (now - hours * 3_600_000) / 1000, (now - hours * 3_600_000) / 1000);
    };
    for (const [name, hours] of [["old", 37], ["young", 35], [".hidden", 1000]] as const) await leave(name, hours);
    await using transport = maildir(folder.path, { lookup: () => ({ mailbox: "ann" }), now: () => time });
    await transport.send(mailTo([ANN]));
    expect((await readdir(tmp)).toSorted()).toEqual([".hidden", "young"]);
    await leave("old", 100);
    await transport.send(mailTo([ANN]));
    expect(await readdir(tmp)).toContain("old");
    time += 37 * 3_600_000;
    await transport.send(mailTo([ANN]));
    expect(await readdir(tmp)).toEqual([".hidden"]);
  });

  it("X2: ten thousand at once have names of their own", async () => {
    await using folder = await temporaryFolder();
    await using transport = maildir(folder.path, { lookup: both, now: () => Date.UTC(2026, 0, 1) });
    const mails = Array.from({ length: 10_000 }, (_, index) => mailTo([index % 2 === 0 ? ANN : BOB], `N: ${index}\r\n\r\n`));
    const receipts = await Promise.all(mails.map((mail) => transport.send(mail)));
    expect(receipts.every(({ outcomes }) => outcomes[0]?.kind === "accepted")).toBe(true);
    const refs = receipts.map(({ outcomes }) => (outcomes[0]?.kind === "accepted" ? outcomes[0].ref : ""));
    expect(new Set(refs).size).toBe(10_000);
    const texts = [...(await textsIn(join(folder.path, "example.org/ann"))), ...(await textsIn(join(folder.path, "example.org/bob")))];
    expect(new Set(texts.map((text) => /^N: (\d+)$/m.exec(text)?.[1])).size).toBe(10_000);
  }, 180_000);

  it("rejects a header without end, and content that is not as long as it says", async () => {
    await using folder = await temporaryFolder();
    await using transport = maildir(folder.path, { lookup: both });
    const endless = mailTo([ANN], "X: y\r\n".repeat(200_000));
    expect(kindsOf((await transport.send(endless)).outcomes)).toEqual(["rejected 5.6.0"]);
    for (const size of [TEXT.length - 1, TEXT.length + 1]) {
      const mail = mailTo([ANN, BOB]);
      const { outcomes } = await transport.send({ ...mail, content: { size, open: () => mail.content.open() } });
      expect(outcomes).toMatchObject([{ status: "4.3.0" }, { status: "4.3.0" }]);
      expect(outcomes.some((each) => "uncertain" in each)).toBe(false);
    }
    expect(await mailsIn(folder.path)).toEqual([]);
    expect(await draftsIn(folder.path)).toEqual([]);
  });

  it("an abort ends the wait for content that never comes, and for a turn", async () => {
    await using folder = await temporaryFolder();
    await using transport = maildir(folder.path, { lookup: both, concurrency: 1 });
    const asked = Promise.withResolvers<void>();
    async function* silent(): AsyncGenerator<Uint8Array> {
      asked.resolve();
      await new Promise<never>(() => undefined);
      yield new Uint8Array();
    }
    const stop = new AbortController();
    const first = transport.send({ ...mailTo([ANN]), content: { open: silent } }, stop);
    await asked.promise;
    const second = new AbortController();
    const waiting = transport.send(mailTo([ANN]), second);
    second.abort();
    expect(kindsOf((await waiting).outcomes)).toEqual(["deferred 4.3.2"]);
    stop.abort();
    expect(kindsOf((await first).outcomes)).toEqual(["deferred 4.3.2"]);
    expect(kindsOf((await transport.send(mailTo([ANN]))).outcomes)).toEqual(["accepted 2.0.0"]);
  });

  it("lets go of content that nobody may have, and of content that it gives up", async () => {
    await using folder = await temporaryFolder();
    await using transport = maildir(folder.path, { lookup: both });
    for (const [to, text] of [[ANN, `Delivered-To: ${ANN}\r\n${TEXT}`], [ANN, "X: y\r\n".repeat(200_000)], ["cid@example.org", TEXT]] as const) {
      let opened = 0;
      function* chunks(): Generator<Uint8Array> {
        opened += 1;
        try {
          yield Buffer.from(text);
          yield Buffer.from("more\r\n");
        } finally {
          opened -= 1;
        }
      }
      const { outcomes } = await transport.send({ ...mailTo([to]), content: { open: chunks } });
      expect(outcomes).toMatchObject([{ kind: "rejected" }]);
      expect(opened).toBe(0);
    }
  });

  it("a mailbox that somebody removes is made again", async () => {
    await using folder = await temporaryFolder();
    await using transport = maildir(folder.path, { lookup: both });
    await transport.send(mailTo([ANN]));
    await rm(join(folder.path, "example.org"), { recursive: true });
    expect(kindsOf((await transport.send(mailTo([ANN]))).outcomes)).toEqual(["accepted 2.0.0"]);
    expect(await textsIn(join(folder.path, "example.org/ann"))).toHaveLength(1);
  });

  it("a root that is not there defers, and is not made: its disk may not be mounted", async () => {
    await using folder = await temporaryFolder();
    await using transport = maildir(join(folder.path, "absent"), { lookup: both });
    const { outcomes } = await transport.send(mailTo([ANN]));
    expect(outcomes).toMatchObject([{ kind: "deferred", status: "4.3.0", diagnosis: { code: "ENOENT", advice: expect.stringContaining("mount") } }]);
    await expect(transport.check()).rejects.toThrow(Refusal);
    await expect(maildir(folder.path).check()).resolves.toBeUndefined();
    expect(await readdir(folder.path)).toEqual([]);
  });

  it("a mailbox that cannot be written to defers its mail only", async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, "a file"), "");
    await using transport = maildir(folder.path, { lookup: (address) => ({ mailbox: address === ANN ? "a file" : "bob" }) });
    const { outcomes } = await transport.send(mailTo([ANN, BOB]));
    expect(kindsOf(outcomes)).toEqual(["deferred 4.3.0", "accepted 2.0.0"]);
    expect(await textsIn(join(folder.path, "bob"))).toHaveLength(1);
  });

  it.skipIf(process.getuid?.() !== 0)("gives what it writes to the owner", async () => {
    await using folder = await temporaryFolder();
    await chmod(folder.path, 0o755);
    await using transport = maildir(folder.path, { lookup: accounts({ mailboxes: { [ANN]: { mailbox: "x/ann", folder: "F" } } }), owner: { uid: 65_534, gid: 65_534 } });
    await transport.send(mailTo([ANN]));
    const { stdout } = await promisify(execFile)("find", [folder.path, "-mindepth", "1", "-not", "-uid", "65534"]);
    expect(stdout).toBe("");
    const { stdout: all } = await promisify(execFile)("find", [folder.path, "-mindepth", "1"]);
    expect(all.trim().split("\n")).toHaveLength(8);
  });

  it("options that are wrong are refused", () => {
    const wrong: readonly object[] = [{ quota: { bytes: -1 } }, { quota: { size: 1 } }, { whenFull: "bounce" }, { owner: { uid: 1 } }, { lookup: 1 }, { concurrency: 0 }];
    for (const options of wrong) expect(() => maildir("/tmp", options), JSON.stringify(options)).toThrow(ConfigError);
    expect(() => maildir("")).toThrow(ConfigError);
  });
});
