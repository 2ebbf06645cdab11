/** Bytes that grow. Copies what is pushed, so that a small piece does not keep a large buffer alive. */
export interface Growing {
  readonly size: number;
  push(bytes: Buffer): void;
  /** A view of what is held: valid until the next `push`. */
  bytes(): Buffer;
  /** Lets go of everything. */
  clear(): void;
}

const SMALLEST = 1024;

export function growing(): Growing {
  let buffer: Buffer = Buffer.alloc(0);
  let size = 0;
  return {
    get size() {
      return size;
    },
    push(bytes) {
      const needed = size + bytes.byteLength;
      if (needed > buffer.byteLength) {
        const larger = Buffer.allocUnsafe(Math.max(needed, buffer.byteLength * 2, SMALLEST));
        buffer.copy(larger, 0, 0, size);
        buffer = larger;
      }
      bytes.copy(buffer, size);
      size = needed;
    },
    bytes: () => buffer.subarray(0, size),
    clear() {
      buffer = Buffer.alloc(0);
      size = 0;
    },
  };
}
