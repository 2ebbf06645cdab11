import { Refusal } from "@postroad/core";
import { describe, expect, it } from "vitest";
import { MESSAGE, mx, submission } from "./support.ts";

const FOREIGN = [
  "<user@relay.example>", "<user%relay.example@example.org>", "<user%relay.example>", '<"user%relay.example">', '<"user@relay.example"@example.org>',
  "<relay.example!user@example.org>", "<@example.org:user@relay.example>", "<@relay.example,@example.org:user@relay.example>", "<relay.example!user>",
  '<"user@relay.example">', '<relay.example!user%other.example@example.org>', "<user@[127.0.0.1]>", "<user@[192.0.2.1]>", "<user@127.0.0.1>",
  "<user@localhost>", "<user@mx.example.org.>", "<user@relay.example.>", "<user@example.org@relay.example>", '<user@relay.example"@example.org>',
  "<user@example.org%relay.example>", "<user@example.org\\@relay.example>", "<>", "user@relay.example", "<user@sub.example.org>", "<user@xexample.org>",
];

describe("relaying", () => {
  it.each(FOREIGN)("U9 #46: RCPT TO:%s is refused without a login", async (path) => {
    await using running = await mx();
    await using client = await running.dial();
    await client.say("EHLO client.example", "MAIL FROM:<bob@example.org>");
    expect(await client.say(`RCPT TO:${path}`)).toMatch(/^5(50 5\.7\.1|01 5\.1\.3) /);
    expect(await client.say("DATA")).toMatch(/^554 5\.5\.1 /);
  });

  it("U9: a submission server takes nothing before the login, from whomever it says it is", async () => {
    await using running = await submission();
    await using client = await running.dial();
    await client.say("EHLO client.example");
    expect(await client.say("MAIL FROM:<ann@example.org>")).toMatch(/^530 5\.7\.0 /);
    expect(await client.say("RCPT TO:<user@relay.example>")).toMatch(/^503 /);
  });

  it("M14: a source route to a local mailbox is read and forgotten", async () => {
    await using running = await mx();
    await using client = await running.dial();
    expect(await client.say("EHLO client.example", "MAIL FROM:<@a.example,@b.example:u@d.example>", "RCPT TO:<@c.example:ann@example.org>", "DATA", `${MESSAGE}\r\n.`)).toMatch(/^250 /);
    expect(running.to.calls[0]?.mail.envelope).toEqual({ from: "u@d.example", to: [{ address: "ann@example.org" }] });
  });

  it("U26: postmaster is taken, alone or of a local domain, whatever the policies say", async () => {
    const policies = [{ name: "nobody", recipient: () => { throw new Refusal("5.7.1", "go away"); } }];
    await using running = await mx({ policies });
    await using client = await running.dial();
    await client.say("EHLO client.example", "MAIL FROM:<bob@elsewhere.example>");
    expect(await client.say("RCPT TO:<ann@example.org>")).toBe("550 5.7.1 go away");
    for (const path of ["<postmaster>", "<PostMaster>", "<Postmaster@example.org>"]) expect(await client.say(`RCPT TO:${path}`)).toMatch(/^250 /);
    await client.say("DATA", `${MESSAGE}\r\n.`);
    expect(running.to.calls[0]?.recipients).toEqual(["postmaster@mx.example.org", "Postmaster@example.org"]);
  });

  it("what the check says is what the client hears; what it throws otherwise is for the log", async () => {
    const recipient = ({ address }: { readonly address: string }): boolean => {
      if (address.startsWith("nobody")) throw new Refusal("5.1.1", "there is no such mailbox");
      if (address.startsWith("busy")) throw new Refusal("4.2.1", "the mailbox is busy");
      if (address.startsWith("bug")) throw new TypeError("undefined is not a function of secrets");
      return true;
    };
    await using running = await mx({ recipient });
    await using client = await running.dial();
    await client.say("EHLO client.example", "MAIL FROM:<bob@elsewhere.example>");
    expect(await client.say("RCPT TO:<nobody@example.org>")).toBe("550 5.1.1 there is no such mailbox");
    expect(await client.say("RCPT TO:<busy@example.org>")).toBe("450 4.2.1 the mailbox is busy");
    expect(await client.say("RCPT TO:<bug@example.org>")).toBe("451 4.3.0 local error in processing, try again later");
    expect(await running.event("error")).toMatchObject({ doing: "RCPT" });
  });
});
