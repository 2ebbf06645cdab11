import { Refusal } from "@postroad/core";
import type { TestCertificate } from "@postroad/testing/certificate";
import { testAuthority, testCertificate } from "@postroad/testing/certificate";
import fc from "fast-check";
import { parsePolicy as judgePolicy, validateMx } from "mailauth/lib/mta-sts.js";
import { describe, expect, it } from "vitest";
import type { Fetch, KeptPolicy, MxOptions, PolicyStore, TlsObservation } from "../src/index.ts";
import { allowsHost, parsePolicy } from "../src/policy/sts-policy.ts";
import { stsId } from "../src/policy/sts-record.ts";
import type { FindPolicy } from "../src/policy/sts.ts";
import { stsPolicies } from "../src/policy/sts.ts";
import type { Zone } from "./dns-server.ts";
import type { Farm, World } from "./support.ts";
import { first, kinds, mail, table, world } from "./support.ts";
import type { Web } from "./web.ts";
import { webServer } from "./web.ts";

const authority = testAuthority();
const POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mx.example.net\r\nmx: *.mail.example.net\r\nmax_age: 86400\r\n";
/** A web server for the policy of example.net. */
function web(policy: string | Web["answer"] = POLICY, certificate: TestCertificate = testCertificate({ issuer: authority, names: ["mta-sts.example.net"] })): Promise<Web> {
  return webServer(policy, certificate, authority.cert);
}

const RECORD = { "TXT _mta-sts.example.net": ["v=STSv1; id=1;"] };

describe("MTA-STS records", () => {
  it.each([
    [["v=STSv1; id=20160831085700Z;"], "20160831085700Z"],
    [["v=STSv1;id=1"], "1"],
    [["v=spf1 -all", "v=STSv1; id=1; x=y"], "1"],
    [["v=STSv1; id=1;", "v=STSv1; id=2;"], undefined],
    [["v=STSv1; id=a-b;"], undefined],
    [["v=STSv1;"], undefined],
    [["v=STSv1 id=1"], undefined],
    [["v=STSv10; id=1"], undefined],
    [[], undefined],
  ])("M20: %j has the id %s", (records, id) => {
    expect(stsId(records)).toBe(id);
  });
});

describe("MTA-STS policies", () => {
  it("M20: is read line by line, with either line end; what is unknown is ignored", () => {
    expect(parsePolicy(POLICY)).toMatchObject({ mode: "enforce", mx: ["mx.example.net", "*.mail.example.net"], maxAge: 86_400 });
    expect(parsePolicy(POLICY.replaceAll("\r\n", "\n"))).toEqual(parsePolicy(POLICY));
    expect(parsePolicy(`${POLICY}mode: none\r\nfuture: 1\r\nnonsense\r\n`).mode).toBe("enforce");
    expect(parsePolicy("version: STSv1\nmode: none\nmax_age: 1\n")).toMatchObject({ mode: "none", mx: [] });
  });

  it.each([
    ["", /version/], ["version: STSv2\nmode: none\nmax_age: 1", /version/], ["version: STSv1\nmode: strict\nmx: a.b\nmax_age: 1", /mode/],
    ["version: STSv1\nmode: none", /max_age/], ["version: STSv1\nmode: none\nmax_age: -1", /max_age/], ["version: STSv1\nmode: enforce\nmax_age: 1", /no mx/],
    ["version: STSv1\nmode: enforce\nmx: a..b\nmax_age: 1", /no host/], ["version: STSv1\nmode: enforce\nmx: a.*.b\nmax_age: 1", /no host/],
  ])("M20: %j is refused", (text, message) => {
    expect(() => parsePolicy(text)).toThrow(message);
  });

  it("M23: max_age is about a year at most", () => {
    expect(parsePolicy("version: STSv1\nmode: none\nmax_age: 9999999999").maxAge).toBe(31_557_600);
  });

  it.each([
    ["mx.example.net", true], ["MX.example.net", false], ["a.mail.example.net", true], ["a.b.mail.example.net", false], ["mail.example.net", false], ["xmx.example.net", false], ["net", false],
  ])("M21: the policy lists %s: %s", (host, listed) => {
    expect(allowsHost(parsePolicy(POLICY), host)).toBe(listed);
  });

  const label = fc.stringMatching(/^[a-z][a-z0-9]{0,3}$/);
  const host = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
  const pattern = fc.tuple(fc.boolean(), host).map(([wild, name]) => (wild ? `*.${name}` : name));

  it("M21: agrees with mailauth on policies and hosts", () => {
    fc.assert(
      fc.property(fc.constantFrom("enforce", "testing", "none"), fc.array(pattern, { minLength: 1 }), fc.nat(31_557_600), host, (mode, mx, age, name) => {
        const text = ["version: STSv1", `mode: ${mode}`, ...mx.map((each) => `mx: ${each}`), `max_age: ${age}`].join("\n");
        const [ours, theirs] = [parsePolicy(text), judgePolicy(text, { strict: true })];
        expect({ mode: ours.mode, maxAge: ours.maxAge, mx: [...new Set(ours.mx)] }).toEqual({ mode: theirs.mode, maxAge: theirs.maxAge, mx: theirs.mx });
        const target = name.length % 2 === 0 ? (mx[0] ?? "").replace("*", "a") : name;
        expect(ours.mode === "none" || allowsHost(ours, target)).toBe(validateMx(target, theirs).valid);
      }),
    );
  });

  it("gives a policy or an Error for any text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.array(fc.constantFrom("version: STSv1", "mode: enforce", "mx: a.b", "max_age: 1", "mx:", ":", "mode: ")).map((lines) => lines.join("\n"))), (text) => {
        try {
          return ["enforce", "testing", "none"].includes(parsePolicy(text).mode);
        } catch (error) {
          return error instanceof Error;
        }
      }),
    );
  });
});

describe("fetching and keeping", () => {
  const DAY = 86_400_000;

  interface Clocked {
    readonly find: () => ReturnType<FindPolicy>;
    pass: (milliseconds: number) => void;
    readonly zone: Record<string, readonly string[] | Error>;
  }

  const nowhere: Fetch = () => Promise.reject(new Error("another web"));

  function policies(fetch: Fetch, { store, timeout = 20_000 }: { readonly store?: PolicyStore; readonly timeout?: number } = {}): Clocked {
    let now = 1_000_000;
    const zone: Record<string, readonly string[] | Error> = { ...RECORD };
    const find = stsPolicies(table(zone), { fetch, timeout, ...(store !== undefined && { store }) }, nowhere, () => now);
    return { find: () => find("example.net", {}), pass: (milliseconds) => void (now += milliseconds), zone };
  }

  it.each(["fetch", "platform"] as const)("M20: comes from the well-known place, with the host's certificate; by %s", async (by) => {
    await using site = await web();
    expect(await policies(site[by]).find()).toMatchObject({ policy: { mode: "enforce" }, failure: undefined });
    expect(site.requests).toEqual(["mta-sts.example.net/.well-known/mta-sts.txt"]);
  });

  it("M20: without a record nothing is fetched", async () => {
    await using site = await web();
    const { find, zone } = policies(site.fetch);
    delete zone["TXT _mta-sts.example.net"];
    expect(await find()).toEqual({ policy: undefined, failure: undefined });
    expect(site.requests).toEqual([]);
  });

  it.each<[string, Web["answer"], string]>([
    ["a redirect", (_, response) => void response.writeHead(302, { location: "https://mta-sts.example.net/other" }).end(), "sts-policy-fetch-error"],
    ["a 404", (_, response) => void response.writeHead(404).end(), "sts-policy-fetch-error"],
    ["another type", (_, response) => void response.setHeader("content-type", "text/html").end(POLICY), "sts-policy-fetch-error"],
    ["too much", (_, response) => void response.setHeader("content-type", "text/plain").end(POLICY + "x: y\r\n".repeat(20_000)), "sts-policy-fetch-error"],
    ["silence", () => undefined, "sts-policy-fetch-error"],
    ["an end in the middle", (_, response) => void response.setHeader("content-type", "text/plain").writeHead(200, { "content-length": "999" }).write(POLICY, () => response.destroy()), "sts-policy-fetch-error"],
    ["nonsense", (_, response) => void response.setHeader("content-type", "text/plain").end("hello"), "sts-policy-invalid"],
  ])("M20 M33: %s is no policy", async (what, answer, result) => {
    await using site = await web(answer);
    expect(await policies(site.fetch, { timeout: what === "silence" ? 500 : 20_000 }).find()).toMatchObject({ policy: undefined, failure: { result, message: expect.stringContaining("mta-sts.example.net") } });
    expect(site.requests).toHaveLength(1);
  });

  it.each([
    ["of another name", testCertificate({ issuer: authority, names: ["example.net"] })],
    ["expired", testCertificate({ issuer: authority, names: ["mta-sts.example.net"], expired: true })],
    ["of nobody's authority", testCertificate({ names: ["mta-sts.example.net"] })],
  ])("M20 M33: a certificate %s is no policy", async (_, certificate) => {
    await using site = await web(POLICY, certificate);
    expect(await policies(site.fetch).find()).toMatchObject({ policy: undefined, failure: { result: "sts-webpki-invalid" } });
    expect(site.requests).toEqual([]);
  });

  it("M23: is kept for max_age, and renewed when half of it is over or the id is another", async () => {
    await using site = await web();
    const { find, pass, zone } = policies(site.fetch);
    const fetched = async (): Promise<number> => {
      await Promise.all([find(), find(), find()]);
      return site.requests.length;
    };
    expect(await fetched()).toBe(1);
    pass(DAY / 2 - 1);
    expect(await fetched()).toBe(1);
    pass(1);
    expect(await fetched()).toBe(2);
    zone["TXT _mta-sts.example.net"] = ["v=STSv1; id=2"];
    expect(await fetched()).toBe(3);
  });

  it("M23: outlives its record, DNS and the web server, until max_age is over", async () => {
    await using site = await web();
    const { find, pass, zone } = policies(site.fetch);
    await find();
    delete zone["TXT _mta-sts.example.net"];
    expect(await find()).toMatchObject({ policy: { mode: "enforce" } });
    zone["TXT _mta-sts.example.net"] = new Error("DNS is down");
    pass(DAY - 1000);
    expect(await find()).toMatchObject({ policy: { mode: "enforce" } });
    zone["TXT _mta-sts.example.net"] = ["v=STSv1; id=2"];
    site.answer = (_, response) => void response.writeHead(503).end();
    expect(await find()).toMatchObject({ policy: { mode: "enforce" }, failure: { result: "sts-policy-fetch-error" } });
    pass(1000);
    expect((await find()).policy).toBeUndefined();
  });

  it("M23: is not asked for again right after a failure", async () => {
    await using site = await web((_, response) => void response.writeHead(503).end());
    const { find, pass } = policies(site.fetch);
    for (const [wait, requests] of [[0, 1], [299_000, 1], [1_000, 2]] as const) {
      pass(wait);
      expect(await find()).toMatchObject({ policy: undefined, failure: { result: "sts-policy-fetch-error" } });
      expect(site.requests).toHaveLength(requests);
    }
  });

  it("M23: a store of one's own brings it over a restart; one that fails defers rather than forgets", async () => {
    await using site = await web();
    const rows = new Map<string, string>();
    const store: PolicyStore = {
      async get(domain) {
        const kept: KeptPolicy | null = JSON.parse(rows.get(domain) ?? "null");
        return kept ?? undefined;
      },
      set: async (domain, kept) => void rows.set(domain, JSON.stringify(kept)),
    };
    await policies(site.fetch, { store }).find();
    const next = policies(site.fetch, { store });
    delete next.zone["TXT _mta-sts.example.net"];
    expect(await next.find()).toMatchObject({ policy: { mode: "enforce" } });
    expect(site.requests).toHaveLength(1);
    const broken: PolicyStore = { ...store, get: () => Promise.reject(new Error("disk")) };
    await expect(policies(site.fetch, { store: broken }).find()).rejects.toBeInstanceOf(Refusal);
  });
});

describe("delivery under a policy", () => {
  const good = testCertificate({ issuer: authority, names: ["mx.example.net"] });
  const testing = POLICY.replace("enforce", "testing");

  async function under(
    policy: string,
    certificate: TestCertificate | undefined,
    zone: (hosts: Farm) => Zone = () => ({}),
    options: MxOptions = {},
    secure: boolean = false,
  ): Promise<World & { readonly observed: readonly TlsObservation[] }> {
    const observed: TlsObservation[] = [];
    const site = await web(policy);
    const at = await world([certificate === undefined ? {} : { tls: certificate }], (hosts) => ({
      "MX example.net": ["10 mx.example.net"], "A mx.example.net": [hosts.host(0)], ...RECORD, ...zone(hosts),
    }), { mtaSts: { fetch: site.fetch }, tls: { ca: authority.cert }, tlsReports: { record: (each) => void observed.push(each) }, ...options }, { secure });
    return {
      ...at,
      observed,
      async [Symbol.asyncDispose]() {
        await at[Symbol.asyncDispose]();
        await site[Symbol.asyncDispose]();
      },
    };
  }

  it("M22: enforce: a listed host with a valid certificate gets the mail", async () => {
    await using at = await under(POLICY, good);
    expect(kinds(await at.transport.send(mail()))).toEqual(["accepted"]);
    expect(at.observed).toMatchObject([{ domain: "example.net", host: "mx.example.net", policy: { type: "sts", mxHosts: ["mx.example.net", "*.mail.example.net"] } }]);
    expect(at.observed[0]).not.toHaveProperty("failure");
  });

  it.each([
    ["of another name", testCertificate({ issuer: authority, names: ["elsewhere.example"] }), "certificate-host-mismatch"],
    ["expired", testCertificate({ issuer: authority, names: ["mx.example.net"], expired: true }), "certificate-expired"],
    ["of nobody's authority", testCertificate({ issuer: "self", names: ["mx.example.net"] }), "certificate-not-trusted"],
  ])("M22: a certificate %s: enforce waits, testing delivers; both are reported", async (_, certificate, result) => {
    await using strict = await under(POLICY, certificate);
    expect(first(await strict.transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.5", diagnosis: { phase: "tls" } });
    expect(strict.hosts.peers[0]?.messages).toEqual([]);
    await using lenient = await under(testing, certificate);
    expect(kinds(await lenient.transport.send(mail()))).toEqual(["accepted"]);
    for (const { observed } of [strict, lenient]) expect(observed).toMatchObject([{ policy: { type: "sts" }, failure: { result } }]);
  });

  it("M22: no TLS: enforce waits, testing delivers in clear text; both are reported", async () => {
    await using strict = await under(POLICY, undefined);
    expect(first(await strict.transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.4" });
    await using lenient = await under(testing, undefined);
    expect(kinds(await lenient.transport.send(mail()))).toEqual(["accepted"]);
    for (const { observed } of [strict, lenient]) expect(observed).toMatchObject([{ failure: { result: "starttls-not-supported" } }]);
  });

  it("M22: a host that is not listed: enforce passes it over, testing does not", async () => {
    const other = (hosts: Farm): Zone => ({ "MX example.net": ["5 rogue.example"], "A rogue.example": [hosts.host(0)] });
    await using strict = await under(POLICY, good, other);
    expect(first(await strict.transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.5", diagnosis: { phase: "policy" }, remote: "rogue.example" });
    expect(strict.hosts.peers[0]?.connections.total).toBe(0);
    await using lenient = await under(testing, good, other);
    expect(kinds(await lenient.transport.send(mail()))).toEqual(["accepted"]);
    for (const { observed } of [strict, lenient]) expect(observed[0]).toMatchObject({ host: "rogue.example", policy: { type: "sts" }, failure: { result: "validation-failure" } });
    await using both = await under(POLICY, good, (hosts) => ({ ...other(hosts), "MX example.net": ["5 rogue.example", "10 mx.example.net"], "A rogue.example": [hosts.host(1)] }));
    expect(first(await both.transport.send(mail()))).toMatchObject({ kind: "accepted", remote: expect.stringContaining("mx.example.net") });
  });

  it("mode none, and a policy that cannot be had, leave TLS opportunistic; the latter is reported", async () => {
    await using none = await under("version: STSv1\nmode: none\nmax_age: 1", undefined);
    expect(kinds(await none.transport.send(mail()))).toEqual(["accepted"]);
    await using broken = await under("hello", undefined);
    expect(kinds(await broken.transport.send(mail()))).toEqual(["accepted"]);
    expect(broken.observed).toMatchObject([{ policy: { type: "sts" }, failure: { result: "sts-policy-invalid" } }, { failure: { result: "starttls-not-supported" } }]);
  });

  it("M24: DANE goes first: its success is enough, and its failure is one", async () => {
    const own = testCertificate({ issuer: "self", names: ["elsewhere.example"] });
    const { X509Certificate, createHash } = await import("node:crypto");
    const spki = createHash("sha256").update(new X509Certificate(own.cert).publicKey.export({ type: "spki", format: "der" })).digest("hex");
    await using dane = await under(POLICY, own, (hosts) => ({ [`TLSA _${hosts.port}._tcp.mx.example.net`]: [`3 1 1 ${spki}`] }), {}, true);
    expect(kinds(await dane.transport.send(mail()))).toEqual(["accepted"]);
    await using failing = await under(POLICY, good, (hosts) => ({ [`TLSA _${hosts.port}._tcp.mx.example.net`]: [`3 1 1 ${spki}`] }), {}, true);
    expect(first(await failing.transport.send(mail()))).toMatchObject({ status: "4.7.5", diagnosis: { code: "DANE_TLSA_MISMATCH" } });
    await using bogus = await under(POLICY, good, (hosts) => ({ [`TLSA _${hosts.port}._tcp.mx.example.net`]: "SERVFAIL" }), {}, true);
    expect(first(await bogus.transport.send(mail()))).toMatchObject({ status: "4.4.3" });
  });

  it("M24 M27: TLSA records of which none is usable prove nothing, so the policy still holds", async () => {
    await using at = await under(POLICY, testCertificate({ issuer: "self" }), (hosts) => ({ [`TLSA _${hosts.port}._tcp.mx.example.net`]: ["0 0 0 aa"] }), {}, true);
    expect(first(await at.transport.send(mail()))).toMatchObject({ kind: "deferred", status: "4.7.5" });
  });

  it("C45: a host that a policy lists is proven enough for mail that requires TLS", async () => {
    for (const policy of [POLICY, testing]) {
      await using at = await under(policy, good);
      // The peer offers no REQUIRETLS: it was asked, over verified TLS.
      expect(first(await at.transport.send(mail({ rest: { requireTls: true } })))).toMatchObject({ status: "5.7.30", diagnosis: { phase: "mail" }, message: expect.stringContaining("does not offer REQUIRETLS") });
    }
  });

  it("domains with the same hosts and other policies go their own ways", async () => {
    await using at = await under(POLICY, testCertificate({ issuer: "self" }), () => ({ "MX other.example": ["10 mx.example.net"] }));
    expect(kinds(await at.transport.send(mail({ to: ["bob@example.net", "bob@other.example"] })))).toEqual(["deferred", "accepted"]);
  });
});
