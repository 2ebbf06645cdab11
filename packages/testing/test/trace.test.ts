import { describe, expect, it } from "vitest";
import { callsOf, unsynced } from "../src/trace.ts";

const order = { success: /queued as (\w+)/, folder: "/spool" };

function problems(...lines: readonly string[]): readonly string[] {
  return unsynced(callsOf(lines.join("\n")), order);
}

const write = '7 pwrite64(3</spool/q.db-wal>, "id abc1 here", 12, 0) = 12';
const sync = "7 fsync(3</spool/q.db-wal>)    = 0";
const report = '8 sendto(9<socket:[1]>, "250 queued as abc1\\r\\n", 20, 0, NULL, 0) = 20';

describe("unsynced", () => {
  it("U20: finds nothing where the data was synced before its success was reported", () => {
    expect(problems(write, sync, report)).toEqual([]);
  });

  it.for([
    ["without a sync", [write, report], "abc1 was reported on line 1, and not synced before"],
    ["before the sync", [write, report, sync], "abc1 was reported on line 1, and not synced before"],
    ["with a sync before the write", [sync, write, report], "abc1 was reported on line 2, and not synced before"],
    ["without a write", [sync, report], "abc1 was reported on line 1, and not written before"],
    ["before the write", [report, write, sync], "abc1 was reported on line 0, and not written before"],
    [
      "after a sync that failed",
      [write, "7 fsync(3</spool/q.db-wal>) = -1 EIO (Input/output error) (INJECTED)", report],
      "abc1 was reported on line 2, and not synced before",
    ],
    [
      "after a sync of another file",
      [write, "7 fsync(4</spool/other>) = 0", report],
      "abc1 was reported on line 2, and not synced before",
    ],
    [
      "while the sync was under way",
      [write, "7 fsync(3</spool/q.db-wal> <unfinished ...>", report, "7 <... fsync resumed>) = 0"],
      "abc1 was reported on line 2, and not synced before",
    ],
  ] as const)("U20: finds a success that was reported %s", ([, lines, problem]) => {
    expect(problems(...lines)).toEqual([problem]);
  });

  it("follows calls that others interrupt", () => {
    const parts = [write, "7 fsync(3</spool/q.db-wal> <unfinished ...>", "9 write(1, \"x\", 1) = 1", "7 <... fsync resumed>) = 0"];
    expect(problems(...parts, report)).toEqual([]);
  });

  const syncTemporary = "5 fsync(4</spool/c/1.tmp>) = 0";
  const rename = '5 rename("/spool/c/1.tmp", "/spool/c/1.eml") = 0';
  const syncFolder = "5 fsync(5</spool/c>) = 0";
  const refer = '7 pwrite64(3</spool/q.db-wal>, "1.eml", 5, 0) = 5';

  it.for([
    ["all is in order", [syncTemporary, rename, syncFolder, refer], []],
    ["the file was not synced", [rename, syncFolder, refer], ["/spool/c/1.tmp was renamed on line 0, and not synced before"]],
    [
      "its folder was not synced",
      [syncTemporary, rename, refer, syncFolder],
      ["/spool/c/1.eml was referred to on line 2, and its folder not synced before"],
    ],
  ] as const)("looks at files that are renamed: %s", ([, lines, expected]) => {
    expect(problems(...lines)).toEqual(expected);
  });
});
