import type { Transport } from "@postroad/core";
import { compose } from "@postroad/core";
import { fake } from "@postroad/testing/fake";
import { describe, expect, it } from "vitest";
import { failover, health } from "../../routing/src/index.ts";
import { breaker } from "../../shaping/src/index.ts";
import { arc, dkim } from "../src/index.ts";
import type { Signer } from "../src/index.ts";
import { HEADER, bytesOf, ed, mailOf } from "./support.ts";

const stranger = bytesOf(["From: a@other.example", "Subject: Hi"]);
const forwarded = bytesOf(["ARC-Seal: i=1; cv=none; a=rsa-sha256; d=x.example; s=s; b=AA==", ...HEADER]);
const lasting: Signer = { ...ed, timestamp: true, expiresIn: 1000 };

const refusals = [
  ["has no key for the domain", () => dkim([ed, { ...ed, domain: "blog.example" }]), stranger],
  ["cannot get its keys", () => dkim(() => Promise.reject(new Error("no database"))), bytesOf()],
  ["has a wrong clock", () => dkim(lasting, { clock: () => Number.NaN }), bytesOf()],
  ["cannot seal what nobody has validated", () => arc({ ...ed, authServId: "mx.shop.example" }), forwarded],
  ["has a judge who says what cannot be written", () => arc({ ...ed, authServId: "mx.shop.example", judge: () => ({ chain: "none", results: "ü" }) }), bytesOf()],
] as const;

describe.each(refusals)("a signer that %s", (_, sign, bytes) => {
  it("defers with 4.7.0, and failover sends elsewhere but blames no transport", async () => {
    const known = health({ failures: 1 });
    const [a, b] = [fake({}, { name: "a" }), fake({}, { name: "b" })];
    const first = sign()(a);
    await using both = failover(first, b, { health: known });
    await both.send(mailOf(bytes));
    await both.send({ ...mailOf(bytes), id: "2" });
    expect(known.state(first)).toBe("up");
    expect(a.calls).toHaveLength(0);
    await using alone = sign()(fake());
    expect((await alone.send(mailOf(bytes))).outcomes).toMatchObject([{ kind: "deferred", status: "4.7.0" }]);
  });

  it("leaves a breaker closed, in which it does not count as success either", async () => {
    const states: string[] = [];
    const options = { failures: 2, onChange: ({ state }: { state: string }) => void states.push(state) };
    const next = fake({ "ann@example.net": { kind: "deferred", status: "4.4.1" } });
    const signed = sign()(next);
    // One mail gets past the signer, and finds no connection.
    const either: Transport = { ...signed, send: (mail, how) => (mail.id === "way" ? next : signed).send(mail, how) };
    await using sent = compose(breaker(options), either);
    for (let times = 0; times < 4; times += 1) await sent.send(mailOf(bytes));
    expect(states).toEqual([]);
    await sent.send({ ...mailOf(), id: "way" });
    await sent.send(mailOf(bytes));
    await sent.send({ ...mailOf(), id: "way" });
    expect(states).toEqual(["open"]);
  });
});
