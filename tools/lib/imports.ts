import { isBuiltin } from "node:module";
import { parseSync, Visitor } from "oxc-parser";
import type { Comment, Expression, TSLiteral } from "oxc-parser";

/** One place where a file names another module. */
export interface Import {
  /** What stands in quotes, or undefined where it is computed at run time. */
  readonly specifier: string | undefined;
  /** Gone when the types are: `import type`, `export type … from`, `import("x").T`, `/// <reference types>`. */
  readonly typeOnly: boolean;
  /** Counted from 1. */
  readonly line: number;
}

/** Every import of a TypeScript file, in whatever form: static, dynamic, type, re-export, require, reference. */
export function importsOf(path: string, source: string): readonly Import[] {
  const { program, comments, errors } = parseSync(path, source, { sourceType: "module" });
  if (errors[0] !== undefined) throw new SyntaxError(`${path}: ${errors[0].message}`);
  const found: { at: number; specifier: string | undefined; typeOnly: boolean }[] = [];
  const add = (at: number, specifier: string | undefined, typeOnly = false): void => {
    found.push({ at, specifier, typeOnly });
  };
  new Visitor({
    // `import { type A } from "a"` still loads "a" (verbatimModuleSyntax), so only the declaration's own kind counts.
    ImportDeclaration: (node) => add(node.start, node.source.value, node.importKind === "type"),
    ExportAllDeclaration: (node) => add(node.start, node.source.value, node.exportKind === "type"),
    ExportNamedDeclaration(node) {
      if (node.source !== null) add(node.start, node.source.value, node.exportKind === "type");
    },
    ImportExpression: (node) => add(node.start, constant(node.source)),
    TSImportType: (node) => add(node.start, node.source.value, true),
    TSExternalModuleReference: (node) => add(node.start, node.expression.value),
    TSModuleDeclaration(node) {
      if (node.id.type === "Literal") add(node.start, node.id.value, true);
    },
    CallExpression(node) {
      const [first] = node.arguments;
      if (first === undefined || first.type === "SpreadElement" || !loadsModule(node.callee)) return;
      add(node.start, constant(first));
    },
  }).visit(program);
  for (const comment of comments) {
    const referenced = referenceIn(comment);
    if (referenced !== undefined) add(comment.start, referenced, true);
  }
  return found
    .toSorted((a, b) => a.at - b.at)
    .map(({ at, specifier, typeOnly }) => ({ specifier, typeOnly, line: source.slice(0, at).split("\n").length }));
}

/** The package a specifier belongs to: `@postroad/core` of `@postroad/core/sub`. Undefined for a relative one. */
export function packageOf(specifier: string): string | undefined {
  if (/^[./#]/.test(specifier)) return undefined;
  if (isBuiltin(specifier)) return undefined;
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

function constant(node: Expression | TSLiteral): string | undefined {
  if (node.type === "Literal") return typeof node.value === "string" ? node.value : undefined;
  if (node.type === "TemplateLiteral" && node.expressions.length === 0)
    return node.quasis[0]?.value.cooked ?? undefined;
  return undefined;
}

/** `require("x")`, `require.resolve("x")`, `createRequire(…)("x")`, `import.meta.resolve("x")`, `getBuiltinModule(…)`. */
function loadsModule(callee: Expression): boolean {
  if (callee.type === "Identifier") return callee.name === "require";
  if (callee.type === "CallExpression") return isNamed(callee.callee, "createRequire");
  if (callee.type !== "MemberExpression" || callee.computed) return false;
  const { object, property } = callee;
  if (property.type !== "Identifier") return false;
  if (property.name === "getBuiltinModule") return true;
  return property.name === "resolve" && (object.type === "MetaProperty" || isNamed(object, "require"));
}

function isNamed(node: Expression, name: string): boolean {
  if (node.type === "Identifier") return node.name === name;
  return node.type === "MemberExpression" && node.property.type === "Identifier" && node.property.name === name;
}

function referenceIn(comment: Comment): string | undefined {
  if (comment.type !== "Line") return undefined;
  return /^\/\s*<reference\s+(?:types|path)\s*=\s*["']([^"']+)["']/.exec(comment.value)?.[1];
}
