import { describe, expect, it } from "vitest";
import { keyOf } from "../src/key.ts";

const [ann, bob] = [{ address: "ann@example.net" }, { address: "bob@example.net" }];

describe("keyOf", () => {
  it("knows a mail and its recipients in any order, and however their domains are written", () => {
    expect(keyOf("mail", [ann, bob])).toBe(keyOf("mail", [bob, { address: "ann@EXAMPLE.net" }]));
    const keys = [keyOf("mail", [ann]), keyOf("mail", [bob]), keyOf("mail", [ann, bob]), keyOf("mail2", [ann]), keyOf("", [ann])];
    expect(new Set(keys)).toHaveLength(keys.length);
  });

  it("begins as the id does, so that ids which follow one another lie together", () => {
    expect(keyOf("0192f3a4-5b6c-7123-8123-123456789abc", [ann])).toMatch(/^0192f3a4-5b6c-71\.[\w-]{22}$/);
    expect(keyOf("<order 17@shöp.example>", [ann])).toMatch(/^-order-17-sh-p-e\.[\w-]{22}$/);
  });

  it("tells ids apart that begin alike", () => {
    expect(keyOf("0123456789abcdef-1", [ann])).not.toBe(keyOf("0123456789abcdef-2", [ann]));
  });
});
