import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { testCertificate } from "@postroad/testing/certificate";
import { modelPeer } from "@postroad/testing/peer";
import { describe, expect, it } from "vitest";

const run = promisify(execFile);
const examples = join(import.meta.dirname, "..");

/** Runs an example as a user would, from source, in its own process. */
async function example(name: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { stdout } = await run(process.execPath, ["-C", "@postroad/source", join(examples, name, "main.ts")], {
    env: { ...process.env, ...env },
  });
  return stdout;
}

/** Runs an example against a server with TLS and a login, whose authority the example's process trusts. */
async function exampleOverTls(name: string, env: Readonly<Record<string, string>>): Promise<{ out: string; arrived: string[] }> {
  const { key, cert, ca } = testCertificate({ names: ["localhost"] });
  await using peer = await modelPeer({ tls: { key, cert }, implicitTls: true, users: { shop: "secret" } });
  const folder = await mkdtemp(join(tmpdir(), "postroad-example-"));
  try {
    await writeFile(join(folder, "ca.pem"), ca);
    const trust = { NODE_EXTRA_CA_CERTS: join(folder, "ca.pem") };
    const out = await example(name, { ...trust, SMTP_URL: `smtps://shop:secret@localhost:${peer.port}`, ...env });
    return { out, arrived: peer.messages.map(({ to }) => to.map(({ address }) => address).join()) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("examples", () => {
  it("start: composed and raw mail arrives unchanged, and each recipient's outcome is shown", async () => {
    const out = await example("start");
    expect(out).toMatch(/^composed +ann@example\.net +accepted/m);
    expect(out).toMatch(/nobody@example\.net +rejected +5\.1\.1 +.*no such mailbox/);
    expect(out).toMatch(/busy@example\.net +deferred +4\.2\.1/);
    expect(out.match(/arrived unchanged/g)).toHaveLength(13);
    expect(out).not.toContain("DIFFERS");
  });

  it("start: goes to the user's own server with SMTP_URL and TO", async () => {
    const { out, arrived } = await exampleOverTls("start", { TO: "me@example.org" });
    expect(out.match(/me@example\.org +accepted/g)).toHaveLength(13);
    expect(arrived).toHaveLength(13);
  });

  it("first-mail", async () => {
    const { out, arrived } = await exampleOverTls("first-mail", {});
    expect(out).toBe("ann@example.net accepted 2.0.0\n");
    expect(arrived).toEqual(["ann@example.net"]);
  });

  it("raw-mail", async () => {
    const { out, arrived } = await exampleOverTls("raw-mail", {});
    expect(out).toMatch(/280 bytes, accepted\n$/);
    expect(arrived).toEqual(["ann@example.net"]);
  });

  it("pipeline: signed, and over to the second server where the first is down", async () => {
    const { out, arrived } = await exampleOverTls("pipeline", { BACKUP_URL: "smtp://127.0.0.1:1?security=none" });
    expect(out).toMatch(/^dkim\(retry\(failover\(.*\)\)\): ann@example\.net accepted/);
    expect(arrived).toEqual(["ann@example.net"]);
  });

  it("bulk", async () => {
    const { out, arrived } = await exampleOverTls("bulk", { COUNT: "200" });
    expect(out).toContain('{"accepted":200,"deferred":0,"rejected":0,"invalid":0}');
    expect(new Set(arrived).size).toBe(200);
  });
});
