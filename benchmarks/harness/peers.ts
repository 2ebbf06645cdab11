import { readFileSync } from "node:fs";

/** Names and versions as tables and JSON lines show them. */
export const OURS = "postroad";
export const NODEMAILER: string = versioned("nodemailer", "nodemailer");
export const UPYO: string = versioned("upyo", "@upyo/smtp");
export const SMTP_SERVER: string = versioned("smtp-server", "smtp-server");
export const HARAKA: string = versioned("haraka", "Haraka");
export const MAILAUTH: string = versioned("mailauth", "mailauth");
export const BULLMQ: string = versioned("bullmq", "bullmq");
/** The one that is installed. */
export const POSTFIX = "postfix";
/** A loop around a socket that knows just enough SMTP. */
export const LOOP = "loop";
/** A group commit to one table of SQLite, and such a loop. */
export const BARE = "bare";

function versioned(name: string, module: string): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL(import.meta.resolve(`${module}/package.json`)), "utf8"));
  const isManifest = typeof manifest === "object" && manifest !== null && "version" in manifest;
  return `${name} ${isManifest ? String(manifest.version) : "of unknown version"}`;
}

/** The name without the version, which is also a script's. */
export function keyOf(contender: string): string {
  return contender.split(" ")[0] ?? contender;
}
