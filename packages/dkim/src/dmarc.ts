import type { ResolveTxt } from "./check-dns.ts";
import { parseTags } from "./tags.ts";

/** The part of a DMARC record that alignment depends on (RFC 9989 §4.7). */
export interface DmarcRecord {
  /** Where it was found, without `_dmarc.`. */
  readonly domain: string;
  readonly policy: string | undefined;
  readonly strictDkim: boolean;
  readonly strictSpf: boolean;
  /** Is the domain one under which others register, `y`, or certainly none, `n`? */
  readonly psd: string | undefined;
}

/** Looks up the records between a domain and the root, the domain's own first; at most eight are asked for (RFC 9989 §4.10). */
export type Walk = (domain: string) => Promise<readonly DmarcRecord[]>;

/** A name with more labels goes on, behind its own, with as many. */
const MOST_LABELS = 7;

/** Asks for no record twice. Rejects where DNS does not answer. */
export function dmarcWalk(resolveTxt: ResolveTxt): Walk {
  const known = new Map<string, Promise<DmarcRecord | undefined>>();

  function recordAt(domain: string): Promise<DmarcRecord | undefined> {
    const asked = known.get(domain) ?? lookUp(domain, resolveTxt);
    known.set(domain, asked);
    return asked;
  }

  return async (domain) => {
    const found: DmarcRecord[] = [];
    for (const target of targetsOf(domain)) {
      const record = await recordAt(target);
      if (record !== undefined) found.push(record);
      if (record?.psd !== undefined) break;
    }
    return found;
  };
}

/** The organization that a domain belongs to, by the records of its walk (RFC 9989 §4.10.2). */
export function organizationOf(domain: string, records: readonly DmarcRecord[]): string {
  const last = records.at(-1);
  if (last === undefined) return domain;
  // Who walks up to a registry belongs to the name below it.
  if (last.psd === "y" && last.domain !== domain) return domain.split(".").slice(-(last.domain.split(".").length + 1)).join(".");
  return last.domain;
}

function targetsOf(domain: string): readonly string[] {
  const labels = domain.split(".");
  const rest = labels.slice(1).slice(-MOST_LABELS);
  return [domain, ...rest.map((_, index) => rest.slice(index).join("."))];
}

async function lookUp(domain: string, resolveTxt: ResolveTxt): Promise<DmarcRecord | undefined> {
  try {
    const answers = await resolveTxt(`_dmarc.${domain}`);
    const records = answers.map((strings) => strings.join("")).filter((text) => /^v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)/.test(text));
    // Several are none.
    return records.length === 1 ? recordOf(domain, records[0] ?? "") : undefined;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOTFOUND" || code === "ENODATA") return undefined;
    throw error;
  }
}

function recordOf(domain: string, text: string): DmarcRecord | undefined {
  const tags = parseTags(text);
  if (tags === undefined) return undefined;
  const is = (tag: string, ...values: readonly string[]): string | undefined => values.find((value) => tags.get(tag)?.toLowerCase() === value);
  return {
    domain,
    policy: is("p", "none", "quarantine", "reject"),
    strictDkim: is("adkim", "s") !== undefined,
    strictSpf: is("aspf", "s") !== undefined,
    psd: is("psd", "y", "n"),
  };
}
