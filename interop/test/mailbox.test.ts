import { contentOf } from "@postroad/core";
import { maildir } from "@postroad/mailbox";
import type { Transport } from "@postroad/core";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { beforeAll, describe, expect, inject, it } from "vitest";
import type { Dovecot } from "../harness/dovecot.ts";
import { startDovecot } from "../harness/dovecot.ts";
import { fetchFirst } from "../harness/imap.ts";
import { arrivalOf } from "../harness/maildir.ts";
import { bytesOf, mailOf } from "../harness/mails.ts";
import { retrieveFirst } from "../harness/pop3.ts";
import { SAMPLES, closed } from "../harness/samples.ts";

/** The user that Dovecot reads as. */
async function nobody(): Promise<{ readonly uid: number; readonly gid: number }> {
  const { stdout } = await promisify(execFile)("getent", ["passwd", "nobody"]);
  const [, , uid, gid] = stdout.split(":");
  return { uid: Number(uid), gid: Number(gid) };
}

describe.skipIf("dovecot" in inject("missing"))("a Maildir that Dovecot reads", () => {
  let dovecot: Dovecot;
  let transport: Transport;

  beforeAll(async () => {
    dovecot = await startDovecot();
    const lookup = (address: string) => {
      const [mailbox = "", tag] = (address.split("@")[0] ?? "").split("+");
      return { mailbox, ...(tag !== undefined && { folder: tag }) };
    };
    transport = maildir(dovecot.mailboxes, { lookup, owner: await nobody() });
    return async () => {
      await transport[Symbol.asyncDispose]();
      await dovecot[Symbol.asyncDispose]();
    };
  });

  it("X1: every byte comes back over IMAP and POP3", async () => {
    for (const { title, body } of SAMPLES) {
      const user = dovecot.user();
      const bytes = bytesOf(title, body);
      const { outcomes } = await transport.send(mailOf({ to: [`${user.name}@example.test`], content: contentOf(bytes) }));
      expect(outcomes, title).toMatchObject([{ kind: "accepted", status: "2.0.0" }]);
      const imap = arrivalOf(await fetchFirst(dovecot.ports.imap, user));
      expect(imap.content.equals(bytes), title).toBe(true);
      expect(imap.trace).toEqual([expect.stringMatching(/^Return-Path: <.*>$/), `Delivered-To: ${user.name}@example.test`]);
      // POP3 has to end the last line (RFC 1939 §3).
      const pop3 = arrivalOf(await retrieveFirst(dovecot.ports.pop3, user));
      expect(pop3.content.equals(closed(bytes)), title).toBe(true);
    }
  });

  it("X1: a folder is there under its name, whatever its letters", async () => {
    const user = dovecot.user();
    const bytes = bytesOf("a folder", "text\r\n");
    await transport.send(mailOf({ to: [`${user.name}+Entwürfe/R&D@example.test`], content: contentOf(bytes) }));
    const read = await fetchFirst(dovecot.ports.imap, user, "Entw&APw-rfe.R&-D");
    expect(arrivalOf(read).content.equals(closed(bytes))).toBe(true);
  });

  it("X3: the sizes in the names are those that Dovecot finds", async () => {
    const user = dovecot.user();
    const bytes = bytesOf("sizes", "one\r\ntwo\r\n");
    await transport.send(mailOf({ to: [`${user.name}@example.test`], content: contentOf(bytes) }));
    const read = await fetchFirst(dovecot.ports.imap, user);
    const [arrival = ""] = await dovecot.names(user);
    const lines = read.toString("latin1").split("\r\n").length - 1;
    expect(arrival).toContain(`,S=${read.length - lines},W=${read.length}`);
  });
});
