import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** Asks all of the group to end, and ends those that have not when the patience is at its end. Resolves when none lives. */
export async function endGroup(group: number, patience: AbortSignal): Promise<void> {
  signalGroup(group, "SIGTERM");
  // Nothing tells a process when the children of its child are gone.
  while ((await livingMembers(group)).length > 0) {
    if (patience.aborted) signalGroup(group, "SIGKILL");
    await sleep(5);
  }
}

function signalGroup(group: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(-group, signal);
  } catch (error) {
    // The last of them has just ended by itself.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** The processes of a group, but for those that have ended and that nobody has asked about yet. */
export async function livingMembers(group: number): Promise<readonly string[]> {
  return (await membersOf(group)).filter(({ state }) => state !== "Z").map(({ pid }) => pid);
}

/** Ticks of the clock in a second, as proc(5) counts CPU time: 100 on every Linux there is a Debian for. */
const TICKS = 100;

/** Seconds of CPU of those that live, and of those of their children that have ended. */
export async function cpuOf(group: number): Promise<number> {
  const ticks = (await membersOf(group)).reduce((sum, member) => sum + member.ticks, 0);
  return ticks / TICKS;
}

/** The groups of the processes that were started with these words in an argument. */
export async function groupsNaming(words: string): Promise<readonly number[]> {
  const all = await processes();
  const lines = await Promise.all(all.map(({ pid }) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(goneMeanwhile)));
  return [...new Set(all.filter((_, index) => lines[index]?.includes(words)).map(({ group }) => group))];
}

interface Process {
  readonly pid: string;
  readonly state: string;
  readonly group: number;
  readonly ticks: number;
}

async function membersOf(group: number): Promise<readonly Process[]> {
  return (await processes()).filter((each) => each.group === group);
}

async function processes(): Promise<readonly Process[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, "utf8").catch(goneMeanwhile)));
  return pids.flatMap((pid, index) => {
    const stat = stats[index] ?? "";
    if (stat === "") return [];
    // After the name in brackets: state, parent, group, and from the twelfth on user and system time, one's own and one's children's (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state = "", , group] = fields;
    return [{ pid, state, group: Number(group), ticks: fields.slice(11, 15).reduce((sum, each) => sum + Number(each), 0) }];
  });
}

/** Between the look at /proc and the look at the process. */
function goneMeanwhile(): string {
  return "";
}
