/** Bits of what `scan` gives; above them stands the length of the line that is unfinished behind the window. */
export const SUSPECT = 1;
export const EIGHT_BIT = 2;
export const DOTS = 4;
export const COLUMN_SHIFT = 3;

/** The most bytes that `scan` takes at a time. */
export const WINDOW: number = 64 * 1024;
/** Where its window begins in the instance's memory. */
const OFFSET = 16;

type Scan = (length: number, column: number, cr: number) => number;

/** Not part of ECMAScript, and so of no library that we compile with. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> };
};

interface Scanner {
  readonly memory: Uint8Array;
  readonly scan: Scan;
}

let scanner: Scanner | undefined;

/**
 * Looks at a window of a mail whose unfinished line has `column` octets before it, the last of them a CR if `afterCr`.
 * SUSPECT: there may be a bare CR or LF, or a line over 998 octets, and somebody has to look closer; EIGHT_BIT: a byte
 * over 127; DOTS: a line may begin with a dot. One pass over memory for all three, which costs a tenth of what strings do.
 */
export function scan(window: Uint8Array, column: number, afterCr: boolean): number {
  scanner ??= load();
  scanner.memory.set(window);
  return scanner.scan(window.byteLength, column, afterCr ? 1 : 0);
}

/** The instance's memory never grows, so the view of it stays good. */
function load(): Scanner {
  try {
    const { memory, scan: look } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(MODULE, "base64"))).exports;
    if (hasBuffer(memory) && isScan(look)) return { memory: new Uint8Array(memory.buffer, OFFSET), scan: look };
  } catch {
    // A runtime may have none (`--jitless`), or no room for its memory: then every window is looked at closely.
  }
  return { memory: new Uint8Array(WINDOW), scan: () => SUSPECT };
}

function hasBuffer(memory: unknown): memory is { readonly buffer: ArrayBuffer } {
  return typeof memory === "object" && memory !== null && "buffer" in memory && memory.buffer instanceof ArrayBuffer;
}

function isScan(look: unknown): look is Scan {
  return typeof look === "function";
}

/** `scan.wat`, assembled. */
export const MODULE: string =
  "AGFzbQEAAAABCAFgA39/fwF/AwIBAAUDAQACBxECBm1lbW9yeQIABHNjYW4AAAqsAgGpAgIEfwh7QQ39DyEMQQr9DyENQS79DyEOQQBBDUEAQQogARsgAh" +
  "s6AA8gAP0MAAAAAAAAAAAAAAAAAAAAAP0LBBADQCAD/QAEECEHIAP9AAQPIQggCSAHIA39IyAIIAz9I/1R/VAhCSAKIAcgDv0jIAggDf0j/U79UCEKIAsg" +
  "B/1QIQsgA0EQaiIDIABJDQALQQAgAWshBAJAA0AgBEHnB2ohAyADIABOBEAgAEEBayEDCwJAA0AgA0EASA0DIAP9AAQBIA39I/1kIQYgBg0BIANBEGsiAy" +
  "AETg0ADAMLCyADQRFqIAZnayEFIAUgBEwNASAFIQQgBCAASA0ACwsgACAEayEBIAFBA3QgCf1TIAFB5wdKciAL/WRBAEdBAXQgCv1TQQJ0cnJyCw==";
