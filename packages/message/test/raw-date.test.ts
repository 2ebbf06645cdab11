import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isDateTime } from "../src/raw-date.ts";
import { rawMail } from "../src/raw.ts";

describe("F7: a Date that can be read", () => {
  it.each([
    "Mon, 2 May 2005 16:07:05 -0600",
    "2 May 2005 16:07 +0000",
    "Wed, 31 Dec 2008 23:59:60 +0000",
    "29 Feb 2024 00:00:00 -0000",
    "Sat, 20 Sep 2008 20:04:30 +0300 (a (nested \\) one))",
    "Mon(day) , 2 May(month)2005 16 : 07 : 05 -0600",
    "4 Jul 76 09:55:06 GMT",
    "21 Nov 97 09:55:06 EST",
    "21 Nov 101 09:55:06 Z",
    "WED, 9 JAN 2002 19:47:50 mst",
    "\tThu,\t10 Jan 2002   13:59:53\t-0800 ",
  ])("%j", (text) => expect(isDateTime(text)).toBe(true));

  it.each([
    "", " ", "()", "Invalid Date", "NaN", "yesterday", "2005-05-02T16:07:05Z", "May 8, 2005 1:17 PM", "2 May 2005", "2 May 2005 16:07:05",
    "Wed, 15 Dec 2010    59:10 -0500", "30 Feb 2026 00:00:00 +0000", "29 Feb 2025 00:00 +0000", "0 Jan 2026 00:00 +0000", "1 Jan 2026 24:00:00 +0000",
    "1 Jan 2026 00:60:00 +0000", "1 Jan 2026 00:00:61 +0000", "1 Jan 2026 00:00:00 +0060", "1 Jan 1899 00:00:00 +0000", "1 Foo 2026 00:00:00 +0000",
    "1 Jan 2026 00:00:00 +0000 (open", "1 Jan 2026 00:00:00 +0000 more", "Someday, 1 Jan 2026 00:00:00 +0000",
  ])("#12: not %j", async (text) => {
    expect(isDateTime(text)).toBe(false);
    await expect(rawMail(`From: ann@x.example\r\nTo: bob@x.example\r\nDate: ${text}\r\n\r\nhi\r\n`)).rejects.toThrow(
      "line 3: is a Date that says no date and time (RFC 5322 §3.3). Correct it, or repair: { date: new Date() }",
    );
  });

  it("every Date as we write it, and as others do", () => {
    const date = fc.date({ min: new Date("1900-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59Z"), noInvalidDate: true });
    fc.assert(fc.property(date, (time) => isDateTime(time.toUTCString()) && isDateTime(time.toUTCString().replace("GMT", "+0000"))));
  });

  it("#18: comments and blanks without end take no time", () => {
    for (const text of ["(".repeat(1_000_000), " ".repeat(1_000_000), `1 Jan 2026 ${"(x)".repeat(300)}00:00 +0000`]) isDateTime(text);
    expect(isDateTime(`1 Jan 2026 ${"(x)".repeat(300)}00:00 +0000`)).toBe(true);
  });
});
