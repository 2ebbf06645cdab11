import type { Connection } from "./connection.ts";
import { unstuff } from "./inbox.ts";
import type { Ledger, Live } from "./model-live.ts";
import { announced, answer, flush, mayPipeline, nextLine, violation } from "./model-live.ts";
import * as rules from "./model-rules.ts";
import type { ModelPeerOptions } from "./model-types.ts";
import { ehloReply } from "./script.ts";

/** Serves one connection until either side has had enough. Never rejects on what a client does. */
export async function serve(
  connection: Connection,
  options: ModelPeerOptions,
  number: number,
  ledger: Ledger,
): Promise<void> {
  const live: Live = {
    connection,
    options,
    number,
    ledger,
    out: [],
    greeted: false,
    user: undefined,
    transaction: undefined,
    over: false,
  };
  if (options.implicitTls === true) await upgrade(live);
  await answer(live, "greeting", "", "220 model ESMTP");
  try {
    while (!live.over) {
      const line = await nextLine(live);
      if (line === undefined) break;
      await obey(live, line);
    }
    await flush(live);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    violation(live, error.message);
  }
  connection.end();
}

type Handler = (live: Live, line: string) => Promise<unknown>;

const handlers: Readonly<Record<string, Handler>> = {
  EHLO: ehlo,
  HELO: ehlo,
  STARTTLS: starttls,
  AUTH: auth,
  MAIL: mail,
  RCPT: rcpt,
  DATA: data,
  BDAT: bdat,
  RSET: rset,
  NOOP: noop,
  QUIT: quit,
};

/** Commands that stand last in a pipelined group (RFC 2920 §3.1). */
const LAST = new Set(["EHLO", "DATA", "AUTH", "STARTTLS", "QUIT", "NOOP"]);

async function obey(live: Live, line: string): Promise<void> {
  const verb = (/^[A-Za-z]+/.exec(line)?.[0] ?? "").toUpperCase();
  if (LAST.has(verb) && live.connection.inbox.size > 0) violation(live, `did not wait for the reply to ${verb}`);
  else if (verb !== "BDAT") mayPipeline(live, verb);
  if (line.endsWith("\n")) violation(live, `bare LF after ${verb}`);
  await (handlers[verb] ?? unknown)(live, line);
}

async function ehlo(live: Live, line: string): Promise<void> {
  const extended = /^EHLO/i.test(line);
  const usual = extended ? ehloReply(announced(live)).join("\r\n") : "250 model";
  const wrong = /^\w+ \S+$/.test(line) ? undefined : "501 5.5.4 a host name, please";
  await answer(live, "ehlo", line, wrong ?? usual, () => {
    live.greeted = true;
    live.transaction = undefined;
  });
}

async function starttls(live: Live, line: string): Promise<void> {
  const offered = announced(live).includes("STARTTLS");
  if (!(await answer(live, "starttls", line, offered ? "220 2.0.0 go" : "503 5.5.1 not offered"))) return;
  await flush(live);
  await upgrade(live);
  live.greeted = false;
  live.user = undefined;
  live.transaction = undefined;
}

async function upgrade(live: Live): Promise<void> {
  const { connection, options, ledger } = live;
  await connection.upgrade(options.tls ?? {}).catch((error: unknown) => {
    ledger.log.note(`handshake failed: ${String(error)}`);
    live.over = true;
  });
}

async function auth(live: Live, line: string): Promise<void> {
  const refusal = rules.authRefusal(line, announced(live), live.user);
  if (refusal !== undefined) return void (await answer(live, "auth", line, refusal));
  const given = await rules.credentials(line, (prompt) => {
    live.out.push(`334 ${prompt}\r\n`);
    return nextLine(live);
  });
  await answer(live, "auth", line, rules.authReply(live.options, given), () => (live.user = given?.user));
}

async function mail(live: Live, line: string): Promise<void> {
  const path = rules.path(line, "MAIL FROM");
  const locked = live.options.users !== undefined && live.user === undefined;
  const usual = locked
    ? "530 5.7.0 authenticate first"
    : !live.greeted || live.transaction !== undefined
      ? "503 5.5.1 not now"
      : rules.mailReply(path, announced(live));
  await answer(live, "mail", line, usual, () => {
    live.transaction = { from: path?.address ?? "", parameters: path?.parameters ?? [], to: [], chunks: [] };
  });
}

async function rcpt(live: Live, line: string): Promise<void> {
  const path = rules.path(line, "RCPT TO");
  const usual =
    live.transaction === undefined ? "503 5.5.1 MAIL first" : rules.rcptReply(path, announced(live), live.options);
  await answer(live, "rcpt", line, usual, () => {
    if (path !== undefined) live.transaction?.to.push(path);
  });
}

async function data(live: Live, line: string): Promise<void> {
  const chunked = (live.transaction?.chunks.length ?? 0) > 0;
  const usual = chunked ? "503 5.5.1 BDAT has begun" : rules.dataReply(live.transaction);
  if (!(await answer(live, "data", line, usual))) return;
  await flush(live);
  if (live.connection.inbox.size === 0) await live.connection.inbox.more();
  if (!(await answer(live, "content", "", ""))) return;
  const raw = await live.connection.inbox.data();
  if (raw === undefined) return;
  await message(live, raw, unstuff(raw));
}

async function bdat(live: Live, line: string): Promise<void> {
  const [, digits, last] = /^BDAT (\d{1,9})( LAST)?$/i.exec(line) ?? [];
  const octets = await live.connection.inbox.take(Number(digits ?? 0));
  const offered = announced(live).includes("CHUNKING");
  const usual = offered && digits !== undefined ? rules.dataReply(live.transaction) : "503 5.5.1 not offered";
  live.transaction?.chunks.push(octets);
  if (last === undefined || !usual.startsWith("354")) {
    await answer(live, "bdat", line, usual.replace(/^354.*/, `250 2.0.0 ${octets.length} octets`));
    return;
  }
  const content = Buffer.concat(live.transaction?.chunks ?? []);
  await message(live, content, content);
}

async function message(live: Live, raw: Buffer, content: Buffer): Promise<void> {
  const { transaction, number, user, ledger } = live;
  if (transaction === undefined) return;
  mayPipeline(live, "the content");
  if (rules.hasBareLineEnd(raw)) violation(live, "bare CR or LF in content");
  const { from, parameters, to } = transaction;
  const secure = live.connection.tls !== undefined;
  const usual = rules.messageReply(to.length, content.length, announced(live), number);
  await answer(live, "message", "", usual, () =>
    ledger.take({ connection: number, from, parameters, to, raw, content, user, secure }),
  );
  live.transaction = undefined;
}

async function rset(live: Live, line: string): Promise<void> {
  await answer(live, "rset", line, "250 2.0.0 ok", () => (live.transaction = undefined));
}

async function noop(live: Live, line: string): Promise<void> {
  await answer(live, "noop", line, "250 2.0.0 ok");
}

async function quit(live: Live, line: string): Promise<void> {
  await answer(live, "quit", line, "221 2.0.0 bye");
  live.over = true;
}

async function unknown(live: Live, line: string): Promise<void> {
  await answer(live, "other", line, "500 5.5.2 unknown command");
}
