import { dirname } from "node:path";
import type { Call } from "./calls.ts";

export interface SyncedOrder {
  /** What tells somebody of a success, with the id of what succeeded as its group: `/250 .* queued as (\w+)/`. */
  readonly success: RegExp;
  /** The folder that the data is in. Its path must be as the kernel knows it, without links. */
  readonly folder: string;
}

/**
 * Where a trace shows that a success was reported before the data was synced, in words; nothing where all is well:
 *
 * - each id that is reported was written to a file in the folder, and the file was synced, before the report began;
 * - each file that got its name by renaming was synced before, and its folder before anything referred to the name.
 */
export function unsynced(calls: readonly Call[], { success, folder }: SyncedOrder): readonly string[] {
  const reports = calls.filter(({ name, args }) => isSending(name) && !inFolder(args, folder));
  const found = reports.flatMap((report) =>
    idsOf(report.args, success).flatMap((id) => syncProblem(calls, folder, id, report) ?? []),
  );
  const renames = calls.filter(({ name, args }) => name.startsWith("rename") && args.includes(`"${folder}/`));
  return [...found, ...renames.flatMap((rename) => renameProblems(calls, folder, rename))];
}

function isSending(name: string): boolean {
  return /^(?:p?write|send)/.test(name);
}

function isSync(name: string): boolean {
  return name === "fsync" || name === "fdatasync";
}

/** The file that a call works on, which `-y` shows behind the descriptor. */
function pathOf(args: string): string {
  return /^\d+<([^>]*)>/.exec(args)?.[1] ?? "";
}

function inFolder(args: string, folder: string): boolean {
  return pathOf(args).startsWith(`${folder}/`);
}

function idsOf(args: string, success: RegExp): readonly string[] {
  const all = new RegExp(success.source, success.flags.includes("g") ? success.flags : `${success.flags}g`);
  return [...args.matchAll(all)].flatMap(([, id]) => id ?? []);
}

function syncProblem(calls: readonly Call[], folder: string, id: string, report: Call): string | undefined {
  const written = calls.filter(({ name, args }) => isSending(name) && inFolder(args, folder) && args.includes(id));
  if (!written.some(({ ended }) => ended < report.began)) return `${id} was reported on line ${report.began}, and not written before`;
  if (written.some((write) => isSynced(calls, pathOf(write.args), write.ended, report.began))) return undefined;
  return `${id} was reported on line ${report.began}, and not synced before`;
}

/** Was this path synced with success between these lines? */
function isSynced(calls: readonly Call[], path: string, after: number, before: number): boolean {
  return calls.some(
    ({ name, args, result, began, ended }) =>
      isSync(name) && pathOf(args) === path && result.startsWith("0") && began >= after && ended <= before,
  );
}

function renameProblems(calls: readonly Call[], folder: string, rename: Call): readonly string[] {
  const [from = "", to = ""] = [...rename.args.matchAll(/"([^"]+)"/g)].map(([, path]) => path ?? "");
  const problems: string[] = [];
  if (!isSynced(calls, from, 0, rename.began)) problems.push(`${from} was renamed on line ${rename.began}, and not synced before`);
  const name = to.slice(to.lastIndexOf("/") + 1);
  const referred = calls.find(({ name: call, args }) => isSending(call) && inFolder(args, folder) && args.includes(name));
  if (referred !== undefined && !isSynced(calls, dirname(to), rename.ended, referred.began)) {
    problems.push(`${to} was referred to on line ${referred.began}, and its folder not synced before`);
  }
  return problems;
}
