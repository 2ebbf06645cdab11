import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Is there a program of this name? */
export function inPath(name: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => isExecutable(join(folder, name)));
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
