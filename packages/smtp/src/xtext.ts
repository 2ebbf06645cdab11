/** `+` and `=`, and what a careless server would take for the end of the path. */
const ENCODED: ReadonlySet<number> = new Set(Buffer.from("+=<>"));

/** RFC 3461 §4: printable ASCII as it is, the rest as `+XX` in upper-case hexadecimal. */
export function xtext(text: string): string {
  return Array.from(Buffer.from(text), (byte) => {
    const plain = byte > 32 && byte < 127 && !ENCODED.has(byte);
    return plain ? String.fromCharCode(byte) : `+${hex(byte)}`;
  }).join("");
}

/** `type;address` for ORCPT (RFC 3461 §4.2); type `utf-8` has an encoding of its own, of characters (RFC 6533 §3). */
export function typedAddress(text: string): string {
  const [type = "", ...rest] = text.split(";");
  const address = rest.join(";");
  return `${xtext(type)};${/^utf-8$/i.test(type) ? unicodeText(address) : xtext(address)}`;
}

function unicodeText(text: string): string {
  return text.replace(/[^!-~]|[\\+=<>]/gu, (character) => `\\x{${hex(character.codePointAt(0) ?? 0)}}`);
}

function hex(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, "0");
}
