import { ConfigError, Refusal } from "@postroad/core";
import fc from "fast-check";
import { resolve, sep } from "node:path";
import { describe, expect, it } from "vitest";
import type { AccountsOptions, Lookup } from "../src/index.ts";
import { accounts, mailboxPath, resolveRecipient } from "../src/index.ts";

describe("mailboxPath", () => {
  it.each([
    ["ann@example.org", "example.org/ann"],
    ["Ann@EXAMPLE.org", "example.org/ann"],
    ['"ann"@example.org', "example.org/ann"],
    ['"a/../b"@example.org', "example.org/a%2F..%2Fb"],
    ["..@example.org", "example.org/%2E."],
    [".hidden@example.org", "example.org/%2Ehidden"],
    ["new@example.org", "example.org/%6Eew"],
    ["a\0b@example.org", "example.org/a%00b"],
    ["jörg@bücher.example", "xn--bcher-kva.example/j%C3%B6rg"],
    ["jo\u0308rg@bücher.example", "xn--bcher-kva.example/j%C3%B6rg"],
    ["100%@example.org", "example.org/100%25"],
    ["ann@0x7f.1", "0x7f.1/ann"],
    ["ann@exämple.org/x", "ex%C3%A4mple.org%2Fx/ann"],
    ["postmaster", "localhost/postmaster"],
    ["@example.org", "example.org/%"],
    ["a@b@../../etc", "%2E.%2F..%2Fetc/a@b"],
  ])("X6: %j lies at %j", (address, path) => {
    expect(mailboxPath(address)).toBe(path);
  });

  it("X6: stays below the root and is short enough, for any address", () => {
    const part = fc.oneof(fc.string({ unit: "binary", maxLength: 400 }), fc.constantFrom("..", "../..", "/", "\0", ".", "", "tmp", "~", "a".repeat(300)));
    fc.assert(
      fc.property(part, part, (local, domain) => {
        const path = mailboxPath(`${local}@${domain}`);
        expect(path).toMatch(/^[a-z0-9_=+@%~-][A-Fa-z0-9_=+@%~.-]{0,199}\/[a-z0-9_=+@%~-][A-Fa-z0-9_=+@%~.-]{0,199}$/);
        expect(resolve("/root", path).startsWith(`/root${sep}`)).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it("X6: differs for different local parts, and only for those", () => {
    const local = fc.string({ unit: "grapheme", minLength: 1, maxLength: 80 }).filter((text) => !/["@\\]/.test(text));
    fc.assert(
      fc.property(local, local, (a, b) => {
        const isSame = a.normalize("NFC").toLowerCase().toWellFormed() === b.normalize("NFC").toLowerCase().toWellFormed();
        expect(mailboxPath(`${a}@x.example`) === mailboxPath(`${b}@x.example`)).toBe(isSame);
      }),
    );
    const long = "a".repeat(250);
    expect(mailboxPath(`${long}1@x.example`)).not.toBe(mailboxPath(`${long}2@x.example`));
  });
});

describe("accounts", () => {
  const lookup = accounts({
    mailboxes: { "ann@example.org": "ann", "bob+exact@example.org": "special", "bob@example.org": { mailbox: "bob", quota: { bytes: 1 } } },
    aliases: { "info@example.org": "ann@example.org", "all@example.org": ["info@example.org", "bob@example.org"] },
    catchAll: { "Bücher.example": "ann@example.org" },
  });
  const boxes = async (address: string, from: Lookup = lookup): Promise<readonly string[]> =>
    (await resolveRecipient(from, address)).map(({ mailbox }) => mailbox);

  it("finds mailboxes in any spelling, aliases, tags and the catch-all", async () => {
    expect(await boxes("ANN@Example.org")).toEqual(["ann"]);
    expect(await boxes("ann+shop+x@example.org")).toEqual(["ann"]);
    expect(await boxes("bob+exact@example.org")).toEqual(["special"]);
    expect(await boxes("bob+other@example.org")).toEqual(["bob"]);
    expect(await boxes("info+tag@example.org")).toEqual(["ann"]);
    expect(await boxes("all@example.org")).toEqual(["bob", "ann"]);
    expect(await boxes("anybody@xn--bcher-kva.example")).toEqual(["ann"]);
    expect(await resolveRecipient(lookup, "bob@example.org")).toMatchObject([{ quota: { bytes: 1 } }]);
  });

  it("X5: knows nobody else", async () => {
    for (const address of ["cid@example.org", "ann@elsewhere.example", "__proto__@example.org", "+ann@example.org", "ann", ""]) {
      await expect(boxes(address), address).rejects.toMatchObject({ status: "5.1.1" });
    }
    const plain = accounts({ mailboxes: ["ann@example.org"], tagSeparator: false });
    await expect(boxes("ann+x@example.org", plain)).rejects.toMatchObject({ status: "5.1.1" });
    const dashed = accounts({ mailboxes: ["ann@example.org"], tagSeparator: "--" });
    expect(await boxes("ann--x@example.org", dashed)).toEqual(["example.org/ann"]);
  });

  it("refuses lists that cannot be meant", () => {
    const wrong: readonly AccountsOptions[] = [
      { mailboxes: ["ann"] },
      { mailboxes: ["ann@x.example", "ANN@x.example"] },
      { mailboxes: ["ann@x.example"], aliases: { "ann@x.example": "ann@x.example" } },
      { mailboxes: ["ann@x.example"], aliases: { "b@x.example": "c@x.example" } },
      { mailboxes: ["ann@x.example"], aliases: { "b@x.example": [] } },
      { mailboxes: ["ann@x.example"], catchAll: { "x.example": "c@x.example" } },
      { mailboxes: { "ann@x.example": { mailbox: "a", folder: "a.b" } } },
      { mailboxes: { "ann@x.example": { mailbox: "a", quota: { bytes: -1 } } } },
      { mailboxes: [], tagSeparator: "" },
    ];
    for (const options of wrong) expect(() => accounts(options), JSON.stringify(options)).toThrow(ConfigError);
  });

  it("our own mistakes bounce nobody's mail", async () => {
    const circle: Lookup = (address) => ({ aliases: [address === "a@x" ? "b@x" : "a@x"] });
    await expect(boxes("a@x", circle)).rejects.toMatchObject({ status: "4.3.5" });
    await expect(boxes("a@x", (address) => (address === "a@x" ? { aliases: ["b@x"] } : undefined))).rejects.toMatchObject({ status: "4.3.5" });
    let count = 0;
    await expect(boxes("a@x", () => ({ aliases: [`${(count += 1)}@x`] }))).rejects.toMatchObject({ status: "4.3.5" });
    await expect(boxes("a@x", () => Promise.reject(new Error("down")))).rejects.toMatchObject({ status: "4.3.0" });
    const verdict = new Refusal("5.2.1", "switched off");
    await expect(boxes("a@x", () => Promise.reject(verdict))).rejects.toBe(verdict);
  });
});
