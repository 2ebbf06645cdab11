import { isHostName } from "../destination.ts";

/** A policy of MTA-STS (RFC 8461 §3.2). Plain data, to be kept. */
export interface StsPolicy {
  /** `enforce`: no other way. `testing`: report what would have failed. `none`: as if there were no policy. */
  readonly mode: "enforce" | "testing" | "none";
  /** Hosts that may take the domain's mail, as `mx1.example.net` or `*.example.net`. */
  readonly mx: readonly string[];
  /** Seconds that it may be kept. */
  readonly maxAge: number;
  /** Its lines that mean something, for reports. */
  readonly lines: readonly string[];
}

/** About a year (RFC 8461 §3.2). */
const MAX_AGE = 31_557_600;
/** Hosts that are read of one policy. */
const MOST_HOSTS = 100;
const KEYS: ReadonlySet<string | undefined> = new Set(["version", "mode", "mx", "max_age"]);

/** Reads a policy file. Throws an Error that says what is wrong with it. */
export function parsePolicy(text: string): StsPolicy {
  const lines = text.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== "");
  const pairs = lines.map((line) => /^([A-Za-z0-9][A-Za-z0-9_.-]{0,31})[ \t]*:[ \t]*(.*)$/.exec(line));
  // Of a key that stands there twice the first counts, but for mx.
  const first = (key: string): string | undefined => pairs.find((pair) => pair?.[1] === key)?.[2];
  if (first("version") !== "STSv1") throw new Error("its version is not STSv1");
  const mode = first("mode");
  if (mode !== "enforce" && mode !== "testing" && mode !== "none") throw new Error("its mode is none of enforce, testing, none");
  const maxAge = first("max_age") ?? "";
  if (!/^\d{1,10}$/.test(maxAge)) throw new Error("its max_age is no number of seconds");
  const mx = pairs.flatMap((pair) => (pair?.[1] === "mx" ? (pair[2] ?? "").toLowerCase() : [])).slice(0, MOST_HOSTS);
  const wrong = mx.find((pattern) => !isHostName(pattern.replace(/^\*\./, "")));
  if (wrong !== undefined) throw new Error(`its mx "${wrong.slice(0, 100)}" is no host`);
  if (mode !== "none" && mx.length === 0) throw new Error("it names no mx");
  const meaningful = pairs.flatMap((pair) => (KEYS.has(pair?.[1]) ? `${pair?.[1]}: ${pair?.[2]}` : [])).slice(0, MOST_HOSTS + 3);
  return { mode, mx, maxAge: Math.min(Number(maxAge), MAX_AGE), lines: meaningful };
}

/** May this host take the domain's mail? `*.` stands for one label, the left-most (RFC 8461 §4.1). */
export function allowsHost({ mx }: Pick<StsPolicy, "mx">, host: string): boolean {
  const parent = host.slice(host.indexOf(".") + 1);
  return mx.some((pattern) => (pattern.startsWith("*.") ? host.includes(".") && pattern.slice(2) === parent : pattern === host));
}
