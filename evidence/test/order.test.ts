import { describe, expect, it } from "vitest";
import { answersIn } from "../durability/order.ts";
import { callsIn } from "../durability/strace.ts";

const SOCKET = "27<TCP:[127.0.0.1:25->127.0.0.1:9]>";
const WAL = "22</q/mail.db-wal>";
const read = String.raw`1 1.0 read(${SOCKET}, "Received: x\r\nX-Ledger-Id: a\r\nFrom: ", 65536) = 40 <0.0001>`;
const row = String.raw`2 1.1 pwrite64(${WAL}, "\r\0{\"to\":\"taken.a.0@d.example\"}X-Ledger-Id: a\r\n", 4096, 32) = 4096 <0.0001>`;
const sync = `2 1.2 fsync(${WAL}) = 0 <0.0100>`;
const reply = String.raw`1 1.3 write(${SOCKET}, "250 2.0.0 queued\r\n", 18) = 18 <0.0001>`;

function problems(...lines: readonly string[]): readonly (string | undefined)[] {
  return answersIn(callsIn(lines.join("\n")), "/q").map(({ problem }) => problem);
}

describe("the order of a trace", () => {
  it("U20: is right where content and row are synced before the reply", () => {
    expect(problems(read, row, sync, reply)).toEqual([undefined]);
  });

  it("U20: is wrong where the reply comes before the sync, or while it is under way", () => {
    expect(problems(read, row, reply)).toEqual(["its content was not synced"]);
    expect(problems(read, row, reply, sync.replace("1.2", "1.4"))).toEqual(["its content was not synced"]);
    const slow = [`2 1.2 fsync(${WAL} <unfinished ...>`, reply, "2 1.4 <... fsync resumed>) = 0 <0.2>"];
    expect(problems(read, row, ...slow)).toEqual(["its content was not synced"]);
  });

  it("U20: is wrong where the sync began before the write, failed, or was one of another file", () => {
    expect(problems(read, sync.replace("1.2", "1.05"), row, reply)).toEqual(["its content was not synced"]);
    expect(problems(read, row, `2 1.2 fsync(${WAL}) = -1 EIO (Input/output error) <0.01>`, reply)).toEqual(["its content was not synced"]);
    expect(problems(read, row, sync.replace("-wal", ""), reply)).toEqual(["its content was not synced"]);
  });

  it("U20: asks of a content in a file that its name is synced too", () => {
    const file = "/q/mail.db-contents/1.tmp";
    const content = String.raw`3 1.01 write(30<${file}>, "X-Ledger-Id: a\r\n", 99) = 99 <0.0001>`;
    const synced = `3 1.02 fsync(30<${file}>) = 0 <0.001>`;
    const renamed = `3 1.03 rename("${file}", "/q/mail.db-contents/1.eml") = 0 <0.0001>`;
    const folder = "3 1.04 fsync(31</q/mail.db-contents>) = 0 <0.001>";
    const entry = row.replace("X-Ledger-Id: a", "");
    expect(problems(read, content, synced, renamed, folder, entry, sync, reply)).toEqual([undefined]);
    expect(problems(read, content, synced, renamed, entry, sync, reply)).toEqual(["its content was not synced"]);
    expect(problems(read, content, synced, folder, entry, sync, reply)).toEqual(["its content was not synced"]);
    expect(problems(read, content, synced, renamed, folder, reply)).toEqual(["its row was not synced"]);
  });

  it("counts refusals as no answer", () => {
    expect(problems(read, reply.replace("250 2.0.0", "451 4.3.0"))).toEqual([]);
  });
});
