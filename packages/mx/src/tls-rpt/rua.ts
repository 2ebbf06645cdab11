import { isHostName } from "../destination.ts";

/** Where a domain wants its reports. */
export type ReportTarget = { readonly mailto: string } | { readonly https: string };

/** Targets of one domain that are served. */
const MOST_TARGETS = 5;

/**
 * Where reports go, by the TXT records of `_smtp._tls.<domain>` (RFC 8460 §3): `v=TLSRPTv1; rua=mailto:tls@example.net`.
 * None where the domain has no such record, or several.
 */
export function reportTargets(records: readonly string[]): readonly ReportTarget[] {
  const ours = records.filter((record) => /^v=TLSRPTv1[ \t]*;/.test(record));
  const [record] = ours;
  if (record === undefined || ours.length > 1) return [];
  const field = record.split(";").map((each) => each.trim()).find((each) => /^rua[ \t]*=/.test(each));
  const uris = (field ?? "").replace(/^rua[ \t]*=/, "").split(",").map((uri) => uri.trim());
  return uris.flatMap((uri) => targetOf(uri) ?? []).slice(0, MOST_TARGETS);
}

function targetOf(uri: string): ReportTarget | undefined {
  if (!URL.canParse(uri)) return undefined;
  const { protocol, pathname, href } = new URL(uri);
  if (protocol === "https:") return { https: href };
  const address = protocol === "mailto:" ? decoded(pathname) : "";
  const [, domain] = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9.-]{1,189})$/.exec(address) ?? [];
  return domain !== undefined && isHostName(domain.toLowerCase()) ? { mailto: address } : undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not an address, then.
    return "";
  }
}
