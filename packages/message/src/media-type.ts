import { shown } from "./address-error.ts";
import type { Issues } from "./issues.ts";
import { oneLine, report } from "./issues.ts";

export const OCTETS = "application/octet-stream";

const TYPE = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/;
/** A parameter with a token or a quoted string (RFC 2045 §5.1). */
const PARAMETER = /;[\t ]*([\w!#$&^.+-]{1,60})=([\w!#$%&'*+.^`{|}~-]+|"(?:[\t !#-[\]-~]|\\[\t -~])*")[\t ]*/y;
const LONGEST = 500;

/** A media type in one form: type and parameter names in lower case, `; ` between parameters. */
export function mediaType(given: unknown, path: string, issues: Issues): string {
  const text = oneLine(given, path, issues);
  const end = text.indexOf(";");
  const type = (end === -1 ? text : text.slice(0, end)).trim().toLowerCase();
  const parameters = end === -1 ? [] : parametersOf(text, end);
  if (!TYPE.test(type) || parameters === undefined || text.length > LONGEST) {
    report(issues, path, `${shown(text)} is not a media type such as text/csv or text/plain; charset=utf-8`);
  } else if (type.startsWith("multipart/")) {
    report(issues, path, `${shown(type)} is not a file: attach its parts, or the whole as message/rfc822`);
  } else {
    return [type, ...parameters].join("; ");
  }
  return OCTETS;
}

function parametersOf(text: string, from: number): string[] | undefined {
  const found: string[] = [];
  PARAMETER.lastIndex = from;
  for (let at = from; at < text.length; at = PARAMETER.lastIndex) {
    const [, name, value] = PARAMETER.exec(text) ?? [];
    if (name === undefined) return undefined;
    found.push(`${name.toLowerCase()}=${value}`);
  }
  return found;
}

/** The type of a text given as a string, which travels as UTF-8: a charset is added, another than that refused. */
export function textType(type: string, path: string, issues: Issues): string {
  const [, charset] = /; charset="?([^";]*)/.exec(type) ?? [];
  if (charset === undefined) return type.startsWith("text/") ? `${type}; charset=utf-8` : type;
  if (!/^(?:utf-8|us-ascii)$/i.test(charset)) {
    report(
      issues,
      path,
      `has the charset ${charset}, but a string travels as UTF-8: leave the charset out, or give bytes`,
    );
  }
  return type;
}

/** The type without its parameters. */
export function essence(type: string): string {
  const end = type.indexOf(";");
  return end === -1 ? type : type.slice(0, end);
}

/** The type and each of its parameters. */
export function partsOf(type: string): string[] {
  if (!type.includes('"')) return type.split("; ");
  return (type.match(/(?:[^;"]|"(?:[^"\\]|\\.)*")+/g) ?? []).map((part) => part.trim());
}
