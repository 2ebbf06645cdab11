/** A system call in the output of `strace -f -ttt -T -yy`. Times are seconds since 1970. */
export interface Call {
  readonly name: string;
  /** What stands between the brackets: strings as strace shows them, escaped. */
  readonly args: string;
  /** The file, or the socket with both its ends, that the first argument is a descriptor of. */
  readonly target: string;
  readonly began: number;
  readonly ended: number;
  readonly failed: boolean;
}

/** What is known of a call while it is under way. */
interface Begun {
  readonly name: string;
  readonly args: string;
  readonly began: number;
}

const LINE = /^(\d+)\s+(\d+\.\d+) (.*)$/;
const UNFINISHED = /^(\w+)\((.*) <unfinished \.\.\.>$/s;
const RESUMED = /^<\.\.\. \w+ resumed>(.*)\)\s+= (\S+).* <[\d.]+>$/s;
const WHOLE = /^(\w+)\((.*)\)\s+= (\S+).* <([\d.]+)>$/s;

/** The calls of all threads, in the order in which they began. Those that never ended are left out. */
export function callsIn(trace: string): readonly Call[] {
  const calls: Call[] = [];
  const underway = new Map<string, Begun>();
  for (const line of trace.split("\n")) {
    const [, thread = "", time = "", rest = ""] = LINE.exec(line) ?? [];
    const at = Number(time);
    const [, whole, wholeArgs = "", value = "", took = ""] = WHOLE.exec(rest) ?? [];
    const [, begun, begunArgs = ""] = UNFINISHED.exec(rest) ?? [];
    const resumed = RESUMED.exec(rest);
    const known = underway.get(thread);
    if (begun !== undefined) underway.set(thread, { name: begun, args: begunArgs, began: at });
    else if (resumed !== null && known !== undefined) {
      underway.delete(thread);
      calls.push(call({ ...known, args: known.args + (resumed[1] ?? "") }, at, resumed[2] ?? ""));
    } else if (whole !== undefined) calls.push(call({ name: whole, args: wholeArgs, began: at }, at + Number(took), value));
  }
  return calls.toSorted((a, b) => a.began - b.began);
}

function call({ name, args, began }: Begun, ended: number, value: string): Call {
  return { name, args, target: /^\d+<(.*?[^-])>(?:,|$)/.exec(args)?.[1] ?? "", began, ended, failed: value.startsWith("-") };
}
