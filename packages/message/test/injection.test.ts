import { describe, expect, it } from "vitest";
import type { Draft } from "../src/draft.ts";
import { createLoosely, fieldsOf, issuesOf, mailUnlessRefused, minimal, rendered, textOf } from "./reading.ts";

/** Every place of a draft that takes a string for the header, with the path that its issue names. */
const places: Record<string, { path: RegExp; draft: (text: string) => Partial<Draft> }> = {
  "a subject": { path: /^subject: /, draft: (text) => ({ subject: `Hi${text}` }) },
  "a display name": {
    path: /^from\.name: /,
    draft: (text) => ({ from: { address: "ann@example.net", name: `Ann${text}` } }),
  },
  "a name in a list": {
    path: /^to\[1\]\.name: /,
    draft: (text) => ({ to: ["bob@x", { address: "ann@x", name: `Ann${text}` }] }),
  },
  "a display name in text": { path: /^to: /, draft: (text) => ({ to: `"Ann${text}" <ann@example.net>` }) },
  "a group's name": { path: /^to\.name: /, draft: (text) => ({ to: { name: `Team${text}`, members: ["a@x"] } }) },
  "a group's member": {
    path: /^to\.members\[0\]/,
    draft: (text) => ({ to: { name: "Team", members: [{ address: `a${text}@x` }] } }),
  },
  "an address": { path: /^cc\.address: /, draft: (text) => ({ cc: { address: `ann@example.net${text}` } }) },
  "an address in text": { path: /^replyTo: /, draft: (text) => ({ replyTo: `ann@example.net${text}` }) },
  "the sender": { path: /^sender: /, draft: (text) => ({ sender: `ann@example.org${text}` }) },
  "a Message-ID": { path: /^messageId: /, draft: (text) => ({ messageId: `<a@b${text}>` }) },
  "In-Reply-To": { path: /^inReplyTo: /, draft: (text) => ({ inReplyTo: `<a@b${text}>` }) },
  References: { path: /^references\[1\]: /, draft: (text) => ({ references: ["<a@b>", `<c@d${text}>`] }) },
  "References in one string": { path: /^references: /, draft: (text) => ({ references: `<a@b> <c@d${text}>` }) },
  "a header name": { path: /^headers\["X-A/, draft: (text) => ({ headers: { [`X-A${text}`]: "b" } }) },
  "a header value": { path: /^headers\.X-A: /, draft: (text) => ({ headers: { "X-A": `b${text}` } }) },
  "a repeated header value": { path: /^headers\.X-A: /, draft: (text) => ({ headers: { "X-A": ["b", `c${text}`] } }) },
  "a structured header value": {
    path: /^headers\.Auto-Submitted: /,
    draft: (text) => ({ headers: [["Auto-Submitted", `no${text}`]] }),
  },
  "addresses in a header value": {
    path: /^headers\.Resent-To: /,
    draft: (text) => ({ headers: { "Resent-To": `a@b${text}` } }),
  },
  "a list's id": { path: /^list\.id: /, draft: (text) => ({ list: { id: `News${text} <a.b>` } }) },
  "a list's URL": {
    path: /^list\.unsubscribe\.url: /,
    draft: (text) => ({ list: { unsubscribe: { url: `https://a.b/${text}` } } }),
  },
  "a list's mailto": {
    path: /^list\.unsubscribe\.mailto: /,
    draft: (text) => ({ list: { unsubscribe: { mailto: `a@b?subject=${text}` } } }),
  },
  "a list's archive": {
    path: /^list\.archive\[0\]: /,
    draft: (text) => ({ list: { archive: [`https://a.b/${text}`] } }),
  },
  "a file name": {
    path: /^attachments\[0\]\.filename: /,
    draft: (text) => ({ attachments: [{ content: "", filename: `a${text}.txt` }] }),
  },
  "a media type": {
    path: /^attachments\[0\]\.type: /,
    draft: (text) => ({ attachments: [{ content: "", type: `text/plain${text}` }] }),
  },
  "a media type's parameter": {
    path: /^attachments\[0\]\.type: /,
    draft: (text) => ({ attachments: [{ content: "", type: `text/plain; a="b${text}"` }] }),
  },
  "a Content-ID": {
    path: /^attachments\[0\]\.contentId: /,
    draft: (text) => ({ attachments: [{ content: "", contentId: `a${text}` }] }),
  },
  "an alternative's type": {
    path: /^alternatives\[0\]\.type: /,
    draft: (text) => ({ alternatives: [{ type: `text/x${text}`, content: "" }] }),
  },
  "a calendar's method": {
    path: /^calendar\.method: /,
    draft: (text) => ({ calendar: { content: "METHOD:REQUEST", method: `REQUEST${text}` } }),
  },
  "the envelope's sender": { path: /^envelope\.from: /, draft: (text) => ({ envelope: { from: `a@b${text}` } }) },
  "an envelope's recipient": {
    path: /^envelope\.to\[0\]/,
    draft: (text) => ({ envelope: { to: [{ address: `a@b${text}` }] } }),
  },
  "an ORCPT": {
    path: /^envelope\.to\[0\]\.originalRecipient: /,
    draft: (text) => ({ envelope: { to: { address: "a@b", originalRecipient: `rfc822;a${text}` } } }),
  },
  "an ENVID": { path: /^envelope\.dsn\.envid: /, draft: (text) => ({ envelope: { dsn: { envid: `a${text}` } } }) },
  "the id": { path: /^id: /, draft: (text) => ({ id: `a${text}` }) },
};

/** Characters that some receiver takes for a line break or worse, though none is CR or LF. */
const lookalikes = ["\u010d\u010a", "\u760d\u760a", "\u2028", "\u2029", "\uff0d\uff0a"];

describe.each(Object.entries(places))("in %s", (_, { path, draft }) => {
  it.each(["\r\nBcc: v@evil.example", "\r\n\r\nbody", "\n Bcc: v", "\rBcc: v", "\0", "\x0b", "\x1b[2J", "\x7f"])(
    "#1: %j is refused",
    (text) => {
      const issues = issuesOf({ ...minimal, ...draft(text) });
      expect(issues.length).toBe(1);
      expect(issues[0]).toMatch(path);
      expect(issues[0]).not.toMatch(/\p{Cc}/u);
    },
  );

  it("#2: the control U+0085 is refused", () => {
    expect(issuesOf({ ...minimal, ...draft("\u0085") }).length).toBe(1);
  });

  it.each(lookalikes)("#2: %j is refused or encoded", async (text) => {
    const plain = await rendered(draft(""));
    const mail = (await mailUnlessRefused({ ...minimal, ...draft(text) })) ?? plain;
    expect(names(mail)).toEqual(names(plain));
    expect(mail).not.toMatch(/\r(?!\n)|(?<!\r)\n|[^\t\r\n -~\x80-\xff]/);
  });

  it("#3: a lone surrogate is refused or becomes U+FFFD, and eats nothing", async () => {
    const mail = (await mailUnlessRefused({ ...minimal, ...draft("\ud83dx") })) ?? "refused";
    expect(mail).toMatch(/^refused$|=EF=BF=BDx|77\+9|%EF%BF%BDx|^[\t\r\n -~]*$/);
  });
});

function names(mail: string): string[] {
  return fieldsOf(mail).map((field) => field.slice(0, field.indexOf(":")));
}

describe("names that mean something to JavaScript", () => {
  it("#16: are header names like any other", async () => {
    const headers: object = JSON.parse('{"__proto__": "a", "constructor": "b", "toString": "c"}');
    const mail = await textOf(createLoosely({ ...minimal, headers }));
    expect(mail).toContain("\r\n__proto__: a\r\nconstructor: b\r\ntoString: c\r\n");
  });

  it("#16: are keys of meta like any other", () => {
    const meta: object = JSON.parse('{"__proto__": "a", "constructor": "b"}');
    const message = createLoosely({ ...minimal, meta });
    expect(Object.entries(message.meta)).toEqual([
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
  });

  it("#16: are unknown keys of a draft", () => {
    const draft: object = JSON.parse('{"from": "a@b", "to": "c@d", "__proto__": {}, "constructor": 1}');
    expect(issuesOf(draft).length).toBe(2);
  });
});
