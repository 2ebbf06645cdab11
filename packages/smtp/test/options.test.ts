import { ConfigError } from "@postroad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SmtpOptions } from "../src/index.ts";
import { lmtp, smtp } from "../src/index.ts";
import { resolveOptions } from "../src/resolve.ts";
import { optionsOfUrl } from "../src/url.ts";
import { testCertificate } from "@postroad/testing/certificate";
import { modelPeer } from "@postroad/testing/peer";
import { kinds, mail, thrownBy } from "./support.ts";

const SECRET = "s3cr3t-canary";

/** What the ConfigError for these options says; options may be as wrong as JavaScript allows. */
async function complaint(json: string): Promise<string> {
  const error = await thrownBy(() => smtp(JSON.parse(json)));
  expect(error).toBeInstanceOf(ConfigError);
  return error.message;
}

describe("options", () => {
  it.each([
    ['{"host":"x","requireTls":true}', /requireTls is not an option/],
    ['{"host":"x","secruity":"tls"}', /did you mean security\?/],
    ['{"host":"x","Port":25}', /did you mean port\?/],
    ['{"host":"x","timeouts":{"gretting":1}}', /did you mean greeting\?/],
    ['{"host":"x","pool":{"connection":1}}', /did you mean connections\?/],
    ['{"host":"x","port":"25"}', /port must be a whole number/],
    ['{"host":"x","port":0}', /port must be a whole number/],
    ['{"host":"x","security":"ssl"}', /security must be one of tls, starttls/],
    ['{"host":"x","pool":0}', /pool must be a whole number/],
    ['{"host":"x","pool":null}', /pool must be/],
    ['{"host":"x","pool":{"connections":1e9}}', /connections must be/],
    ['{"host":"x","deadline":2147483648}', /deadline must be/],
    ['{"host":"x","timeouts":{"final":0}}', /final must be/],
    ['{"host":"x y"}', /host must be/],
    ['{"host":"x\\r\\ny"}', /host must be/],
    ['{"host":"x","name":"a\\r\\nMAIL"}', /name must be/],
    ['{"host":"x","name":"a b"}', /name must be/],
    ['{}', /host/],
    ['{"host":"x","auth":{"user":"","pass":"y"}}', /user must not be empty/],
    ['{"host":"x","auth":{"user":"u"}}', /pass/],
  ])("#73: %s", async (json, message) => {
    expect(await complaint(json)).toMatch(message);
  });

  it.each([
    ['{"host":"x","port":465,"security":"starttls"}', /465/],
    ['{"host":"x","port":587,"security":"tls"}', /587/],
    ['{"host":"x","tls":{"rejectUnauthorized":false}}', /insecureAcceptAnyCertificate/],
    ['{"host":"x","tls":{"minVersion":"TLSv1.1"}}', /TLSv1.2/],
    ['{"host":"x","security":"none","auth":{"user":"u","pass":"p"}}', /insecureCleartextAuth/],
  ])("#73 #74: contradictions: %s", async (json, message) => {
    expect(await complaint(json)).toMatch(message);
  });

  it("#73: names all that is wrong at once", async () => {
    const error = await thrownBy(() => smtp(JSON.parse('{"host":"x","port":0,"securty":1}')));
    expect(error instanceof ConfigError && error.issues.map(({ path }) => path)).toEqual(["port", "securty"]);
  });

  it("undefined counts as not given, at every level", () => {
    const expected = resolveOptions({ host: "x" });
    const undefineds = Object.fromEntries(["port", "security", "tls", "deadline", "pipelining", "window"].map((key) => [key, undefined]));
    const nested: Partial<SmtpOptions> = JSON.parse("{}");
    Object.assign(nested, { pool: { connections: undefined, idle: undefined }, timeouts: { final: undefined } });
    expect(resolveOptions({ host: "x", ...undefineds })).toEqual(expected);
    expect(resolveOptions({ host: "x", ...nested })).toEqual(expected);
  });

  it.each<[SmtpOptions, Partial<SmtpOptions>]>([
    [{ host: "x" }, { port: 587, security: "starttls" }],
    [{ host: "x", port: 465 }, { security: "tls" }],
    [{ host: "x", security: "tls" }, { port: 465 }],
    [{ host: "x", port: 2525 }, { security: "starttls" }],
  ])("C24: safe defaults for %j", (given, expected) => {
    expect(resolveOptions(given)).toMatchObject(expected);
  });

  it("#75: secrets in the wrong place are not shown", async () => {
    const wrong = [
      `{"host":"x","auth":"u:${SECRET}"}`, `{"host":"x","tls":"${SECRET}"}`, `{"host":"x","auth":{"user":"u","password":"${SECRET}"}}`,
      `{"host":"smtps://u:${SECRET}@x"}`, `{"host":"x","name":"a ${SECRET}"}`, `{"host":"x","auth":{"user":"u","pass":["${SECRET}"]}}`,
      `{"host":"x","auth":{"user":"u","pass":"${SECRET}\\u0000"}}`,
    ];
    for (const json of wrong) expect(await complaint(json)).not.toContain(SECRET);
  });
});

describe("options: URL (#78)", () => {
  it("reads user, password, host, port and parameters", () => {
    expect(optionsOfUrl("smtps://user:pass@host:465?pool=5&name=me.example&deadline=1000&pipelining=false", "smtp")).toEqual({
      host: "host", port: 465, security: "tls", auth: { user: "user", pass: "pass" }, pool: 5, name: "me.example", deadline: 1000, pipelining: false,
    });
    expect(resolveOptions(optionsOfUrl("smtp://host", "smtp"))).toMatchObject({ port: 587, security: "starttls" });
  });

  it("any user and password make the round trip", () => {
    const word = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => !text.includes("\0"));
    fc.assert(
      fc.property(word, word, (user, pass) => {
        const url = `smtps://${encodeURIComponent(user)}:${encodeURIComponent(pass)}@host`;
        expect(optionsOfUrl(url, "smtp").auth).toEqual({ user, pass });
      }),
    );
  });

  it.each([
    ["smtp://[::1]:2525", { host: "::1", port: 2525 }],
    ["smtp://bücher.example", { host: "bücher.example" }],
    ["smtps://u:p@ss@host", { auth: { user: "u", pass: "p@ss" }, host: "host" }],
    ["smtps://u@x.example:p:q@host", { auth: { user: "u@x.example", pass: "p:q" }, host: "host" }],
    ["smtp://host?security=opportunistic", { security: "opportunistic" }],
  ])("%s", (url, expected) => {
    expect(optionsOfUrl(url, "smtp")).toMatchObject(expected);
  });

  it.each([
    [`smtps://u:${SECRET}/x@host`, /url/], [`smtps://u:1/${SECRET}@host`, /percent-encode a \//], [`smtps://u:1?${SECRET}@host`, /percent-encode a \?/],
    [`smtps://u:1#${SECRET}@host`, /percent-encode a #|url/], [`smtps://u:${SECRET}%zz@host`, /%25/], [`http://u:${SECRET}@host`, /smtps:\/\//], [SECRET, /url/],
    ["smtp://", /url/], ["smtp://h?pol=5", /did you mean pool\?/], ["smtp://h?pool=many", /whole number/], ["smtp://h?pool=0", /whole number/],
    ["smtp://h?pipelining=no", /true or false/], ["smtp://h?security=ssl", /one of/], ["smtps://h?security=none", /contradicts/],
    ["smtps://h:587", /587/], ["smtp://h:465?security=starttls", /465/], ["smtp://%zz", /url/], ["smtp://:pw@h", /user/],
  ])("%s is refused without showing a secret", async (url, message) => {
    const error = await thrownBy(() => smtp(url));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain(SECRET);
  });

  it("options go before the URL, but do not take its s away", async () => {
    expect(optionsOfUrl("smtps://h?pool=5", "smtp", { pool: 2, tls: JSON.parse("{}") })).toMatchObject({ pool: 2, security: "tls" });
    expect((await thrownBy(() => smtp("smtps://h", { security: "none" }))).message).toContain("contradicts");
  });

  it("sends to where it points", async () => {
    const tls = testCertificate();
    await using peer = await modelPeer({ tls, implicitTls: true, users: { "a@x": "p@:/?#%ü" } });
    const url = `smtps://a%40x:${encodeURIComponent("p@:/?#%ü")}@localhost:${peer.port}?pool=1`;
    await using transport = smtp(url, { tls: { ca: tls.ca } });
    expect(kinds(await transport.send(mail()))).toEqual(["accepted"]);
    expect(transport.name).toBe(`smtp:localhost:${peer.port}`);
  });

  it.each([
    [smtp("smtps://h.example"), "smtp:h.example"],
    [smtp("smtp://h.example:587"), "smtp:h.example"],
    [smtp("smtp://h.example:465?security=tls"), "smtp:h.example"],
    [smtp("smtp://h.example:2525"), "smtp:h.example:2525"],
    [smtp({ host: "::1", port: 2525, security: "none" }), "smtp:[::1]:2525"],
    [smtp("smtp://h.example:2525?label=bulk"), "smtp:bulk"],
    [smtp("gmail", { auth: { user: "a", pass: "b" }, label: "ann" }), "smtp:ann"],
    [lmtp("lmtp://h.example"), "lmtp:h.example"],
    [lmtp("lmtp://h.example:2424"), "lmtp:h.example:2424"],
    [lmtp({ socketPath: "/run/lmtp", label: "store" }), "lmtp:store"],
  ])("#%#: its name tells it from others of the host: %s", async (transport, name) => {
    await using own = transport;
    expect(own.name).toBe(name);
  });

  it.each(["", "a b", "a(b)", "a\tb", "x".repeat(101)])("no label is %j, which would be no name in an expression", async (label) => {
    expect((await thrownBy(() => smtp({ host: "h.example", label }))).message).toContain("label must be");
  });
});
