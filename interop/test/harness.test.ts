import { lmtp, smtp } from "@postroad/smtp";
import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { startDaemon } from "../harness/daemon.ts";
import { startDovecot } from "../harness/dovecot.ts";
import { startExim } from "../harness/exim.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { mailOf } from "../harness/mails.ts";
import { onFreePorts } from "../harness/ports.ts";
import { serverIn, sessionsIn, unfinishedIn } from "../harness/postfix-log.ts";
import { startPostfix } from "../harness/postfix.ts";
import { groupsNaming, livingMembers } from "../harness/processes.ts";

const missing = inject("missing");

async function processIn(file: string): Promise<number> {
  return Number((await readFile(file, "utf8")).trim());
}

describe("the harness", () => {
  it.skipIf("postfix" in missing)("leaves nothing of Postfix behind", async () => {
    await using postfix = await startPostfix();
    await using transport = smtp({ host: "127.0.0.1", port: postfix.ports.relay, security: "none" });
    await transport.send(mailOf({ to: [postfix.mailbox().address] }));
    const [, folder = ""] = /configuration (\S+)\/etc$/m.exec(await postfix.log()) ?? [];
    const group = await processIn(join(folder, "queue", "pid", "master.pid"));
    expect((await livingMembers(group)).length).toBeGreaterThan(3);
    await postfix[Symbol.asyncDispose]();
    expect(await livingMembers(group)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
  });

  it.skipIf("dovecot" in missing)("leaves nothing of Dovecot behind", async () => {
    await using dovecot = await startDovecot();
    await using transport = lmtp({ socketPath: dovecot.lmtpSocket });
    await transport.send(mailOf({ to: [`${dovecot.user().name}@example.test`] }));
    const run = dirname(dovecot.lmtpSocket);
    const group = await processIn(join(run, "master.pid"));
    expect((await livingMembers(group)).length).toBeGreaterThan(1);
    await dovecot[Symbol.asyncDispose]();
    expect(await livingMembers(group)).toEqual([]);
    expect(existsSync(dirname(run))).toBe(false);
  });

  it.skipIf("exim" in missing)("leaves nothing of Exim behind", async () => {
    await using exim = await startExim({ program: inject("exim") });
    await using transport = smtp({ host: "127.0.0.1", port: exim.ports.relay, security: "none" });
    await transport.send(mailOf({ to: [exim.mailbox().address] }));
    const [started = ""] = await exim.logged("daemon started");
    const group = Number(/pid=(\d+)/.exec(started)?.[1]);
    expect((await livingMembers(group)).length).toBeGreaterThan(0);
    await exim[Symbol.asyncDispose]();
    expect(await livingMembers(group)).toEqual([]);
    await expect(exim.logged("")).rejects.toThrow("ENOENT");
  });

  it.for(["postfix", "dovecot", "exim", "knot"] as const)("leaves nothing of %s behind where its process is killed", async (name, { skip }) => {
    skip(name in missing);
    await using place = await temporaryFolder("killed");
    const options = { execArgv: ["-C", "@postroad/source"], env: { ...process.env, TMPDIR: place.path } };
    const child = fork(new URL("../harness/start-process.ts", import.meta.url), [name, inject("exim")], options);
    expect(await Promise.race([once(child, "message"), once(child, "exit")])).toMatchObject(["started", undefined]);
    const groups = await groupsNaming(place.path);
    const living = async (): Promise<readonly string[]> => (await Promise.all(groups.map(livingMembers))).flat();
    expect((await living()).length).toBeGreaterThan(1);
    child.kill("SIGKILL");
    await expect.poll(living, { timeout: 30_000 }).toEqual([]);
    expect(await readdir(place.path)).toEqual([]);
  });

  it("says why a server did not start", async () => {
    await using folder = await temporaryFolder("harness");
    const options = { log: join(folder.path, "log"), ready: "never" };
    const start = startDaemon({ command: ["sh", "-c", "echo no such option; exit 1"], ...options });
    await expect(start).rejects.toThrow(/its log ends with:\nno such option/);
  });

  it("tries other ports when one is taken, and nothing else again", async () => {
    const thief = createServer();
    const ports: number[] = [];
    const start = onFreePorts(async (freePort) => {
      ports.push(await freePort());
      if (ports.length > 1) throw new Error(`failed ${ports.length} times`);
      await once(thief.listen(ports[0], "127.0.0.1"), "listening");
      throw new Error("the port is taken");
    });
    await expect(start).rejects.toThrow("failed 2 times");
    expect(new Set(ports).size).toBe(2);
    thief.close();
  });
});

describe("Postfix's log", () => {
  const log = [
    "Nov 22 08:00:00 mx postfix/smtpd[11]: connect from unknown[127.7.0.1]",
    "Nov 22 08:00:00 mx postfix/smtpd[11]: disconnect from unknown[127.7.0.1] ehlo=1 mail=2 rcpt=1/2 quit=1 commands=5/6",
    "Nov 22 08:00:00 mx postfix/smtpd[12]: connect from unknown[127.7.0.10]",
    "Nov 22 08:00:01 mx postfix/qmgr[5]: 4AB1: from=<a@example.com>, size=461, nrcpt=1 (queue active)",
    "Nov 22 08:00:01 mx postfix/qmgr[5]: 4AB2: from=<>, size=461, nrcpt=1 (queue active)",
    "Nov 22 08:00:01 mx postfix/qmgr[5]: 4AB1: removed",
  ].join("\n");

  it("tells the sessions that have ended", () => {
    expect(sessionsIn(log, "127.7.0.1").map((session) => session.get("rcpt"))).toEqual([{ accepted: 1, given: 2 }]);
    expect(sessionsIn(log, "127.7.0.10")).toEqual([]);
  });

  it("tells who serves whom", () => {
    expect(serverIn(log, "127.7.0.1")).toBe(11);
    expect(serverIn(log, "127.7.0.2")).toBeUndefined();
  });

  it("tells what is in the queue", () => {
    expect([...unfinishedIn(log)]).toEqual(["4AB2"]);
  });
});
