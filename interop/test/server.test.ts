import { createServer } from "@postroad/server";
import type { Server } from "@postroad/server";
import { smtp } from "@postroad/smtp";
import { testCertificate } from "@postroad/testing/certificate";
import { fake } from "@postroad/testing/fake";
import type { Fake } from "@postroad/testing/fake";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { promisify } from "node:util";
import { describe, expect, inject, it } from "vitest";
import { startPostfix } from "../harness/postfix.ts";

const run = promisify(execFile);
const missing = inject("missing");
const tls = testCertificate({ names: ["127.0.0.1"] });
const USER = "ann@example.test";

interface Submission extends AsyncDisposable {
  readonly server: Server;
  readonly to: Fake;
  readonly starttls: number;
  readonly implicit: number;
}

async function submission(): Promise<Submission> {
  const to = fake();
  const server = createServer({
    to,
    tls,
    hostname: "mail.example.test",
    authenticate: async ({ user, pass }) => (user === USER && pass === "s3cret" ? { user } : undefined),
    timeouts: { loginDelay: 0 },
  });
  const place = { port: 0, host: "127.0.0.1" };
  await server.listen(place, { ...place, implicitTls: true });
  const [starttls = 0, implicit = 0] = server.ports;
  return { server, to, starttls, implicit, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** What a program says, and whether it was content. */
async function said(program: string, args: readonly string[], input: string = ""): Promise<{ readonly code: number; readonly text: string }> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stdin.on("error", () => undefined).end(input);
  const [code]: unknown[] = await once(child, "close");
  return { code: Number(code), text };
}

describe.skipIf("swaks" in missing)("swaks as a client", () => {
  const letter = ["--server", "127.0.0.1", "--from", USER, "--to", "bob@elsewhere.test", "--h-Subject", "hi", "--timeout", "20s"];

  it.for([
    ["U1: 587 with STARTTLS and PLAIN", "starttls", ["--tls", "--auth", "PLAIN"]],
    ["U2: 465 with TLS and LOGIN", "implicit", ["--tlsc", "--auth", "LOGIN"]],
  ] as const)("%s", async ([, port, flags]) => {
    await using running = await submission();
    const { code, text } = await said("swaks", [...letter, "--port", String(running[port]), "--au", USER, "--ap", "s3cret", ...flags]);
    expect(text).toMatch(/<~ {2}235 2\.7\.0 logged in[^]*<~ {2}250 2\.0\.0 queued as /);
    expect(code).toBe(0);
    expect(running.to.calls).toMatchObject([{ recipients: ["bob@elsewhere.test"], meta: { user: USER } }]);
  });

  it.for([
    ["U1: no login", "starttls", ["--tls"], /530 5\.7\.0/],
    ["U3: a login without TLS", "starttls", ["--auth", "PLAIN", "--au", USER, "--ap", "s3cret"], /Host did not advertise authentication/],
    ["U2: no login on 465", "implicit", ["--tlsc"], /530 5\.7\.0/],
    ["U7: a wrong password", "starttls", ["--tls", "--auth", "PLAIN", "--au", USER, "--ap", "wrong"], /535 5\.7\.8/],
    ["U8: another sender", "starttls", ["--tls", "--auth", "PLAIN", "--au", USER, "--ap", "s3cret", "--from", "eve@example.test"], /550 5\.7\.1/],
  ] as const)("%s is refused", async ([, port, flags, reply]) => {
    await using running = await submission();
    const { code, text } = await said("swaks", [...letter, "--port", String(running[port]), ...flags]);
    expect(text).toMatch(reply);
    expect(code).not.toBe(0);
    expect(running.to.calls).toEqual([]);
  });

  it("U18 U27: 1000 recipients are taken, VRFY tells nothing, EXPN is not there", async () => {
    await using server = await createServer({ mode: "mx", to: fake(), recipient: () => true }).listen({ port: 0, host: "127.0.0.1" });
    const everybody = Array.from({ length: 1000 }, (_, i) => `u${i}@example.test`).join(",");
    const { code } = await said("swaks", [...letter, "--port", String(server.port), "--to", everybody, "--timeout", "60s"]);
    expect(code).toBe(0);
  });
});

describe.skipIf("openssl" in missing)("openssl s_client", () => {
  function client(port: number, ...flags: readonly string[]): ReturnType<typeof said> {
    return said("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, "-ign_eof", ...flags], "EHLO client.example\r\nQUIT\r\n");
  }

  it("U35: TLS 1.2 and 1.3 are spoken, 1.1 is not", async () => {
    await using running = await submission();
    for (const [flag, name] of [["-tls1_2", "TLSv1.2"], ["-tls1_3", "TLSv1.3"]] as const) {
      const { text } = await client(running.implicit, flag);
      expect(text).toContain(name);
    }
    expect((await client(running.implicit, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")).text).toMatch(/alert protocol version|no protocols available/);
  });

  it("U4: STARTTLS, and a certificate that is verified", async () => {
    await using running = await submission();
    const { text } = await client(running.starttls, "-starttls", "smtp", "-brief");
    expect(text).toMatch(/CONNECTION ESTABLISHED|Protocol version: TLSv1\.3/);
  });
});

describe.skipIf("postfix" in missing)("Postfix's smtp-source as a client", () => {
  it.for([["SMTP", "mx", []], ["LMTP", "lmtp", ["-L"]]] as const)("U22: 20 sessions and 400 mails over %s, each taken once", async ([, mode, flags]) => {
    const to = fake({}, { read: false });
    await using server = await createServer(mode === "mx" ? { mode, to, recipient: () => true } : { mode, to }).listen({ port: 0, host: "127.0.0.1" });
    await run("/usr/sbin/smtp-source", [...flags, "-s", "20", "-m", "400", "-l", "2000", "-f", "a@example.test", "-t", "b@example.test", `127.0.0.1:${server.port}`]);
    expect(to.calls).toHaveLength(400);
  });
});

/** What some server or other takes for the end of the data. */
const ENDS = ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\r\n\0.\r\n", "\r\n.\r\r\n"];

describe.skipIf("postfix" in missing)("Postfix behind the server", () => {
  it("#37: whatever is meant to smuggle a second mail through, none arrives; an honest one arrives once", async () => {
    await using postfix = await startPostfix();
    const to = smtp({ host: "127.0.0.1", port: postfix.ports.data, security: "none", deadline: 40_000 });
    await using server = await createServer({ mode: "mx", to, recipient: () => true, limits: { errors: 1000 } }).listen({ port: 0, host: "127.0.0.1" });
    const [honest, victim] = [postfix.mailbox(), postfix.mailbox()];
    const smuggled = `MAIL FROM:<evil@example.test>\r\nRCPT TO:<${victim.address}>\r\nDATA\r\nFrom: evil@example.test\r\n\r\nsecond`;
    const socket = connect({ port: server.port, host: "127.0.0.1" });
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    async function until(words: string): Promise<void> {
      while (!text.includes(words)) await once(socket, "data");
      text = "";
    }
    socket.write("EHLO client.example\r\n");
    await until("LIMITS");
    for (const end of ENDS) {
      socket.write(`MAIL FROM:<a@example.test>\r\nRCPT TO:<${victim.address}>\r\nDATA\r\n`);
      await until("354");
      socket.write(`From: a@example.test\r\n\r\nfirst${end}${smuggled}\r\n.\r\n`);
      await until("550 5.");
    }
    socket.write(`MAIL FROM:<a@example.test>\r\nRCPT TO:<${honest.address}>\r\nDATA\r\n`);
    await until("354");
    socket.write("From: a@example.test\r\n\r\n..\r\n.MAIL FROM:<evil@example.test>\r\nlast\r\n.\r\n");
    await until("250 2.0.0 queued");
    socket.end("QUIT\r\n");
    expect(await honest.arrivals(1)).toHaveLength(1);
    expect(await victim.arrivals(0)).toEqual([]);
  });
});
