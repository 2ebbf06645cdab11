import type { Outcome } from "@postroad/core";
import { ConfigError, compose } from "@postroad/core";
import { dkim } from "@postroad/dkim";
import type { Fake } from "@postroad/testing/fake";
import { fake } from "@postroad/testing/fake";
import { testAuthority, testCertificate } from "@postroad/testing/certificate";
import fc from "fast-check";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";
import PostalMime from "postal-mime";
import { generateKeyPairSync } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { ReportOutcome, TlsObservation, TlsReports, TlsReportsOptions } from "../src/index.ts";
import { mx, tlsReports } from "../src/index.ts";
import { reportTargets } from "../src/tls-rpt/rua.ts";
import { dnsServer } from "./dns-server.ts";
import { farm, local, mail, table } from "./support.ts";
import { webServer } from "./web.ts";

const DAY = 86_400_000;
const START = Date.UTC(2026, 2, 1);
const STS = { type: "sts", strings: ["version: STSv1", "mode: testing", "mx: mx.example.net", "max_age: 86400"], mxHosts: ["mx.example.net"] } as const;
const TLSA = { type: "tlsa", strings: ["3 1 1 00"], mxHosts: [] } as const;
const NONE = { type: "no-policy-found", strings: [], mxHosts: [] } as const;

interface Desk extends AsyncDisposable {
  readonly reports: TlsReports;
  readonly next: Fake;
  readonly outcomes: ReportOutcome[];
  readonly asked: readonly string[];
  pass: (milliseconds: number) => void;
}

function desk(records: Parameters<typeof table>[0] = { "TXT _smtp._tls.example.net": ["v=TLSRPTv1; rua=mailto:tls@example.net"] }, options: Partial<TlsReportsOptions> = {}): Desk {
  let now = START + 12 * 3_600_000;
  const next = fake();
  const outcomes: ReportOutcome[] = [];
  const resolver = table(records);
  const reports = tlsReports({
    organization: "Sender Inc.", contact: "tls@sender.example", to: next, resolver, clock: () => now, random: () => 0, onReport: (each) => void outcomes.push(each), ...options,
  });
  return { reports, next, outcomes, asked: resolver.asked, pass: (milliseconds) => void (now += milliseconds), [Symbol.asyncDispose]: () => reports[Symbol.asyncDispose]() };
}

/** The report that a mail carries. */
function reportIn(bytes: Uint8Array | undefined): unknown {
  const [, body = ""] = /filename="[^"]+\.json\.gz"\r\n\r\n([^-]+)--=_/.exec(Buffer.from(bytes ?? []).toString("latin1")) ?? [];
  return JSON.parse(gunzipSync(Buffer.from(body, "base64")).toString());
}

const seen: TlsObservation = { domain: "example.net", policy: STS, host: "mx.example.net", address: "192.0.2.1" };

describe("TLS reports", () => {
  it("M33: count sessions by policy and kind of failure, in the form of RFC 8460", async () => {
    await using at = desk();
    const failure = { result: "certificate-expired", reason: "CERT_HAS_EXPIRED" } as const;
    for (const each of [seen, seen, { ...seen, failure }, { ...seen, failure }, { ...seen, host: "mx2.example.net", failure }, { ...seen, policy: TLSA, failure: { result: "dnssec-invalid" } as const }, { domain: "example.net", policy: NONE }]) {
      at.reports.record(each);
    }
    at.pass(DAY);
    expect(await at.reports.send()).toMatchObject([{ domain: "example.net", state: "sent", message: "tls@example.net accepted" }]);
    expect(reportIn(at.next.calls[0]?.bytes)).toEqual({
      "organization-name": "Sender Inc.",
      "date-range": { "start-datetime": "2026-03-01T00:00:00Z", "end-datetime": "2026-03-01T23:59:59Z" },
      "contact-info": "tls@sender.example",
      "report-id": expect.stringMatching(/^[\da-f-]{36}$/),
      policies: [
        {
          policy: { "policy-type": "sts", "policy-string": STS.strings, "policy-domain": "example.net", "mx-host": ["mx.example.net"] },
          summary: { "total-successful-session-count": 2, "total-failure-session-count": 3 },
          "failure-details": [
            { "result-type": "certificate-expired", "receiving-mx-hostname": "mx.example.net", "receiving-ip": "192.0.2.1", "failed-session-count": 2, "failure-reason-code": "CERT_HAS_EXPIRED" },
            { "result-type": "certificate-expired", "receiving-mx-hostname": "mx2.example.net", "receiving-ip": "192.0.2.1", "failed-session-count": 1, "failure-reason-code": "CERT_HAS_EXPIRED" },
          ],
        },
        {
          policy: { "policy-type": "tlsa", "policy-string": ["3 1 1 00"], "policy-domain": "example.net" },
          summary: { "total-successful-session-count": 0, "total-failure-session-count": 1 },
          "failure-details": [{ "result-type": "dnssec-invalid", "receiving-mx-hostname": "mx.example.net", "receiving-ip": "192.0.2.1", "failed-session-count": 1 }],
        },
        { policy: { "policy-type": "no-policy-found", "policy-domain": "example.net" }, summary: { "total-successful-session-count": 1, "total-failure-session-count": 0 } },
      ],
    });
  });

  it("M34: go by mail, with the fields that say whose they are", async () => {
    await using at = desk();
    at.reports.record(seen);
    at.pass(DAY);
    await at.reports.send();
    const [call] = at.next.calls;
    expect(call?.mail.envelope).toMatchObject({ from: "tls@sender.example", to: [{ address: "tls@example.net" }] });
    const text = Buffer.from(call?.bytes ?? []).toString("latin1");
    for (const line of ["From: <tls@sender.example>", "To: <tls@example.net>", "TLS-Report-Domain: example.net", "TLS-Report-Submitter: sender.example", "TLS-Required: No", `Content-Type: multipart/report; report-type="tlsrpt";`]) {
      expect(text).toContain(`${line}\r\n`);
    }
    expect(text).toMatch(/Subject: Report Domain: example\.net\r\n Submitter: sender\.example\r\n Report-ID: <[\da-f-]{36}@sender\.example>\r\n/);
    expect(text).toMatch(/filename="sender\.example!example\.net!1772323200!1772409599![\da-f-]{36}\.json\.gz"/);
    expect(text.split("\r\n").every((line) => line.length <= 200)).toBe(true);
    expect(text.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
  });

  it("M34: are what a parser of mail and a verifier of DKIM take them for", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const key = { domain: "sender.example", selector: "s", key: privateKey.export({ type: "pkcs8", format: "pem" }) };
    const signed = fake();
    await using at = desk(undefined, { to: compose(dkim(key), signed) });
    at.reports.record(seen);
    at.pass(DAY);
    await at.reports.send();
    const bytes = Buffer.from(signed.calls[0]?.bytes ?? []);
    const p = publicKey.export({ type: "spki", format: "der" }).subarray(-32).toString("base64");
    const { results } = await dkimVerify(bytes, { resolver: () => Promise.resolve([[`v=DKIM1; k=ed25519; p=${p}`]]) });
    expect(results).toMatchObject([{ signingDomain: "sender.example", status: { result: "pass" } }]);
    const parsed = await PostalMime.parse(bytes);
    expect(parsed).toMatchObject({ from: { address: "tls@sender.example" }, to: [{ address: "tls@example.net" }], subject: expect.stringMatching(/^Report Domain: example\.net Submitter: sender\.example Report-ID: <\S+>$/) });
    expect(parsed.text).toContain("example.net");
    expect(parsed.attachments).toMatchObject([{ mimeType: "application/tlsrpt+gzip", filename: expect.stringMatching(/\.json\.gz$/) }]);
    const content = parsed.attachments[0]?.content;
    expect(JSON.parse(gunzipSync(content instanceof ArrayBuffer ? Buffer.from(content) : Buffer.alloc(0)).toString())).toMatchObject({ policies: [{ policy: { "policy-domain": "example.net" } }] });
  });

  it("M34: go by https, where that is what the domain asks for; one that gets through is enough", async () => {
    const authority = testAuthority();
    const received: { headers: IncomingHttpHeaders; body: Buffer }[] = [];
    await using site = await webServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", () => {
        received.push({ headers: request.headers, body: Buffer.concat(chunks) });
        response.writeHead(request.url === "/down" ? 503 : 201).end();
      });
    }, testCertificate({ issuer: authority, names: ["tls.example.net"] }), authority.cert);
    await using at = desk({ "TXT _smtp._tls.example.net": ["v=TLSRPTv1;rua=https://tls.example.net/down,https://tls.example.net/v1"] }, { fetch: site.fetch });
    at.reports.record(seen);
    at.pass(DAY);
    expect(await at.reports.send()).toMatchObject([{ state: "sent", message: "https://tls.example.net/down 503; https://tls.example.net/v1 201" }]);
    expect(received).toHaveLength(2);
    expect(received[0]?.headers["content-type"]).toBe("application/tlsrpt+gzip");
    expect(JSON.parse(gunzipSync(received[0]?.body ?? Buffer.alloc(0)).toString())).toMatchObject({ policies: [{ policy: { "policy-domain": "example.net" } }] });
    expect(at.next.calls).toEqual([]);
  });

  it("M34: a day is reported when it is over, and once; what is not wanted is forgotten", async () => {
    await using at = desk({ "TXT _smtp._tls.example.net": ["v=TLSRPTv1; rua=mailto:tls@example.net"], "TXT other.example": ["x"] });
    at.reports.record(seen);
    at.reports.record({ ...seen, domain: "other.example" });
    expect(await at.reports.send()).toEqual([]);
    at.pass(DAY);
    at.reports.record({ domain: "example.net", policy: NONE });
    expect(await at.reports.send()).toMatchObject([{ domain: "example.net", start: START, state: "sent" }, { domain: "other.example", state: "unwanted" }]);
    expect(await at.reports.send()).toEqual([]);
    expect(await at.reports.send({ unfinished: true })).toMatchObject([{ domain: "example.net", start: START + DAY, state: "sent" }]);
    expect(at.next.calls).toHaveLength(2);
  });

  it("M34: what cannot be sent is tried again for a day, and then dropped", async () => {
    const records = { "TXT _smtp._tls.example.net": ["v=TLSRPTv1; rua=mailto:tls@example.net"], "TXT _smtp._tls.down.example": new Error("DNS is down") };
    await using at = desk(records, { to: fake({ "tls@example.net": ["deferred", "deferred", "accepted"] }) });
    for (const domain of ["example.net", "down.example"]) at.reports.record({ ...seen, domain });
    const states = async (hours: number): Promise<readonly string[]> => {
      at.pass(hours * 3_600_000);
      return (await at.reports.send()).map(({ state }) => state);
    };
    expect(await states(13)).toEqual(["failed", "failed"]);
    expect(await states(1)).toEqual(["failed", "failed"]);
    expect(await states(1)).toEqual(["sent", "failed"]);
    expect(await states(24)).toEqual(["dropped"]);
    expect(at.outcomes.at(-1)).toMatchObject({ domain: "down.example", message: expect.stringContaining("DNS is down") });
  });

  it("M34: what nobody takes is dropped at once", async () => {
    await using at = desk(undefined, { to: fake({ "tls@example.net": "rejected" }) });
    at.reports.record(seen);
    at.pass(DAY);
    expect(await at.reports.send()).toMatchObject([{ state: "dropped", message: expect.stringContaining("tls@example.net rejected") }]);
    expect(await at.reports.send()).toEqual([]);
  });

  it("M34: leave by themselves after midnight (UTC)", async () => {
    const sent = Promise.withResolvers<ReportOutcome>();
    let now = START + DAY - 20;
    await using reports = tlsReports({
      organization: "Sender", contact: "tls@sender.example", to: fake(), resolver: table({ "TXT _smtp._tls.example.net": ["v=TLSRPTv1; rua=mailto:tls@example.net"] }),
      clock: () => now, random: () => 0, onReport: sent.resolve,
    });
    reports.record(seen);
    now += 20;
    expect(await sent.promise).toMatchObject({ domain: "example.net", state: "sent" });
  });

  it("keep no more domains, policies and kinds of failure than they may", async () => {
    await using at = desk(undefined, { maxDomains: 1 });
    for (let index = 0; index < 500; index += 1) {
      at.reports.record({ ...seen, failure: { result: "validation-failure", reason: String(index) } });
      at.reports.record({ ...seen, policy: { ...TLSA, strings: [String(index)] } });
      at.reports.record({ ...seen, domain: `${index}.example` });
    }
    at.pass(DAY);
    expect(await at.reports.send()).toHaveLength(1);
    const report = reportIn(at.next.calls[0]?.bytes);
    expect(report).toMatchObject({ policies: expect.objectContaining({ length: 20 }) });
    expect(report).toMatchObject({ policies: { 0: { summary: { "total-failure-session-count": 500 }, "failure-details": expect.objectContaining({ length: 100 }) } } });
  });

  it.each([
    [["v=TLSRPTv1; rua=mailto:tls@example.net"], [{ mailto: "tls@example.net" }]],
    [["v=TLSRPTv1;rua=mailto:a@x.example,https://x.example/r?a=1"], [{ mailto: "a@x.example" }, { https: "https://x.example/r?a=1" }]],
    [["v=spf1 -all", "v=TLSRPTv1; rua=mailto:a%2Bb@x.example?subject=x;"], [{ mailto: "a+b@x.example" }]],
    [["v=TLSRPTv1; rua=mailto:a@x.example", "v=TLSRPTv1; rua=mailto:b@x.example"], []],
    [["v=TLSRPTv1; rua=http://x.example/,ftp://x.example/,mailto:a,mailto:%0d%0aBcc:b@x.example,nonsense"], []],
    [["v=TLSRPTv1; rua=mailto:%zz@x.example"], []],
    [["v=TLSRPTv1;"], []],
    [["v=TLSRPTv2; rua=mailto:a@x.example"], []],
    [[], []],
  ])("M34: %j asks for %j", (records, targets) => {
    expect(reportTargets(records)).toEqual(targets);
  });

  it("M34: a record leads to nothing that could end a header line", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string().map((each) => `https://x.example/${each}`), fc.string().map((each) => `mailto:${each}@x.example`), fc.string().map((each) => `mailto:${encodeURIComponent(each.toWellFormed())}@x.example`)), (uri) =>
        reportTargets([`v=TLSRPTv1; rua=${uri}`]).every((target) => ("mailto" in target ? /^[!-~]+$/ : /^https:\/\/[!-~]+$/).test(Object.values(target).join("")))),
    );
  });

  it.each([{ contact: "nobody" }, { contact: "a@b\r\nBcc: c@d" }, { organization: "a\r\nb" }, { submitter: "a b" }, { sendingIp: "host" }, { to: undefined }])("#73: %o is refused", (wrong) => {
    // @ts-expect-error JavaScript callers can pass anything
    expect(() => tlsReports({ organization: "Sender", contact: "tls@sender.example", to: fake(), ...wrong })).toThrow(ConfigError);
  });
});

describe("TLS reports and delivery", () => {
  it("M33 M34: sessions are counted, not mails; and a report is in no report", async () => {
    const certificate = testCertificate({ issuer: "self" });
    await using hosts = await farm({ tls: certificate }, {});
    await using dns = await dnsServer({
      "MX example.net": ["10 mx.example.net"], "A mx.example.net": [hosts.host(0)], "MX plain.example": ["10 mx.plain.example"], "A mx.plain.example": [hosts.host(1)],
      "TXT _smtp._tls.example.net": ["v=TLSRPTv1; rua=mailto:tls@example.net"], "TXT _smtp._tls.plain.example": ["v=TLSRPTv1; rua=mailto:tls@plain.example"],
    });
    let now = START;
    const observed: TlsObservation[] = [];
    await using sender = mx(local(dns, hosts.port, { clock: () => now, tlsReports: { record: (each) => (observed.push(each), reports.record(each)) } }));
    const options = { organization: "Sender", contact: "tls@sender.example", to: sender, clock: () => now };
    await using reports: TlsReports = tlsReports({ ...options, resolver: { resolve: (name) => Promise.resolve({ state: "found", records: [...textOf(dns.zone[`TXT ${name}`])], name, secure: false, ttl: 60 }) } });
    const outcomes: Outcome[] = [];
    for (let count = 0; count < 5; count += 1) {
      outcomes.push(...(await sender.send(mail({ to: ["bob@example.net", "eve@plain.example"] }))).outcomes);
    }
    expect(outcomes.every(({ kind }) => kind === "accepted")).toBe(true);
    expect(observed.toSorted((a, b) => a.domain.localeCompare(b.domain))).toEqual([
      { domain: "example.net", policy: NONE, host: "mx.example.net", address: hosts.host(0) },
      { domain: "plain.example", policy: NONE, host: "mx.plain.example", address: hosts.host(1), failure: { result: "starttls-not-supported" } },
    ]);
    now += DAY;
    expect(await reports.send()).toMatchObject([{ state: "sent" }, { state: "sent" }]);
    expect(hosts.peers.map(({ messages }) => messages.at(-1)?.to[0]?.address)).toEqual(["tls@example.net", "tls@plain.example"]);
    expect(observed).toHaveLength(2);
  });
});

function textOf(entry: unknown): readonly string[] {
  return Array.isArray(entry) ? entry.map(String) : [];
}
