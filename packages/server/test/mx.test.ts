import { describe, expect, it } from "vitest";
import { ENVELOPE, MESSAGE, mx, textOf } from "./support.ts";

describe("mx", () => {
  it("M12: takes a mail, with a Received in front, and says under which id", async () => {
    await using running = await mx();
    await using client = await running.dial();
    expect(await client.say(...ENVELOPE, "DATA")).toMatch(/^354 /);
    expect(await client.say(`${MESSAGE}\r\n.`)).toMatch(/^250 2\.0\.0 queued as \w+$/);
    const [call] = running.to.calls;
    expect(call?.mail.envelope).toEqual({ from: "bob@elsewhere.example", to: [{ address: "ann@example.org" }] });
    expect(textOf(call?.bytes)).toMatch(
      /^Received: from client\.example \(\[127\.0\.0\.1\]\)\r\n\tby mx\.example\.org \(Postroad\) with ESMTP id \w+\r\n\tfor <ann@example\.org>;\r\n\t.* \+0000\r\nFrom: ann/,
    );
    expect(textOf(call?.bytes).endsWith("\r\n\r\nhello\r\n")).toBe(true);
    expect(await client.say("QUIT")).toBe("221 2.0.0 bye");
  });
});
