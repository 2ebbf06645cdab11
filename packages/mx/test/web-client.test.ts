import { testAuthority, testCertificate } from "@postroad/testing/certificate";
import { fake } from "@postroad/testing/fake";
import { describe, expect, it } from "vitest";
import { addressFilter } from "../src/addresses.ts";
import type { FetchInit, TlsObservation } from "../src/index.ts";
import { mx, tlsReports } from "../src/index.ts";
import { webClient } from "../src/web.ts";
import { dnsServer } from "./dns-server.ts";
import { local, mail, table } from "./support.ts";
import type { Web } from "./web.ts";
import { webServer } from "./web.ts";

const authority = testAuthority();
const certificate = testCertificate({ issuer: authority, names: ["www.example.net"] });

function get(signal: AbortSignal = AbortSignal.timeout(10_000)): FetchInit {
  return { method: "GET", redirect: "error", headers: {}, signal };
}

async function site(answer: Web["answer"] = (_, response) => void response.end("hello")): Promise<Web> {
  return webServer(answer, certificate, authority.cert);
}

/** Asks as mx() would by default, but for the port and the authority of the test's server. */
async function asked(web: Web, url: string, records: Parameters<typeof table>[0], allow: readonly string[] = []): Promise<number> {
  const client = webClient({ resolver: table(records), order: "ipv6-first", mayGoTo: addressFilter(allow), port: web.port, ca: authority.cert });
  const { status, body } = await client(url, get());
  await body?.cancel();
  return status;
}

describe("asking by https where others say", () => {
  it("M20: a host is asked at those of its addresses that are allowed", async () => {
    await using web = await site();
    expect(await asked(web, "https://www.example.net/x", { "A www.example.net": ["10.0.0.1", "127.0.0.1"] }, ["127.0.0.1"])).toBe(200);
    expect(web.requests).toEqual(["www.example.net/x"]);
  });

  it.each([
    ["a name that leads to this host", "https://www.example.net/", { "A www.example.net": ["127.0.0.1"] }, /no connection is made to www\.example\.net at 127\.0\.0\.1/],
    ["a name that leads inside by IPv6", "https://www.example.net/", { "AAAA www.example.net": ["fd00::1", "::ffff:127.0.0.1"] }, /no connection is made/],
    ["a name that has no address", "https://www.example.net/", { "TXT www.example.net": ["x"] }, /has no address/],
    ["an address", "https://127.0.0.1/", {}, /no connection is made to 127\.0\.0\.1/],
    ["an address of IPv6", "https://[::1]/", {}, /no connection is made to ::1/],
    ["an address written as a number", "https://2130706433/", {}, /no connection is made to 127\.0\.0\.1/],
    ["another port", "https://www.example.net:8443/", { "A www.example.net": ["127.0.0.1"] }, /only https on port 443/],
    ["another scheme", "http://www.example.net/", { "A www.example.net": ["127.0.0.1"] }, /only https on port 443/],
  ])("M19 M20 M34: %s is not asked", async (_, url, records, reason) => {
    await using web = await site();
    await expect(asked(web, url, records)).rejects.toThrow(reason);
    expect(web.requests).toEqual([]);
  });

  it("M20: nothing is followed", async () => {
    await using web = await site((_, response) => void response.writeHead(302, { location: "https://www.example.net/other" }).end());
    await expect(web.fetch("https://www.example.net/", get())).rejects.toThrow("it answers 302 and names another place");
    expect(web.requests).toEqual(["www.example.net/"]);
  });

  it("M20: the certificate has to be the host's", async () => {
    await using web = await site();
    await expect(web.fetch("https://other.example.net/", get())).rejects.toMatchObject({ code: "ERR_TLS_CERT_ALTNAME_INVALID" });
  });

  it("M20: the signal ends it, in a body too", async () => {
    await using web = await site((_, response) => void response.write("hel"));
    const patience = new AbortController();
    const { body } = await web.fetch("https://www.example.net/", get(patience.signal));
    const read = async (): Promise<void> => {
      for await (const _ of body ?? []) patience.abort();
    };
    await expect(read()).rejects.toThrow(/abort/i);
  });

  it("M20: mx() asks no web server inside for a policy", async () => {
    await using dns = await dnsServer({ "MX example.net": ["10 mx.example.net"], "A mx.example.net": ["127.0.0.1"], "TXT _mta-sts.example.net": ["v=STSv1; id=1"], "A mta-sts.example.net": ["10.0.0.1"] });
    const observed: TlsObservation[] = [];
    await using transport = mx({ ...local(dns, 1), mtaSts: true, tlsReports: { record: (each) => void observed.push(each) } });
    await transport.send(mail());
    expect(observed[0]?.failure).toMatchObject({ result: "sts-policy-fetch-error", reason: expect.stringContaining("no connection is made to mta-sts.example.net at 10.0.0.1") });
  });

  it("M34: tlsReports() brings no report to a web server inside", async () => {
    const resolver = table({ "TXT _smtp._tls.example.net": ["v=TLSRPTv1; rua=https://tls.example.net/,https://169.254.169.254/"], "A tls.example.net": ["192.168.0.1"] });
    await using reports = tlsReports({ organization: "Sender Inc.", contact: "tls@sender.example", to: fake(), resolver });
    reports.record({ domain: "example.net", policy: { type: "no-policy-found", strings: [], mxHosts: [] } });
    const [outcome] = await reports.send({ unfinished: true });
    expect(outcome).toMatchObject({ state: "failed", message: expect.stringMatching(/tls\.example\.net at 192\.168\.0\.1.*169\.254\.169\.254 at 169\.254\.169\.254/) });
  });
});
