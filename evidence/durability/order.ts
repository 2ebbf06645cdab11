import { MARK } from "./ledgers.ts";
import type { Call } from "./strace.ts";

/** A mail that was answered with 250, and when what of it was on disk. */
export interface Answered {
  readonly id: string;
  /** Why the answer came too early, if so. */
  readonly problem?: string;
}

/**
 * The replies of 250 to messages, each held against what was synced before it began: the content, and the row that says
 * whom it is for. `folder` is where the store keeps its files.
 */
export function answersIn(calls: readonly Call[], folder: string): readonly Answered[] {
  const underway = new Map<string, string>();
  const answered: Answered[] = [];
  for (const call of calls) {
    if (call.failed || !call.target.startsWith("TCP")) continue;
    if (call.name === "read") {
      const id = sentIn(call);
      if (id !== undefined) underway.set(call.target, id);
    } else if (call.name.startsWith("write")) {
      const id = underway.get(call.target);
      if (id === undefined) continue;
      underway.delete(call.target);
      if (/"250 /.test(call.args)) answered.push(answerFor(id, call, calls, folder));
    }
  }
  return answered;
}

function sentIn({ args }: Call): string | undefined {
  return new RegExp(`${MARK}(\\w+)\\\\r\\\\n`).exec(args)?.[1];
}

function answerFor(id: string, reply: Call, calls: readonly Call[], folder: string): Answered {
  const before = calls.filter(({ began, failed }) => began < reply.began && !failed);
  const content = placeOf(`${MARK}${id}\\r\\n`, reply, before, folder);
  if (content === undefined) return { id, problem: "its content was not synced" };
  const log = before.filter(({ target }) => target.endsWith("-wal"));
  if (placeOf(`.${id}.0@`, reply, log, folder) === undefined) return { id, problem: "its row was not synced" };
  return { id };
}

/** The file to which the words were written, and which was synced after that and before the reply. */
function placeOf(words: string, reply: Call, before: readonly Call[], folder: string): string | undefined {
  const writes = before.filter(({ name, target, args, ended }) =>
    /^p?write/.test(name) && target.startsWith(`${folder}/`) && !target.endsWith("-shm") && ended <= reply.began && args.includes(words));
  return writes.find((write) => isSynced(write, reply, before))?.target;
}

function isSynced(write: Call, reply: Call, before: readonly Call[]): boolean {
  const sync = syncOf(write.target, write.ended, reply, before);
  if (sync === undefined || !write.target.endsWith(".tmp")) return sync !== undefined;
  // A file of its own counts once it has its name, and the folder that holds the name is synced.
  const named = before.find(({ name, args, began }) => name.startsWith("rename") && args.includes(`"${write.target}"`) && began >= sync.ended);
  const parent = write.target.slice(0, write.target.lastIndexOf("/"));
  return named !== undefined && syncOf(parent, named.ended, reply, before) !== undefined;
}

function syncOf(target: string, after: number, reply: Call, before: readonly Call[]): Call | undefined {
  return before.find((call) =>
    /^f(data)?sync$/.test(call.name) && call.target === target && call.began >= after && call.ended <= reply.began);
}
