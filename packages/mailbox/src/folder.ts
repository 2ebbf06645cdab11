import { Buffer } from "node:buffer";

/** Can there be a folder of this name? Levels are apart by `/`; a dot would be a level too (Maildir++). */
export function isFolderName(name: string): boolean {
  return name.length <= 200 && name.split("/").every((level) => level !== "" && !/[.\p{Cc}]|^~/u.test(level));
}

/**
 * The directory of a folder within its Maildir: `.Lists.dev` for `Lists/dev` (Maildir++), letters beyond ASCII in the
 * form of IMAP (RFC 3501 §5.1.3), `""` for the inbox.
 */
export function folderDirectory(folder: string | undefined): string {
  if (folder === undefined || folder.toUpperCase() === "INBOX") return "";
  return `.${folder.split("/").map(modifiedUtf7).join(".")}`;
}

function modifiedUtf7(text: string): string {
  return text.replaceAll(/&|[^ -~]+/g, (run) => (run === "&" ? "&-" : `&${base64(run)}-`));
}

/** Of UTF-16, without padding, and a comma where a slash would stand. */
function base64(text: string): string {
  return Buffer.from(text, "utf16le").swap16().toString("base64").replaceAll("/", ",").replaceAll("=", "");
}
