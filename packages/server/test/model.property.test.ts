import fc from "fast-check";
import { equal, match } from "node:assert/strict";
import { describe, expect, it } from "vitest";
import type { Client } from "./client.ts";
import { base64, mx, submission, tls } from "./support.ts";
import type { Running } from "./support.ts";

/** What a server must know of a connection, and nothing more. */
interface Model {
  hello: boolean;
  esmtp: boolean;
  login: boolean;
  mail: boolean;
  recipients: number;
  chunked: boolean;
  taken: number;
}

interface Real {
  readonly client: Client;
  readonly server: Running;
}

/** A command that may come at any time, the code it must be answered with, and what it does to the model. */
class Said implements fc.AsyncCommand<Model, Real> {
  readonly bytes: string;
  readonly code: (model: Readonly<Model>) => number;
  readonly effect: (model: Model, code: number) => void;

  constructor(bytes: string, code: (model: Readonly<Model>) => number, effect: (model: Model, code: number) => void = () => undefined) {
    this.bytes = bytes;
    this.code = code;
    this.effect = effect;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, { client, server }: Real): Promise<void> {
    const code = this.code(model);
    client.send(this.bytes);
    equal((await client.reply())?.slice(0, 3), String(code));
    if (code === 354) {
      client.send("From: ann@example.org\r\n\r\n.\r\n");
      match((await client.reply()) ?? "", /^250 2\.0\.0 /);
    }
    this.effect(model, code);
    equal(server.to.calls.length, model.taken);
  }

  toString(): string {
    return JSON.stringify(this.bytes);
  }
}

function over(model: Model): void {
  Object.assign(model, { mail: false, recipients: 0, chunked: false });
}

function taken(model: Model, code: number): void {
  if (code === 354 || code === 250) model.taken += 1;
}

const MESSAGE = "From: ann@example.org\r\n\r\nhi\r\n";

function commands(needsLogin: boolean): Said[] {
  const mayMail = ({ hello, mail, login }: Readonly<Model>): number => (!hello || mail ? 503 : needsLogin && !login ? 530 : 250);
  const chunk = ({ mail, recipients }: Readonly<Model>): number => (mail && recipients > 0 ? 250 : 503);
  const helloed = (esmtp: boolean) => (model: Model): void => {
    over(model);
    Object.assign(model, { hello: true, esmtp });
  };
  return [
    new Said("EHLO client.example\r\n", () => 250, helloed(true)),
    new Said("HELO client.example\r\n", () => 250, helloed(false)),
    new Said("EHLO a b\r\n", () => 501),
    new Said("MAIL FROM:<ann@example.org>\r\n", mayMail, (model, code) => void (model.mail ||= code === 250)),
    new Said("MAIL FROM:<ann@example.org> FROB\r\n", (model) => (mayMail(model) === 250 ? 555 : mayMail(model))),
    new Said("RCPT TO:<bob@example.org>\r\n", ({ mail, chunked }) => (mail && !chunked ? 250 : 503), (model, code) => void (model.recipients += code === 250 ? 1 : 0)),
    new Said("RCPT TO:bob\r\n", ({ mail, chunked }) => (mail && !chunked ? 501 : 503)),
    new Said("DATA\r\n", ({ mail, recipients, chunked }) => (!mail || chunked ? 503 : recipients === 0 ? 554 : 354), (model, code) => { if (code === 354) { taken(model, code); over(model); } }),
    new Said(`BDAT ${MESSAGE.length}\r\n${MESSAGE}`, chunk, (model, code) => void (model.chunked ||= code === 250)),
    new Said(`BDAT ${MESSAGE.length} LAST\r\n${MESSAGE}`, chunk, (model, code) => { if (code === 250) { taken(model, code); over(model); } }),
    new Said("BDAT 3\r\na\nb", (model) => (chunk(model) === 250 ? 550 : 503), (model, code) => { if (code === 550) over(model); }),
    new Said("RSET\r\n", () => 250, over),
    new Said("NOOP\r\n", () => 250),
    new Said("VRFY ann\r\n", () => 252),
    new Said("EXPN all\r\n", () => 502),
    new Said("FROB\r\n", () => 500),
    new Said("NOOP\n", () => 500),
    new Said(`AUTH PLAIN ${base64("\0ann@example.org\0s3cret")}\r\n`, ({ esmtp, login, mail }) => (!needsLogin ? 502 : !esmtp || login || mail ? 503 : 235), (model, code) => void (model.login ||= code === 235)),
    new Said(`AUTH PLAIN ${base64("\0ann@example.org\0wrong")}\r\n`, ({ esmtp, login, mail }) => (!needsLogin ? 502 : !esmtp || login || mail ? 503 : 535)),
  ];
}

const limits = { errors: 10_000, junk: 10_000, loginFailures: 10_000, loginFailuresPerClient: 100_000 };

async function modelled(open: () => Promise<Running>, needsLogin: boolean): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.commands(commands(needsLogin).map((said) => fc.constant(said)), { maxCommands: 60 }), async (run) => {
      await using server = await open();
      await using client = await server.dial();
      const model = { hello: false, esmtp: false, login: false, mail: false, recipients: 0, chunked: false, taken: 0 };
      await fc.asyncModelRun(() => ({ model, real: { client, server } }), run);
      expect(server.events.filter(({ kind }) => kind === "error")).toEqual([]);
    }),
    { numRuns: 60 },
  );
}

describe("model", () => {
  it("U10 U11: an MX answers every command in every order as the model says", async () => {
    await expect(modelled(() => mx({ limits, tls }), false)).resolves.toBeUndefined();
  });

  it("U1 U6 U10 U11: so does a submission server, and takes nothing before the login", async () => {
    await expect(modelled(() => submission({ limits, insecureCleartextAuth: true }), true)).resolves.toBeUndefined();
  });

  it("whatever bytes come, the server lives, says lines of SMTP, and takes no mail that was not ended", async () => {
    await using server = await mx({ limits: { ...limits, connectionsPerClient: 1000 }, timeouts: { command: 2000, data: 2000 } });
    const word = fc.oneof(
      fc.constantFrom("EHLO a.example\r\n", "MAIL FROM:<>", "RCPT TO:<a@example.org>", "DATA\r\n", "BDAT 4\r\n", "BDAT 5 LAST\r\n", "\r\n", "\r\n.\r\n", "\n", "\r", ".", "\0", "STARTTLS\r\n", "RSET\r\n", "AUTH PLAIN =\r\n", " SIZE=1", "<", ">"),
      fc.string({ maxLength: 12 }),
      fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 40 }), fc.boolean(), async (words, bytewise) => {
        await using client = await server.dial();
        const bytes = Buffer.from(words.join(""), "latin1");
        if (bytewise) for (const octet of bytes) client.send(Buffer.of(octet));
        else client.send(bytes);
        client.socket.end();
        expect((await client.rest()).replace(/^(?:\d{3}[- ][ -~]*\r\n)*$/, "")).toBe("");
      }),
      { numRuns: 150 },
    );
    for (const { bytes } of server.to.calls) expect(Buffer.from(bytes ?? []).toString("latin1")).not.toMatch(/[^\r]\n|\r[^\n]|\0/);
    await using client = await server.dial();
    expect(await client.say("NOOP")).toBe("250 2.0.0 ok");
  });
});
