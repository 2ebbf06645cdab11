import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseSync } from "oxc-parser";
import { root } from "./workspace.ts";

/** The name that stands in the templates of a kind for the new package's. */
const placeholders: ReadonlyMap<string, string> = new Map([
  ["transport", "courier"],
  ["middleware", "patience"],
  ["store", "larder"],
]);

/**
 * Writes `packages/<name>` into a workspace: a package of this kind that works, documented, with its conformance test.
 * Gives the paths of its files. Throws a RangeError for a kind or name that cannot be, before anything is written.
 */
export async function scaffold(workspace: string, kind: string, name: string): Promise<readonly string[]> {
  const placeholder = placeholderOf(kind);
  checkName(workspace, name);
  const templates = join(root, "tools", "templates", kind);
  const entries = await readdir(templates, { recursive: true, withFileTypes: true });
  const written = entries
    .filter((entry) => entry.isFile())
    .map(async ({ parentPath, name: file }) => {
      const source = join(parentPath, file);
      const target = join(workspace, "packages", name, source.slice(templates.length).replace(placeholder, name));
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, renamed(await readFile(source, "utf8"), placeholder, name));
      return target;
    });
  return (await Promise.all(written)).toSorted();
}

function placeholderOf(kind: string): string {
  const placeholder = placeholders.get(kind);
  if (placeholder === undefined) throw new RangeError(`"${kind}" is none of transport, middleware, store`);
  return placeholder;
}

function checkName(workspace: string, name: string): void {
  if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(name)) {
    throw new RangeError(`"${name}" is no package name; use lower-case words joined by hyphens, e.g. queue-sqlite`);
  }
  if (
    parseSync("name.ts", `export function ${camelCase(name)}(): void {}`, { sourceType: "module" }).errors.length > 0
  ) {
    throw new RangeError(`"${name}" is a reserved word, and the package's function is to have its name`);
  }
  if (existsSync(join(workspace, "packages", name))) throw new RangeError(`packages/${name} exists already`);
}

/** The name as it stands in paths and strings, as a function, and as a type. */
function renamed(text: string, placeholder: string, name: string): string {
  return text
    .replaceAll(new RegExp(`(?<=@postroad/|\\./|")${placeholder}(?=["\`.]|\\s)`, "g"), name)
    .replaceAll(placeholder, camelCase(name))
    .replaceAll(capitalized(placeholder), capitalized(camelCase(name)));
}

function camelCase(name: string): string {
  return name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
