import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Fake } from "@postroad/testing/fake";
import { fake } from "@postroad/testing/fake";
import { describe, expect, it, onTestFinished } from "vitest";
import type { KeptDay, ReportOutcome, TlsObservation, TlsReportStore, TlsReports } from "../src/index.ts";
import { tlsReports } from "../src/index.ts";
import { table } from "./support.ts";

const DAY = 86_400_000;
const START = Date.UTC(2026, 2, 1);
const NONE = { type: "no-policy-found", strings: [], mxHosts: [] } as const;
const STS = { type: "sts", strings: ["version: STSv1", "mode: testing"], mxHosts: ["mx.example.net"] } as const;
const seen: TlsObservation = { domain: "example.net", policy: STS, host: "mx.example.net", address: "192.0.2.1" };
const failed: TlsObservation = { ...seen, failure: { result: "certificate-expired", reason: "CERT_HAS_EXPIRED" } };

function started(store: TlsReportStore, clock: () => number, onReport: (outcome: ReportOutcome) => void = () => undefined): { readonly reports: TlsReports; readonly to: Fake } {
  const to = fake();
  const resolver = table({ "TXT _smtp._tls.example.net": ["v=TLSRPTv1; rua=mailto:tls@example.net"] });
  return { to, reports: tlsReports({ organization: "Sender Inc.", contact: "tls@sender.example", to, resolver, store, clock, random: () => 0, onReport }) };
}

/** The report that a mail carries. */
function reportIn(bytes: Uint8Array | undefined): unknown {
  const [, body = ""] = /filename="[^"]+\.json\.gz"\r\n\r\n([^-]+)--=_/.exec(Buffer.from(bytes ?? []).toString("latin1")) ?? [];
  return JSON.parse(gunzipSync(Buffer.from(body, "base64")).toString());
}

/** A place for a file that is gone with the test. */
async function tempFile(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "postroad-test-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  return join(directory, "days.json");
}

describe("the store of TLS reports", () => {
  it("M34: a restart loses no counts and sends what is due under the same id; what was sent is not kept", async () => {
    const file = await tempFile();
    const store: TlsReportStore = { load: async () => JSON.parse(await readFile(file, "utf8").catch(() => "[]")), save: (days) => writeFile(file, JSON.stringify(days)) };
    const before = started(store, () => START);
    for (const each of [seen, failed, { domain: "example.net", policy: NONE }]) before.reports.record(each);
    await before.reports[Symbol.asyncDispose]();
    const [day]: readonly KeptDay[] = await store.load();
    let now = START;
    const after = started(store, () => now);
    // Before what was kept is read, as after.
    for (const each of [seen, failed]) after.reports.record(each);
    now += DAY;
    expect(await after.reports.send()).toMatchObject([{ state: "sent" }]);
    await after.reports[Symbol.asyncDispose]();
    expect(reportIn(after.to.calls[0]?.bytes)).toMatchObject({
      "report-id": day?.id,
      policies: [
        { summary: { "total-successful-session-count": 2, "total-failure-session-count": 2 }, "failure-details": [{ "failed-session-count": 2 }] },
        { summary: { "total-successful-session-count": 1, "total-failure-session-count": 0 } },
      ],
    });
    expect(await store.load()).toEqual([]);
  });

  it("M34: a day that ended while nobody was there is reported by itself", async () => {
    const sent = Promise.withResolvers<ReportOutcome>();
    const policies = [{ policy: NONE, succeeded: 3, failed: 0, failures: [] }];
    const store: TlsReportStore = { load: async () => [{ id: "1", domain: "example.net", start: START - DAY, policies }], save: async () => undefined };
    await using reports = started(store, () => START, sent.resolve).reports;
    expect(await sent.promise).toMatchObject({ domain: "example.net", start: START - DAY, state: "sent" });
    expect(await reports.send()).toEqual([]);
  });

  it("M34: a store that does not load is not written over, and one that does not save is a warning", async () => {
    const warnings: string[] = [];
    const onWarning = ({ message }: Error): void => void warnings.push(message);
    process.on("warning", onWarning);
    let state: "broken" | "read-only" | "fine" = "broken";
    const saved: (readonly KeptDay[])[] = [];
    const store: TlsReportStore = {
      load: () => (state === "broken" ? Promise.reject(new Error("no disk")) : Promise.resolve([])),
      save: (days) => (state === "fine" ? Promise.resolve(void saved.push(days)) : Promise.reject(new Error("read-only"))),
    };
    const { reports } = started(store, () => START);
    reports.record(seen);
    expect(await reports.send()).toEqual([]);
    state = "read-only";
    await reports.send();
    state = "fine";
    await reports[Symbol.asyncDispose]();
    await new Promise(setImmediate);
    process.off("warning", onWarning);
    expect(saved).toMatchObject([[{ domain: "example.net", policies: [{ succeeded: 1 }] }]]);
    expect(warnings).toEqual(expect.arrayContaining([expect.stringContaining("does not load: no disk"), expect.stringContaining("does not save: read-only")]));
  });
});
