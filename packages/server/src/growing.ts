const SMALLEST = 1024;
const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Bytes that grow. Copies what is pushed, so that a small piece does not keep a large buffer alive; what comes first and is most of
 * its buffer is kept as it is. A class, since there are two for every mail.
 */
export class Growing {
  size = 0;
  #buffer: Buffer = NOTHING;

  /** Do not change the bytes afterwards. */
  push(bytes: Buffer): void {
    if (this.size === 0 && bytes.byteLength * 2 >= bytes.buffer.byteLength) {
      this.#buffer = bytes;
      this.size = bytes.byteLength;
      return;
    }
    const needed = this.size + bytes.byteLength;
    if (needed > this.#buffer.byteLength) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.byteLength * 2, SMALLEST));
      this.#buffer.copy(larger, 0, 0, this.size);
      this.#buffer = larger;
    }
    bytes.copy(this.#buffer, this.size);
    this.size = needed;
  }

  /** A view of what is held: valid until the next `push`. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.size);
  }

  /** Keeps the first `size` octets. */
  cut(size: number): void {
    this.size = size;
    if (this.#buffer.byteLength > 2 * size + SMALLEST) this.#buffer = Buffer.from(this.#buffer.subarray(0, size));
  }

  /** Lets go of everything. */
  clear(): void {
    this.#buffer = NOTHING;
    this.size = 0;
  }
}
