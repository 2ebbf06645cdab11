import type { ModelPeerOptions } from "./model-types.ts";

/** An address of the envelope and its parameters. */
export interface Path {
  readonly address: string;
  readonly parameters: readonly string[];
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

const USUAL = ["PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"];

/** What EHLO announces on a connection in this state. */
export function extensions(
  { extensions: given = USUAL, tls, users }: ModelPeerOptions,
  secure: boolean,
): readonly string[] {
  const starttls = tls !== undefined && !secure ? ["STARTTLS"] : [];
  const auth = users !== undefined && (secure || tls === undefined) ? ["AUTH PLAIN LOGIN"] : [];
  return [...given, ...starttls, ...auth];
}

/** `MAIL FROM:<a@x> SIZE=1` in parts; undefined where it has another form. */
export function path(line: string, command: "MAIL FROM" | "RCPT TO"): Path | undefined {
  const [, address, parameters = ""] = new RegExp(`^${command}:<(.*)>((?: [^ <>]+)*)$`, "i").exec(line) ?? [];
  if (address === undefined) return undefined;
  return { address, parameters: parameters.split(" ").filter((parameter) => parameter !== "") };
}

/** Parameters that an extension brings (RFC 1870, 6152, 6531, 3461, 4954, 8689, 6710, 4865, 2852). */
const MAIL_PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  SIZE: ["SIZE"],
  "8BITMIME": ["BODY"],
  SMTPUTF8: ["SMTPUTF8"],
  DSN: ["RET", "ENVID"],
  AUTH: ["AUTH"],
  REQUIRETLS: ["REQUIRETLS"],
  "MT-PRIORITY": ["MT-PRIORITY"],
  FUTURERELEASE: ["HOLDFOR", "HOLDUNTIL"],
  DELIVERBY: ["BY"],
};
const RCPT_PARAMETERS: Readonly<Record<string, readonly string[]>> = { DSN: ["NOTIFY", "ORCPT"] };

/** The first parameter that no announced extension allows. */
function stranger(
  parameters: readonly string[],
  announced: readonly string[],
  known: typeof MAIL_PARAMETERS,
): string | undefined {
  const allowed = announced.flatMap((extension) => known[keyword(extension)] ?? []);
  return parameters.map((parameter) => keyword(parameter.replace("=", " "))).find((name) => !allowed.includes(name));
}

export function mailReply(given: Path | undefined, announced: readonly string[]): string {
  if (given === undefined) return "501 5.5.4 MAIL FROM:<address>, please";
  const unknown = stranger(given.parameters, announced, MAIL_PARAMETERS);
  if (unknown !== undefined) return `555 5.5.4 ${unknown} was not announced`;
  const declared = Number(given.parameters.find((parameter) => /^SIZE=/i.test(parameter))?.slice(5) ?? 0);
  if (declared > limitOf(announced)) return "552 5.3.4 too large";
  const utf8 = given.parameters.some((parameter) => /^SMTPUTF8$/i.test(parameter));
  return isAscii(given.address) || utf8 ? "250 2.1.0 ok" : "553 5.6.7 SMTPUTF8 is missing";
}

export function rcptReply(given: Path | undefined, announced: readonly string[], options: ModelPeerOptions): string {
  if (given === undefined || given.address === "") return "501 5.5.4 RCPT TO:<address>, please";
  const unknown = stranger(given.parameters, announced, RCPT_PARAMETERS);
  if (unknown !== undefined) return `555 5.5.4 ${unknown} was not announced`;
  const { recipients = {} } = options;
  return (Object.hasOwn(recipients, given.address) ? recipients[given.address] : undefined) ?? "250 2.1.5 ok";
}

/** 354 for DATA; for BDAT it means that octets are welcome. */
export function dataReply(transaction: { readonly to: readonly Path[] } | undefined): string {
  if (transaction === undefined) return "503 5.5.1 MAIL first";
  return transaction.to.length === 0 ? "554 5.5.1 no valid recipients" : "354 go";
}

export function messageReply(
  recipients: number,
  size: number,
  announced: readonly string[],
  connection: number,
): string {
  if (recipients === 0) return "554 5.5.1 no valid recipients";
  return size > limitOf(announced) ? "552 5.3.4 too large" : `250 2.0.0 queued on connection ${connection}`;
}

/** Why this AUTH cannot even begin. */
export function authRefusal(
  line: string,
  announced: readonly string[],
  current: string | undefined,
): string | undefined {
  if (!announced.some((extension) => keyword(extension) === "AUTH")) return "503 5.5.1 not offered";
  if (current !== undefined) return "503 5.5.1 already";
  return /^AUTH (PLAIN|LOGIN)( |$)/i.test(line) ? undefined : "504 5.5.4 unknown mechanism";
}

/** Asks for what the line does not hold already (RFC 4954 §4); undefined where the client cancels or goes. */
export async function credentials(
  line: string,
  ask: (prompt: string) => Promise<string | undefined>,
): Promise<Credentials | undefined> {
  const [, mechanism, initial] = line.split(" ");
  const plain = /^PLAIN$/i.test(mechanism ?? "");
  const first = initial ?? (await ask(plain ? "" : encode("Username:")));
  const second = plain || first === "*" ? "" : await ask(encode("Password:"));
  if (first === undefined || second === undefined || first === "*" || second === "*") return undefined;
  if (!plain) return { user: decode(first), password: decode(second) };
  const [, user = "", password = ""] = decode(first).split("\0");
  return { user, password };
}

export function authReply({ users = {} }: ModelPeerOptions, given: Credentials | undefined): string {
  if (given === undefined) return "501 5.7.0 cancelled";
  return Object.hasOwn(users, given.user) && users[given.user] === given.password ? "235 2.7.0 ok" : "535 5.7.8 no";
}

/** A CR or LF that is not part of a CRLF (RFC 5321 §2.3.8). */
export function hasBareLineEnd(raw: Buffer): boolean {
  return /\r(?!\n)|(?<!\r)\n/.test(raw.toString("latin1"));
}

/** The SIZE announced; 0 and no number are no limit (RFC 1870 §4). */
function limitOf(announced: readonly string[]): number {
  const size = announced.find((extension) => keyword(extension) === "SIZE")?.split(" ")[1];
  return Number(size ?? 0) || Infinity;
}

function keyword(extension: string): string {
  return (extension.split(" ")[0] ?? "").toUpperCase();
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}

function decode(base64: string): string {
  return Buffer.from(base64, "base64").toString();
}

function encode(text: string): string {
  return Buffer.from(text).toString("base64");
}
