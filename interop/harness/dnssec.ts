import { execFile } from "node:child_process";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { startDaemon } from "./daemon.ts";
import { temporaryFolder } from "./folder.ts";
import { onFreePorts } from "./ports.ts";

const run = promisify(execFile);

/** The zone that all of it is about. */
export const ZONE = "example.test";

export interface DnssecOptions {
  /** Lines of a zone file below SOA and NS, e.g. `@ MX 10 mx`. */
  readonly records: readonly string[];
  /** Changes a line after it was signed, so that its signature does not fit any more. */
  readonly forge?: (line: string) => string;
  /** The resolver knows the zone's key. Without it, it takes the zone for unsigned. @default true */
  readonly trusted?: boolean;
}

/** A resolver that validates, and a server that has the zone, both on this machine. */
export interface Dnssec extends AsyncDisposable {
  /** Of the resolver, as `127.0.0.1:5353`. */
  readonly resolver: string;
}

/** Signs a zone with Knot DNS and serves it; starts Unbound, which asks there and validates with the key as its anchor. */
export async function startDnssec({ records, forge = (line) => line, trusted = true }: DnssecOptions): Promise<Dnssec> {
  return onFreePorts(async (freePort) => {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await temporaryFolder("dnssec")).path;
    const [authority, resolver] = [await freePort(), await freePort()];
    const anchor = await writeZone(folder, authority, records, forge);
    stack.use(await startDaemon({ command: ["/usr/sbin/knotd", "-c", join(folder, "knot.conf")], log: join(folder, "knot.log"), ready: "server started" }));
    await writeFile(join(folder, "unbound.conf"), unboundConf(folder, resolver, authority, trusted ? anchor : undefined));
    stack.use(await startDaemon({ command: ["/usr/sbin/unbound", "-d", "-c", join(folder, "unbound.conf")], log: join(folder, "unbound.log"), ready: "start of service" }));
    const owned = stack.move();
    return { resolver: `127.0.0.1:${resolver}`, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  });
}

/** Gives the DS record of the key that the zone was signed with. */
async function writeZone(folder: string, port: number, records: readonly string[], forge: (line: string) => string): Promise<string> {
  const conf = join(folder, "knot.conf");
  for (const name of ["keys", "zones", "signed"]) await mkdir(join(folder, name));
  await writeFile(conf, knotConf(folder, port));
  const head = [`$ORIGIN ${ZONE}.`, "$TTL 300", "@ SOA ns root 1 3600 600 86400 60", "@ NS ns", "ns A 127.0.0.1"];
  const zone = join(folder, "zones", `${ZONE}.zone`);
  await writeFile(zone, [...head, ...records, ""].join("\n"));
  const keymgr = async (...command: readonly string[]): Promise<string> => (await run("/usr/sbin/keymgr", ["-c", conf, ZONE, ...command])).stdout;
  await keymgr("generate", "algorithm=ecdsap256sha256", "ksk=yes", "zsk=yes");
  await run("/usr/bin/kzonesign", ["-c", conf, "-o", join(folder, "signed"), ZONE]);
  await rename(join(folder, "signed", `${ZONE}.zone`), zone);
  const signed = await readFile(zone, "utf8");
  await writeFile(zone, signed.split("\n").map(forge).join("\n"));
  // The digest of type 2, SHA-256, which every resolver knows (RFC 8624 §3.3).
  const ds = (await keymgr("ds")).split("\n").find((line) => / DS \d+ 13 2 /.test(line));
  if (ds === undefined) throw new Error("keymgr shows no DS record with SHA-256");
  return ds;
}

function knotConf(folder: string, port: number): string {
  return [
    "server:", `    rundir: "${folder}"`, `    listen: 127.0.0.1@${port}`, "log:", "  - target: stderr", "    any: info",
    "database:", `    storage: "${folder}/keys"`, "policy:", "  - id: once", "    algorithm: ecdsap256sha256", "    single-type-signing: on",
    // Signed once and served as it stands, so that what is changed behind it stays changed.
    "zone:", `  - domain: ${ZONE}`, `    storage: "${folder}/zones"`, `    file: ${ZONE}.zone`, "    dnssec-policy: once", "    dnssec-signing: off",
    "    zonefile-load: whole", "    zonefile-sync: -1", "    journal-content: none", "",
  ].join("\n");
}

function unboundConf(folder: string, port: number, authority: number, anchor: string | undefined): string {
  return [
    "server:", '    chroot: ""', '    username: ""', `    directory: "${folder}"`, '    pidfile: ""', "    use-syslog: no", '    logfile: ""', "    verbosity: 1",
    `    interface: 127.0.0.1@${port}`, "    do-ip6: no", "    do-not-query-localhost: no", "    num-threads: 1",
    // Otherwise it says itself that nothing of this name exists (RFC 6761 §6.2).
    '    local-zone: "test." nodefault', '    module-config: "validator iterator"', ...(anchor === undefined ? [] : [`    trust-anchor: "${anchor}"`]),
    "remote-control:", "    control-enable: no", "stub-zone:", `    name: "${ZONE}"`, `    stub-addr: 127.0.0.1@${authority}`, "",
  ].join("\n");
}
