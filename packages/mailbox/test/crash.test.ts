import type { Outcome } from "@postroad/core";
import { execFile, spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { draftsIn, mailsIn, temporaryFolder } from "./boxes.ts";

const hasStrace = spawnSync("strace", ["-f", "--seccomp-bpf", "-o", "/dev/null", "true"]).status === 0;
if (!hasStrace) console.error("mailbox: SKIPPED: crashes and faults of the disk, since strace cannot run here");

/** What changes the disk. libuv writes with pwrite64 where a position is given, and Node itself never does. */
const STEPS = ["mkdir", "pwrite64", "fsync", "link", "unlink"] as const;

const [ANN, BOB] = ["ann@example.org", "bob@example.org"] as const;

/** Between two recipients there is a state of its own; all others take place with one, and a process takes its time. */
function recipientsOf(step: string): readonly string[] {
  return step === "link" ? [ANN, BOB] : [ANN];
}

/** Stops at the calls looked for only. A signal would come too late then. */
const FAST = ["--seccomp-bpf"];

/** Delivers in another process; `inject` is what strace does to it. */
function deliver(root: string, id: string, inject: readonly string[], to: readonly string[] = [ANN]): Promise<readonly Outcome[]> {
  const program = [process.execPath, "-C", "@postroad/source", join(import.meta.dirname, "deliver.ts"), root, id, ...to];
  // One thread for files: strace counts the calls of each thread on its own.
  const env = { ...process.env, UV_THREADPOOL_SIZE: "1", NODE_OPTIONS: "" };
  return new Promise((resolve, reject) => {
    const args = ["-f", "-o", "/dev/null", `--trace=${STEPS.join(",")}`, ...inject, ...program];
    execFile("strace", args, { env }, (error, stdout, stderr) => {
      if (error !== null && error.signal !== "SIGKILL" && error.code !== 137) return reject(new Error(stderr, { cause: error }));
      const outcomes: readonly Outcome[] = stdout === "" ? [] : JSON.parse(stdout);
      return resolve(outcomes);
    });
  });
}

const BODY = `\n\n${"a line of text\n".repeat(10_000)}`;

/** Who has a whole mail. Fails where anything in new is not one. */
async function reached(root: string, id: string): Promise<readonly string[]> {
  const paths = await mailsIn(root);
  const texts = await Promise.all(paths.map((path) => readFile(join(root, path), "latin1")));
  return texts.flatMap((text, index) => {
    const name = paths[index]?.split("/")[0] ?? "";
    const isOurs = text.includes(`X-Id: ${id}\n`);
    const found = /X-Id: (\S+)/.exec(text)?.[1] ?? "";
    expect(text, `${paths[index]} is torn`).toBe(`Return-Path: <sender@example.org>\nDelivered-To: ${name}@example.org\nX-Id: ${found}${BODY}`);
    return isOurs ? [`${name}@example.org`] : [];
  });
}

function acceptedOf(outcomes: readonly Outcome[]): readonly string[] {
  return outcomes.filter(({ kind }) => kind === "accepted").map(({ recipient }) => recipient);
}

describe.skipIf(!hasStrace)("maildir on a disk that fails", () => {
  it.each(STEPS)("X1: killed at any %s, there is never a torn mail, and what is accepted is there", async (step) => {
    await using folder = await temporaryFolder();
    let kills = 0;
    for (let when = 1; ; when += 1) {
      const id = `${step}-${when}`;
      // mkdir happens in a fresh root only.
      await using fresh = await temporaryFolder();
      const root = step === "mkdir" ? fresh.path : folder.path;
      const outcomes = await deliver(root, id, ["-e", `inject=${step}:signal=KILL:when=${when}`], recipientsOf(step));
      const there = await reached(root, id);
      for (const recipient of acceptedOf(outcomes)) expect(there).toContain(recipient);
      if (outcomes.length > 0) break;
      kills += 1;
    }
    expect(kills).toBeGreaterThanOrEqual(recipientsOf(step).length);
    // The leavings of the dead stand in nobody's way.
    expect(acceptedOf(await deliver(folder.path, "after", FAST))).toEqual([ANN]);
    expect(await reached(folder.path, "after")).toEqual([ANN]);
  }, 240_000);

  it.each([
    ["fsync", "EIO", "4.3.0"],
    ["pwrite64", "ENOSPC", "4.3.1"],
    ["pwrite64", "EDQUOT", "4.2.2"],
    ["link", "EIO", "4.3.0"],
    ["link", "EPERM", ""],
    ["mkdir", "EROFS", "4.3.0"],
  ] as const)("X1: where %s fails with %s, who is not accepted has nothing, and nothing is left", async (step, error, status) => {
    await using made = await temporaryFolder();
    await deliver(made.path, "before", FAST);
    for (let when = 1; ; when += 1) {
      // A mailbox is made once; that it is made durably is looked at for the first one.
      await using fresh = await temporaryFolder();
      const folder = step === "mkdir" || when === 1 ? fresh : made;
      const id = `${step}-${when}`;
      const outcomes = await deliver(folder.path, id, ["-e", `inject=${step}:error=${error}:when=${when}`, ...FAST], recipientsOf(step));
      expect(outcomes).toHaveLength(recipientsOf(step).length);
      expect(await reached(folder.path, id)).toEqual(acceptedOf(outcomes));
      expect(await draftsIn(folder.path)).toEqual([]);
      const failed = outcomes.filter(({ kind }) => kind !== "accepted");
      for (const outcome of failed) expect(outcome).toMatchObject({ kind: "deferred", status, diagnosis: { code: error } });
      if (failed.length === 0) break;
      expect(when).toBeLessThan(40);
    }
  }, 240_000);

  it("X1: where a mail that may not last cannot be taken back, it is uncertain", async () => {
    await using folder = await temporaryFolder();
    await deliver(folder.path, "before", FAST);
    // The directories of the mailbox are synced first, root and ann; then the mail, then new.
    const inject = ["-e", "inject=fsync:error=EIO:when=4", "-e", "inject=unlink:error=EIO:when=1", ...FAST];
    const [ann, bob] = await deliver(folder.path, "id", inject, [ANN, BOB]);
    expect(ann).toMatchObject({ kind: "deferred", status: "4.3.0", uncertain: true, diagnosis: { code: "EIO" } });
    expect(bob).toMatchObject({ kind: "accepted" });
  }, 60_000);
});
