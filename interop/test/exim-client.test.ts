import { describe, expect, inject, it } from "vitest";
import { startExim } from "../harness/exim.ts";
import { arrivalOf } from "../harness/maildir.ts";
import { bytesOf } from "../harness/mails.ts";
import { KEPT, LATER, REFUSED, startNextServer } from "../harness/next-server.ts";
import { SAMPLES, closed } from "../harness/samples.ts";

const LETTER = closed(bytesOf("exim", Buffer.concat(SAMPLES.map(({ body }) => Buffer.concat([body, Buffer.from("\r\n")])))));

/** The octets that Exim was given, of those that came in. */
function given(bytes: Uint8Array | undefined): string {
  return arrivalOf(Buffer.from(bytes ?? [])).content.toString("latin1");
}

describe.skipIf("exim" in inject("missing"))("Exim as a client of the server", () => {
  // In its log L is for PIPELINING, K for CHUNKING, and CV=yes for a certificate that it trusts.
  it.for([
    ["U4, U16: by STARTTLS and in chunks", true, / X=TLS1\.\d:\S+ CV=yes L K C="250 2\.0\.0 queued as /],
    ["U12: in plain text and with a lone dot", false, /\[127\.0\.0\.1\] L C="250 2\.0\.0 queued as /],
  ] as const)("%s, every byte arrives once; who is refused is reported, who is deferred waits", async ([, modern, how]) => {
    await using next = await startNextServer();
    const hop = { port: next.server.port, chunking: modern, ...(modern && { ca: next.ca }) };
    await using exim = await startExim({ program: inject("exim"), next: hop });
    const sender = exim.mailbox();
    await exim.submit({ from: sender.address, to: [KEPT, REFUSED, LATER], bytes: LETTER });
    expect(next.to.calls.map(({ recipients }) => recipients)).toEqual([[KEPT]]);
    expect(await exim.logged("=> kept@next.test")).toMatchObject([expect.stringMatching(how)]);
    expect(await exim.logged("** refused@next.test")).toMatchObject([expect.stringContaining("550 5.1.1 nobody of this name")]);
    expect(await exim.logged("== later@next.test")).toMatchObject([expect.stringContaining("450 4.2.1 come back later")]);
    expect(await exim.queue()).toEqual([LATER]);
    await exim.retry();
    expect(await exim.queue()).toEqual([]);
    expect(next.to.calls.map(({ recipients }) => recipients)).toEqual([[KEPT], [LATER]]);
    for (const { bytes, mail } of next.to.calls) {
      expect(mail.envelope.from).toBe(sender.address);
      expect(given(bytes)).toBe(LETTER.toString("latin1"));
    }
    const [report] = await sender.arrivals(1);
    expect(report?.content.toString()).toContain("550 5.1.1 nobody of this name");
  });

  it("U20, M15: a message that cannot be taken now stays in its queue, and is taken once", async () => {
    await using next = await startNextServer({ deferFirst: true });
    await using exim = await startExim({ program: inject("exim"), next: { port: next.server.port, ca: next.ca } });
    await exim.submit({ from: exim.mailbox().address, to: [KEPT, "also@next.test"], bytes: LETTER });
    expect(await exim.queue()).toEqual([KEPT, "also@next.test"]);
    expect(await exim.logged("== kept@next.test")).toMatchObject([expect.stringContaining("4.3.5 not at the moment")]);
    await exim.retry();
    expect(await exim.queue()).toEqual([]);
    expect(next.to.calls.map(({ outcomes }) => outcomes?.map(({ kind }) => kind))).toEqual([undefined, ["accepted", "accepted"]]);
  });

  it("U4: a certificate it does not trust gets no mail", async () => {
    await using next = await startNextServer();
    await using other = await startNextServer();
    await using exim = await startExim({ program: inject("exim"), next: { port: next.server.port, ca: other.ca } });
    await exim.submit({ from: exim.mailbox().address, to: [KEPT], bytes: LETTER });
    expect(await exim.queue()).toEqual([KEPT]);
    expect(next.to.calls).toEqual([]);
  });
});
