import { isBuiltin } from "node:module";
import { posix } from "node:path";
import type { Import } from "./imports.ts";
import { importsOf, packageOf } from "./imports.ts";
import type { Package } from "./workspace.ts";
import { label } from "./workspace.ts";

/** What a package may import from the workspace, by the kind that its package.json states as `postroad.kind`. */
interface Rule {
  /** Kinds it may import. */
  readonly may: readonly string[];
  /** Kinds of which it may import types only. */
  readonly types?: readonly string[];
  /** False for what runs everywhere: nothing of Node, nothing from the registry. */
  readonly outside?: false;
  /** May import what only the user names, e.g. their configuration file. */
  readonly computed?: true;
}

const parts = ["core", "message", "transport", "provider", "middleware", "mx", "store", "queue", "server", "inbound", "bounce"];

/** Who may import whom. A kind that is listed nowhere on the right, `testing`, is imported by nobody. */
export const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ["core", { may: [], outside: false }],
  ["message", { may: ["core"] }],
  ["transport", { may: ["core"] }],
  ["provider", { may: ["core"] }],
  ["middleware", { may: ["core"] }],
  // The worker writes the reports on what it gives up.
  ["queue", { may: ["core", "bounce"] }],
  ["store", { may: ["core"], types: ["queue"] }],
  // It reads the header of what is submitted, and reports on what one answer cannot say.
  ["server", { may: ["core", "message", "bounce"] }],
  // Policies are functions; what a session is, only the server says.
  ["inbound", { may: ["core", "message"], types: ["server"] }],
  ["bounce", { may: ["core", "message"] }],
  ["testing", { may: ["core"], types: ["queue"] }],
  // Direct delivery is built from the SMTP client and routing; it is the one transport that composes.
  ["mx", { may: ["core", "transport", "middleware"] }],
  // These compose for the user.
  ["umbrella", { may: parts }],
  ["integration", { may: [...parts, "umbrella"] }],
  ["app", { may: [...parts, "umbrella"], computed: true }],
]);

/** Every import in src/ that the rules forbid, as `packages/smtp/src/wire.ts:3: …`. */
export function layerProblems(packages: readonly Package[]): readonly string[] {
  const kinds = new Map(packages.map(({ manifest }) => [manifest.name, manifest.kind]));
  return packages.flatMap((pkg) => {
    const rule = rules.get(pkg.manifest.kind);
    if (rule === undefined) return [`${label(pkg)}/package.json: ${unknownKind(pkg.manifest.kind)}`];
    return pkg.sources.flatMap(({ path, text }) =>
      importsOf(path, text).flatMap((found) => {
        const breach = breachOf(found, path, pkg, rule, kinds);
        return breach === undefined ? [] : [`${label(pkg)}/${path}:${found.line}: ${breach}`];
      }),
    );
  });
}

function breachOf(
  { specifier, typeOnly }: Import,
  path: string,
  pkg: Package,
  rule: Rule,
  kinds: ReadonlyMap<string, string>,
): string | undefined {
  const { kind, name } = pkg.manifest;
  if (specifier === undefined) return rule.computed ? undefined : "imports a module that is known only at run time";
  if (specifier.startsWith(".")) return leaves(path, specifier) ? `"${specifier}" is outside of src/` : undefined;
  if (isBuiltin(specifier)) return builtinBreach(specifier, kind, rule);
  const target = packageOf(specifier) ?? specifier;
  if (target === name) return `imports its own package; use a relative path`;
  const other = kinds.get(target);
  if (other === undefined) return rule.outside === false ? `${kind} must not import "${specifier}"` : undefined;
  if (rule.may.includes(other)) return undefined;
  if (rule.types?.includes(other) !== true) return `${kind} must not import ${other} ("${specifier}")`;
  return typeOnly ? undefined : `${kind} may import only types of ${other} ("${specifier}"); use import type`;
}

function builtinBreach(specifier: string, kind: string, rule: Rule): string | undefined {
  if (rule.outside === false) return `${kind} runs everywhere and must not import "${specifier}"`;
  return specifier.startsWith("node:") ? undefined : `write "node:${specifier}"`;
}

function leaves(path: string, specifier: string): boolean {
  return !posix.join(posix.dirname(path), specifier).startsWith("src/");
}

function unknownKind(kind: string): string {
  const wrong = kind === "" ? "has no" : `has an unknown`;
  return `${wrong} postroad.kind${kind && ` "${kind}"`}; use one of ${[...rules.keys()].join(", ")}`;
}
