/** One system call of a trace. */
export interface Call {
  readonly name: string;
  /** As strace writes them, e.g. `3</tmp/mail.db>, "text", 4, 0`. */
  readonly args: string;
  /** What it returned, e.g. `0` or `-1 EIO (Input/output error)`; empty where the trace ends before. */
  readonly result: string;
  /** Numbers of the lines on which it began and ended: what ended before another began happened before it. */
  readonly began: number;
  readonly ended: number;
}

/** The arguments for strace that make traces which can be checked: all threads, paths, and long texts. */
export const STRACE: readonly string[] = [
  "-f",
  "-y",
  "-s",
  "70000",
  "-e",
  "trace=write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync,rename,renameat,renameat2",
];

/** The calls of a trace that `strace -f -o` wrote, those of all threads in the order in which they began. */
export function callsOf(trace: string): readonly Call[] {
  const calls: Call[] = [];
  const open = new Map<string, number>();
  for (const [line, text] of trace.split("\n").entries()) {
    const { thread, rest } = splitLine(text);
    const resumed = /^<\.\.\. (\w+) resumed>(.*)$/s.exec(rest);
    const call = resumed === null ? begun(rest, line) : undefined;
    if (call !== undefined) {
      if (call.ended === Number.POSITIVE_INFINITY) open.set(`${thread} ${call.name}`, calls.length);
      calls.push(call);
    } else if (resumed?.[1] !== undefined) {
      const at = open.get(`${thread} ${resumed[1]}`);
      const before = at === undefined ? undefined : calls[at];
      if (at !== undefined && before !== undefined) calls[at] = ended(before, resumed[2] ?? "", line);
    }
  }
  return calls;
}

function splitLine(text: string): { readonly thread: string; readonly rest: string } {
  const [, thread = "", rest = ""] = /^(?:\[pid\s+)?(\d+)\]?\s+(.*)$/s.exec(text) ?? [];
  return { thread, rest };
}

function begun(rest: string, line: number): Call | undefined {
  const [, name, more] = /^(\w+)\((.*)$/s.exec(rest) ?? [];
  if (name === undefined || more === undefined) return undefined;
  const call: Call = { name, args: "", result: "", began: line, ended: Number.POSITIVE_INFINITY };
  if (more.endsWith("<unfinished ...>")) return { ...call, args: more.slice(0, -"<unfinished ...>".length) };
  return ended(call, more, line);
}

/** The rest of a call: arguments, `) = ` and what it returned. */
function ended(call: Call, more: string, line: number): Call {
  const at = more.lastIndexOf(") = ");
  const spaced = at === -1 ? /^(.*)\)\s+= (.*)$/s.exec(more) : undefined;
  const args = at === -1 ? (spaced?.[1] ?? more) : more.slice(0, at);
  const result = at === -1 ? (spaced?.[2] ?? "") : more.slice(at + ") = ".length);
  return { ...call, args: call.args + args, result, ended: line };
}
