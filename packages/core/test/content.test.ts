import type { Content } from "@postroad/core";
import { contentOf, readAll } from "@postroad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function* later(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}

describe("content", () => {
  it("of bytes knows its size and can be read again and again", async () => {
    const content = contentOf(bytes("twice"));
    expect(content.size).toBe(5);
    expect([await readAll(content), await readAll(content)]).toEqual([bytes("twice"), bytes("twice")]);
  });

  it("of no bytes is empty", async () => {
    expect(await readAll(contentOf(new Uint8Array(0)))).toEqual(new Uint8Array(0));
    expect(await readAll({ open: () => [] })).toEqual(new Uint8Array(0));
  });

  it("is read whole, however it is cut and whether or not it waits", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 20 })), fc.boolean(), async (chunks, waits) => {
        const content: Content = { open: () => (waits ? later(chunks) : chunks) };
        expect(await readAll(content)).toEqual(Uint8Array.from(chunks.flatMap((chunk) => [...chunk])));
      }),
    );
  });

  it("is not copied where it is one chunk", async () => {
    const one = bytes("one");
    expect(await readAll(contentOf(one))).toBe(one);
  });

  it("is read up to a limit, and let go of past it", async () => {
    let closed = 0;
    const endless: Content = {
      *open() {
        try {
          for (;;) yield bytes("0123456789");
        } finally {
          closed += 1;
        }
      },
    };
    await expect(readAll(endless, 99)).rejects.toThrow(new RangeError("content is larger than the limit of 99 bytes"));
    expect(closed).toBe(1);
    expect(await readAll(contentOf(bytes("0123456789")), 10)).toHaveLength(10);
  });

  it("that fails fails its reader", async () => {
    const broken: Content = {
      async *open() {
        yield bytes("half");
        throw new Error("disk");
      },
    };
    await expect(readAll(broken)).rejects.toThrow("disk");
  });
});
