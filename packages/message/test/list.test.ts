import { describe, expect, it } from "vitest";
import type { ListInput } from "../src/draft.ts";
import { fieldValues, issuesOf, minimal } from "./reading.ts";

function values(list: ListInput, name: string): Promise<string[]> {
  return fieldValues({ list }, name);
}

describe("List-* fields", () => {
  it.each<[ListInput["unsubscribe"], string]>([
    ["https://a.example/u", "<https://a.example/u>"],
    [new URL("mailto:u@a.example"), "<mailto:u@a.example>"],
    [{ mailto: "u@a.example" }, "<mailto:u@a.example>"],
    [{ mailto: "MAILTO:u@a.example", url: "http://a.example/" }, "<http://a.example/>, <mailto:u@a.example>"],
    [
      { url: "https://bücher.example/ü?q=<>&=?utf-8?q?x?=" },
      "<https://xn--bcher-kva.example/%C3%BC?q=%3C%3E&=?utf-8?q?x?=>",
    ],
  ])("L1: List-Unsubscribe of %j", async (unsubscribe, value) => {
    expect(await values({ unsubscribe }, "List-Unsubscribe")).toEqual([value]);
    expect(await values({ unsubscribe }, "List-Unsubscribe-Post")).toEqual([]);
  });

  it("L2: one-click needs https, and then says exactly what the RFC says", async () => {
    const unsubscribe = { url: "https://a.example/u", mailto: "u@a.example", oneClick: true };
    expect(await values({ unsubscribe }, "List-Unsubscribe")).toEqual(["<https://a.example/u>, <mailto:u@a.example>"]);
    expect(await values({ unsubscribe }, "List-Unsubscribe-Post")).toEqual(["List-Unsubscribe=One-Click"]);
    for (const ways of [{ url: "http://a.example/" }, { mailto: "u@a.example" }]) {
      expect(issuesOf({ ...minimal, list: { unsubscribe: { ...ways, oneClick: true } } })).toEqual([
        "list.unsubscribe.oneClick: needs an https url (RFC 8058 §3.1)",
      ]);
    }
  });

  it.each<[keyof ListInput, string]>([
    ["help", "List-Help"],
    ["subscribe", "List-Subscribe"],
    ["post", "List-Post"],
    ["owner", "List-Owner"],
    ["archive", "List-Archive"],
  ])("L1: %s gives %s", async (key, name) => {
    expect(await values({ [key]: ["mailto:a@b.example", "https://b.example/"] }, name)).toEqual([
      "<mailto:a@b.example>, <https://b.example/>",
    ]);
  });

  it("L1: a list nobody may write to says so", async () => {
    expect(await values({ post: false }, "List-Post")).toEqual(["NO"]);
  });

  it.each([
    ["news.example.org", "<news.example.org>"],
    ["<news.example.org>", "<news.example.org>"],
    ["Shop news <news.example.org>", "Shop news <news.example.org>"],
    ['"News, weekly" <news.example.org>', '"News, weekly" <news.example.org>'],
    ["News, weekly <news.example.org>", '"News, weekly" <news.example.org>'],
    ["Büro <news.bücher.example>", "=?UTF-8?Q?B=C3=BCro?= <news.xn--bcher-kva.example>"],
  ])("L5: List-ID of %j", async (id, value) => {
    expect(await values({ id }, "List-ID")).toEqual([value]);
  });

  it.each([
    [{ id: "news" }, "list.id"],
    [{ id: "a..b" }, "list.id"],
    [{ id: "News news.example.org" }, "list.id"],
    [{ id: "" }, "list.id"],
    [{ id: 5 }, "list.id"],
    [{ help: "/help" }, "list.help"],
    [{ help: "" }, "list.help"],
    [{ help: "javascript:alert(1)" }, "list.help"],
    [{ owner: "ann@example.org" }, "list.owner"],
    [{ archive: [] }, "list.archive"],
    [{ archive: ["https://a.example", "b"] }, "list.archive[1]"],
    [{ unsubscribe: {} }, "list.unsubscribe"],
    [{ unsubscribe: { mailto: "a b<c@d>" } }, "list.unsubscribe.mailto"],
    [{ unsubscribe: { url: `https://a.example/${"x".repeat(1000)}` } }, "list.unsubscribe.url"],
    [{ unsubscribe: { url: "https://a.example", oneclick: true } }, "list.unsubscribe.oneclick"],
    [{ unsubscribe: { url: "https://a.example", oneClick: "yes" } }, "list.unsubscribe.oneClick"],
    [{ unsubscribe: 5 }, "list.unsubscribe"],
    [{ Help: "https://a.example" }, "list.Help"],
    ["news.example.org", "list"],
  ])("L1 L2 L5: %j is refused", (list, path) => {
    expect(issuesOf({ ...minimal, list }).map((issue) => issue.split(": ")[0])).toEqual([path]);
  });
});

describe("calendars and other forms of the text", () => {
  const content = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n";

  it.each([
    [
      { content: "BEGIN:VCALENDAR" },
      'calendar.method: "" is no method such as REQUEST, and the text needs the same in METHOD:',
    ],
    [{ content, method: "CANCEL" }, "calendar.method: is CANCEL, but the text says REQUEST in METHOD: (RFC 6047 §2.4)"],
    [{ content: 5, method: "REQUEST" }, "calendar.content: must be a string, not a number"],
    [content, "calendar: must be { method, content }, not a string"],
  ])("the calendar %j is refused", (calendar, issue) => {
    expect(issuesOf({ ...minimal, calendar })).toContain(issue);
  });

  it("a calendar's method may be given, in any case", async () => {
    expect(await fieldValues({ calendar: { content, method: "request" } }, "Content-Type")).toEqual([
      "text/calendar; method=REQUEST; charset=utf-8",
    ]);
  });

  it.each([
    ["x", "alternatives: must be an array, not a string"],
    [["x"], "alternatives[0]: must be { type, content }, not a string"],
    [[{ type: "text/x" }], "alternatives[0].content: must be a string or bytes, not undefined"],
    [[{ content: "" }], "alternatives[0].type: must be a string, not undefined"],
    [
      [{ type: "text/x", content: "", filename: "a" }],
      "alternatives[0].filename: is not a field; there are type, content",
    ],
  ])("alternatives %j are refused", (alternatives, issue) => {
    expect(issuesOf({ ...minimal, alternatives })).toContain(issue);
  });
});
