import type { Outcome } from "@postroad/core";
import { testCertificate } from "@postroad/testing/certificate";
import type { ScriptedPeer } from "@postroad/testing/peer";
import { scriptedPeer } from "@postroad/testing/peer";
import { describe, expect, it } from "vitest";
import type { SmtpOptions, SmtpTransport } from "../src/index.ts";
import { lmtp, smtp } from "../src/index.ts";
import type { Build, MailParts } from "./support.ts";
import { FROM, TEXT, TO, kinds, mail, plain, streamed } from "./support.ts";

type Expected = Partial<Outcome> & { readonly uncertain?: boolean; readonly diagnosis?: { readonly phase: string } };

/** Where in a conversation the replies stand that are cut, and what a mail gets where they end too early. */
interface Moment {
  readonly before: Build;
  /** Each with its line ends; several were asked for at once. */
  readonly replies: readonly string[];
  readonly after: Build;
  /** The outcomes of a drop behind so many whole replies. */
  readonly dropped: (whole: number) => readonly Expected[];
  readonly options?: Partial<SmtpOptions>;
  readonly open?: (peer: ScriptedPeer) => SmtpTransport;
  readonly parts?: MailParts;
}

const MAIL = `MAIL FROM:<${FROM}>`;
const RCPT = `RCPT TO:<${TO}>`;
const OK = "250 2.0.0 ok\r\n";
const GO = "354 go\r\n";
const TWO = [TO, "cid@b.example"];
const LARGE = 70_000;
const ONE_MAIL = { connections: 1, messages: 1 };

const hello: Build = (s) => s.reply("220 peer ESMTP").expect(/^EHLO/);
const data: Build = (s) => s.expectData().reply("250 ok");
const lockStep: Build = (s) => s.expect(MAIL).reply("250 ok").expect(RCPT).reply("250 ok").expect("DATA").reply("354 go").use(data);
const login: Partial<SmtpOptions> = { auth: { user: "ann", pass: "canary" }, insecureCleartextAuth: true };

/** Certain: the server cannot have the mail. */
function certain(phase: string): readonly Expected[] {
  return [{ kind: "deferred", status: "4.4.2", uncertain: false, diagnosis: { phase } }];
}

const doubtful: Expected = { kind: "deferred", status: "4.4.2", uncertain: true, diagnosis: { phase: "final" } };

/** By how many replies of a pipelined group were whole. */
function inGroup(...phases: readonly string[]): Moment["dropped"] {
  return (whole) => certain(phases[whole] ?? "none");
}

function overLmtp(peer: ScriptedPeer): SmtpTransport {
  return lmtp({ host: "127.0.0.1", port: peer.port, name: "client.example", pool: ONE_MAIL });
}

const certificate = testCertificate();

function protectedBy(security: "tls" | "starttls"): NonNullable<Moment["open"]> {
  return ({ port }) => smtp({ host: "localhost", port, security, tls: { ca: certificate.ca }, name: "client.example", pool: ONE_MAIL });
}

const startTls: Build = (s) => s.greet("STARTTLS").expect("STARTTLS");

const lmtpHello: Build = (s) => s.reply("220 store LMTP").expect(/^LHLO/);
const lmtpMail: Build = (s) => s.expectGroup(MAIL, RCPT, "RCPT TO:<cid@b.example>", "DATA");
const lmtpEnd = (s: Parameters<Build>[0]): unknown => s.expectData().reply("250 a", "250 b");

const moments: Readonly<Record<string, Moment>> = {
  "#20 the greeting": {
    before: (s) => s,
    replies: ["220-peer ESMTP\r\n220 ready\r\n"],
    after: (s) => s.expect(/^EHLO/).reply("250 peer").use(lockStep),
    dropped: inGroup("greeting"),
  },
  "#21 C5 EHLO": {
    before: hello,
    replies: ["250-peer\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250 PIPELINING\r\n"],
    after: (s) => s.expectGroup(`${MAIL} SIZE=${TEXT.length}`, RCPT, "DATA").reply("250 ok", "250 ok", "354 go").use(data),
    dropped: inGroup("ehlo"),
  },
  "C4 HELO": {
    before: (s) => s.use(hello).reply("502 what").expect(/^HELO/),
    replies: ["250 peer\r\n"],
    after: lockStep,
    dropped: inGroup("ehlo"),
  },
  "#22 #23 STARTTLS": {
    before: startTls,
    replies: ["220-2.0.0 so\r\n220 2.0.0 go\r\n"],
    after: (s) => s.upgrade(certificate).expect(/^EHLO/).reply("250 peer").use(lockStep),
    dropped: inGroup("starttls"),
    open: protectedBy("starttls"),
  },
  "#21 C20 EHLO again, inside TLS": {
    before: (s) => s.use(startTls).reply("220 go").upgrade(certificate).expect(/^EHLO/),
    replies: ["250-peer\r\n250-SIZE 1000\r\n250 PIPELINING\r\n"],
    after: (s) => s.expectGroup(`${MAIL} SIZE=${TEXT.length}`, RCPT, "DATA").reply("250 ok", "250 ok", "354 go").use(data),
    dropped: inGroup("ehlo"),
    open: protectedBy("starttls"),
  },
  "#20 the greeting inside TLS": {
    before: (s) => s.upgrade(certificate),
    replies: ["220-peer ESMTP\r\n220 ready\r\n"],
    after: (s) => s.expect(/^EHLO/).reply("250 peer").use(lockStep),
    dropped: inGroup("greeting"),
    open: protectedBy("tls"),
  },
  "#25 AUTH: the challenge of CRAM-MD5": {
    before: (s) => s.greet("AUTH CRAM-MD5").expectAuth("CRAM-MD5"),
    replies: ["334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2U+\r\n"],
    after: (s) => s.expectBase64("ann 662c3067ff7ae5e6cdfff9a6f41ec9aa").reply("235 ok").use(lockStep),
    dropped: inGroup("auth"),
    options: login,
  },
  "#25 AUTH: an empty 334, and the refusal of a token": {
    before: (s) => s.greet("AUTH XOAUTH2").expectAuth("XOAUTH2", "user=ann\u0001auth=Bearer old\u0001\u0001"),
    replies: ["334 eyJzdGF0dXMiOiI0MDEifQ==\r\n"],
    after: (s) => s.expect("").reply("535 5.7.8 no").expectAuth("XOAUTH2", "user=ann\u0001auth=Bearer new\u0001\u0001").reply("235 ok").use(lockStep),
    dropped: inGroup("auth"),
    options: { auth: { user: "ann", token: ({ refresh }) => (refresh ? "new" : "old") }, insecureCleartextAuth: true },
  },
  "#25 AUTH: the first 334": {
    before: (s) => s.greet("AUTH LOGIN").expectAuth("LOGIN"),
    replies: ["334 VXNlcm5hbWU6\r\n"],
    after: (s) => s.expectBase64("ann").challenge("Password:").expectBase64("canary").reply("235 ok").use(lockStep),
    dropped: inGroup("auth"),
    options: login,
  },
  "#25 AUTH: the second 334": {
    before: (s) => s.greet("AUTH LOGIN").expectAuth("LOGIN").challenge("Username:").expectBase64("ann"),
    replies: ["334 UGFzc3dvcmQ6\r\n"],
    after: (s) => s.expectBase64("canary").reply("235 ok").use(lockStep),
    dropped: inGroup("auth"),
    options: login,
  },
  "#25 AUTH: 235": {
    before: (s) => s.greet("AUTH PLAIN").expectAuth("PLAIN", "\0ann\0canary"),
    replies: ["235-2.7.0 come\r\n235 2.7.0 in\r\n"],
    after: lockStep,
    dropped: inGroup("auth"),
    options: login,
  },
  "#26 #29 MAIL": { before: (s) => s.greet().expect(MAIL), replies: [OK], after: (s) => s.expect(RCPT).reply("250 ok").expect("DATA").reply("354 go").use(data), dropped: inGroup("mail") },
  "#27 #29 RCPT": { before: (s) => s.greet().expect(MAIL).reply("250 ok").expect(RCPT), replies: ["250-2.1.5 so\r\n250 2.1.5 be it\r\n"], after: (s) => s.expect("DATA").reply("354 go").use(data), dropped: inGroup("rcpt") },
  "#28 #29 DATA: 354": { before: (s) => s.greet().expect(MAIL).reply("250 ok").expect(RCPT).reply("250 ok").expect("DATA"), replies: [GO], after: data, dropped: inGroup("data") },
  "#29 C29 C31 a pipelined group": {
    before: (s) => s.greet("PIPELINING").expectGroup(MAIL, RCPT, "DATA"),
    replies: [OK, "250-two\r\n250 lines\r\n", GO],
    after: data,
    dropped: inGroup("mail", "rcpt", "data"),
  },
  "C33 #29 an envelope with BDAT LAST behind it": {
    before: (s) => s.greet("PIPELINING", "CHUNKING").expectGroup(MAIL, RCPT).expectBdat({ last: true }),
    replies: [OK, OK, "250-2.6.0 so\r\n250 2.6.0 many octets\r\n"],
    after: (s) => s,
    dropped: () => [doubtful],
  },
  "C33 #29 the envelope of a large mail in chunks": {
    before: (s) => s.greet("PIPELINING", "CHUNKING").expectGroup(MAIL, RCPT),
    replies: [OK, OK],
    after: (s) => s.expectBdat({ last: false }).expectBdat({ last: true }).reply("250 ok", "250 ok"),
    dropped: inGroup("mail", "rcpt"),
    parts: { content: streamed(["x\r\n".repeat(LARGE / 3)]) },
  },
  "C33 #29 the chunks of a large mail": {
    before: (s) => s.greet("PIPELINING", "CHUNKING").expectGroup(MAIL, RCPT).reply("250 ok", "250 ok").expectBdat({ last: false }).expectBdat({ last: true }),
    replies: ["250 2.0.0 chunk\r\n", OK],
    after: (s) => s,
    dropped: () => [doubtful],
    parts: { content: streamed(["x\r\n".repeat(LARGE / 3)]) },
  },
  "X7 LHLO": {
    before: lmtpHello,
    replies: ["250-store\r\n250-ENHANCEDSTATUSCODES\r\n250 PIPELINING\r\n"],
    after: (s) => s.use(lmtpMail).reply("250 ok", "250 ok", "250 ok", "354 go").use(lmtpEnd),
    dropped: () => [...certain("ehlo"), ...certain("ehlo")],
    open: overLmtp,
    parts: { to: TWO },
  },
  "X7 #29 the LMTP envelope": {
    before: (s) => s.use(lmtpHello).reply("250-store", "250 PIPELINING").use(lmtpMail),
    replies: [OK, OK, OK, GO],
    after: lmtpEnd,
    dropped: (whole) => [0, 1].flatMap(() => certain(["mail", "rcpt", "rcpt", "data"][whole] ?? "none")),
    open: overLmtp,
    parts: { to: TWO },
  },
  "X10 #35 the LMTP replies for each recipient": {
    before: (s) => s.use(lmtpHello).reply("250-store", "250 PIPELINING").use(lmtpMail).reply("250 ok", "250 ok", "250 ok", "354 go").expectData(),
    replies: ["250-2.0.0 a\r\n250 2.0.0 ann\r\n", "250 2.0.0 cid\r\n"],
    after: (s) => s,
    dropped: (whole) => (whole === 0 ? [doubtful, doubtful] : [{ kind: "accepted", status: "2.0.0" }, doubtful]),
    open: overLmtp,
    parts: { to: TWO },
  },
};

/** Sends a mail through each conversation, over a connection of its own. */
async function play(moment: Moment, builds: readonly Build[]): Promise<readonly (readonly Outcome[])[]> {
  const { open, options = {}, parts = {} } = moment;
  await using peer = await scriptedPeer();
  for (const build of builds) peer.session(build);
  await using transport = open?.(peer) ?? plain(peer, { ...options, pool: ONE_MAIL });
  const sent: (readonly Outcome[])[] = [];
  while (sent.length < builds.length) sent.push((await transport.send(mail(parts))).outcomes);
  return sent;
}

/** Every place in these replies where something is still to come, with the number of replies before it. */
function cutsOf(replies: readonly string[]): readonly (readonly [at: number, whole: number])[] {
  return replies.flatMap((reply, whole) => {
    const start = replies.slice(0, whole).join("").length;
    return Array.from(reply, (_, offset) => [start + offset, whole] as const);
  });
}

describe.each(Object.entries(moments))("replies cut at every byte: %s", (_, moment) => {
  const bytes = moment.replies.join("");

  const cuts = cutsOf(moment.replies);

  it("the rest comes later: nothing is said in between, and the mail goes through", async () => {
    const late = ([at]: (typeof cuts)[number]): Build => (s) =>
      s.use(moment.before).send(bytes.slice(0, at)).expectSilence().send(bytes.slice(at)).use(moment.after);
    for (const [index, outcomes] of (await play(moment, cuts.map(late))).entries()) {
      expect(kinds({ mail: "", outcomes }), `cut at ${cuts[index]?.[0]}`).toEqual(outcomes.map(() => "accepted"));
    }
  });

  it("the connection ends there: the outcome says in which phase, and doubts only what the server may have", async () => {
    const lost = ([at]: (typeof cuts)[number]): Build => (s) => s.use(moment.before).send(bytes.slice(0, at)).drop();
    for (const [index, outcomes] of (await play(moment, cuts.map(lost))).entries()) {
      const [at, whole] = cuts[index] ?? [0, 0];
      const shown = outcomes.map((outcome) => (outcome.kind === "deferred" ? { ...outcome, uncertain: outcome.uncertain === true } : outcome));
      expect(shown, `cut at ${at}`).toMatchObject(moment.dropped(whole));
    }
  });
});
