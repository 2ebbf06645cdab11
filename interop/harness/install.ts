import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { promisify } from "node:util";
import { installPackages } from "./apt.ts";

const run = promisify(execFile);

/** A server that tests talk to. */
export type Program = "postfix" | "dovecot" | "opendkim" | "knot" | "unbound" | "swaks" | "openssl";

interface Source {
  /** What has to be there for the tests to run. */
  readonly files: readonly string[];
  /** The Debian packages that bring it. */
  readonly packages: readonly string[];
}

const DOVECOT = "/usr/sbin/dovecot";
const SOURCES: Readonly<Record<Program, Source>> = {
  postfix: { files: ["/usr/sbin/postfix", "/usr/lib/postfix/sbin/smtpd"], packages: ["postfix"] },
  dovecot: {
    files: [DOVECOT, "/usr/lib/dovecot/lmtp", "/usr/lib/dovecot/imap", "/usr/lib/dovecot/pop3"],
    packages: ["dovecot-core", "dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd"],
  },
  opendkim: { files: ["/usr/sbin/opendkim"], packages: ["opendkim"] },
  knot: { files: ["/usr/sbin/knotd", "/usr/sbin/keymgr", "/usr/bin/kzonesign"], packages: ["knot", "knot-dnssecutils"] },
  unbound: { files: ["/usr/sbin/unbound"], packages: ["unbound"] },
  // It speaks TLS through Net::SSLeay, which Debian only recommends.
  swaks: { files: ["/usr/bin/swaks", "/usr/share/doc/libnet-ssleay-perl"], packages: ["swaks", "libnet-ssleay-perl"] },
  openssl: { files: ["/usr/bin/openssl"], packages: ["openssl"] },
};
const PROGRAMS: readonly Program[] = ["postfix", "dovecot", "opendkim", "knot", "unbound", "swaks", "openssl"];

/** Why a program cannot be used, for each that cannot. */
export type Missing = Readonly<Partial<Record<Program | "exim", string>>>;

/** Installs from Debian what is not there, where that is allowed, and tells what tests have to do without. */
export async function install(): Promise<Missing> {
  if (process.getuid?.() !== 0) return all("it takes root to run", PROGRAMS);
  const failure = await installAbsent();
  const absent = all(failure ?? "its packages lack a file that the tests need", await absentPrograms());
  return { ...(await unsuitable()), ...absent };
}

/** Why it was not possible, if it was not. */
async function installAbsent(): Promise<string | undefined> {
  const absent = await absentPrograms();
  if (absent.length === 0) return undefined;
  if (!(await exists("/etc/debian_version"))) return "it is not installed, and this is not Debian";
  try {
    await installPackages(absent.flatMap((program) => SOURCES[program].packages));
    return undefined;
  } catch (error) {
    return `apt-get could not install it: ${lastWords(error)}`;
  }
}

/** The last line of an error, which is where apt-get says what was wrong. */
export function lastWords(error: unknown): string {
  return error instanceof Error ? (error.message.trim().split("\n").at(-1) ?? "") : String(error);
}

/** Dovecot 2.4 reads another configuration than ours. */
async function unsuitable(): Promise<Missing> {
  if (!(await exists(DOVECOT))) return {};
  const { stdout } = await run(DOVECOT, ["--version"]);
  return stdout.startsWith("2.3.") ? {} : { dovecot: `the tests know to configure 2.3, and this is ${stdout.trim()}` };
}

function all(reason: string, programs: readonly Program[]): Missing {
  return Object.fromEntries(programs.map((program) => [program, reason]));
}

async function absentPrograms(): Promise<readonly Program[]> {
  const found = await Promise.all(
    PROGRAMS.map(async (program) => (await Promise.all(SOURCES[program].files.map(exists))).every(Boolean)),
  );
  return PROGRAMS.filter((_, index) => found[index] === false);
}

async function exists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}
