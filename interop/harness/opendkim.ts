import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { DnsRecord } from "@postroad/dkim";
import { temporaryFolder } from "./folder.ts";

const run = promisify(execFile);

/**
 * What OpenDKIM finds out about a mail, method by method, as Authentication-Results have it: `["pass"]`. It asks no
 * DNS; the key records are given.
 */
export async function openDkimResults(mail: Uint8Array, records: readonly DnsRecord[]): Promise<readonly string[]> {
  await using folder = await temporaryFolder("opendkim");
  const path = (name: string): string => join(folder.path, name);
  await writeFile(path("mail"), mail);
  await writeFile(path("keys"), records.map(({ name, value }) => `${name} ${value}\n`).join(""));
  await writeFile(path("conf"), `Mode v\nSyslog no\nTestPublicKeys ${path("keys")}\n`);
  const { stdout } = await run("/usr/sbin/opendkim", ["-x", path("conf"), "-t", path("mail"), "-vv"]);
  return Array.from(stdout.matchAll(/\bdkim=(\w+)/g), ([, result = ""]) => result);
}
