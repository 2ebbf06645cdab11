import { describe, expect, it } from "vitest";
import { adviceOn } from "../src/advice.ts";
import type { Symptom } from "../src/advice.ts";
import { HINTS } from "../src/hints.ts";
import { mail, plain, first } from "./support.ts";
import { modelPeer } from "@postroad/testing/peer";

describe("advice", () => {
  it.each<[string, Symptom, RegExp]>([
    ["the wrong port for the TLS mode", { phase: "tls", status: "4.7.5", code: "ERR_SSL_WRONG_VERSION_NUMBER" }, /does not speak TLS first/],
    ["a certificate of another name", { phase: "tls", status: "4.7.5", code: "ERR_TLS_CERT_ALTNAME_INVALID" }, /for another name/],
    ["a refused password", { phase: "auth", status: "4.7.8", reply: 535 }, /app password/],
    ["relaying denied", { phase: "rcpt", status: "5.7.1", reply: 554 }, /relays only for users who log in/],
    ["relaying denied for now", { phase: "rcpt", status: "4.7.1", reply: 454 }, /relays only for users who log in/],
    ["too large a message", { phase: "final", status: "5.3.4", reply: 552 }, /larger than/],
    ["greylisting", { phase: "rcpt", status: "4.7.1", reply: 450 }, /greylisting/],
    ["spam", { phase: "final", status: "5.7.1", reply: 554 }, /spam/],
    ["no login", { phase: "mail", status: "4.7.0", reply: 530 }, /then a login/],
    ["nobody listening", { phase: "connect", status: "4.4.1", code: "ECONNREFUSED" }, /Nothing listens/],
    ["Gmail's missing DKIM", { phase: "final", status: "5.7.30", reply: 550 }, /DKIM signature/],
    ["Outlook's authentication", { phase: "final", status: "5.7.515", reply: 550 }, /SPF, DKIM and DMARC/],
  ])("explains %s", (_, symptom, advice) => {
    expect(adviceOn(symptom)).toMatch(advice);
  });

  it("says nothing where it knows nothing", () => {
    expect(adviceOn({ phase: "final", status: "5.0.0", reply: 554 })).toBeUndefined();
  });

  it("has no row that an earlier one hides", () => {
    const hidden = HINTS.filter((hint, index) => {
      const { advice: _, phase = "noop", status = "", ...rest } = hint;
      return HINTS.slice(0, index).some((earlier) => adviceOn({ phase, status, ...rest }) === earlier.advice && earlier.advice !== hint.advice);
    });
    expect(hidden).toEqual([]);
  });

  it("never looks at the text of a reply", async () => {
    await using peer = await modelPeer({ recipients: { "b@x.example": "550 mailbox full, greylisted, spam, too large, relay denied" } });
    await using transport = plain(peer);
    const outcome = first(await transport.send(mail({ to: ["b@x.example"] })));
    expect(outcome).toMatchObject({ kind: "rejected", status: "5.0.0" });
    expect(outcome).not.toHaveProperty("diagnosis.advice");
  });
});
