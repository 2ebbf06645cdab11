import type { ConfigIssue, Rules } from "@postroad/core";
import { ConfigError, checkOptions, isFunction, isObject } from "@postroad/core";
import { resolveTxt as systemResolveTxt } from "node:dns/promises";
import type { ResolveTxt } from "./check-dns.ts";
import type { DmarcRecord, Walk } from "./dmarc.ts";
import { dmarcWalk, organizationOf } from "./dmarc.ts";
import { domainFault, normalName } from "./domain-name.ts";
import { unlessAborted } from "./unless-aborted.ts";

/** Whose mail it is to be, and what vouches for it. */
export interface AlignmentRequest {
  /** The address or domain of the From field. */
  readonly from: string;
  /** Domains that sign: `domain` of each signer. @default none */
  readonly dkim?: readonly string[];
  /** The reverse-path or its domain, whose SPF record allows the sending host. @default none */
  readonly mailFrom?: string;
}

export interface AlignmentOptions {
  /** In place of the system's resolver. */
  readonly resolveTxt?: ResolveTxt;
  readonly signal?: AbortSignal;
}

/** Whether receivers that keep to DMARC (RFC 9989) will believe the From field. */
export interface Alignment {
  /**
   * `aligned`: DKIM or SPF speaks for the From domain, if it passes. `unaligned`: neither can. `no-policy`: the domain
   * has no DMARC record, which large receivers ask for; `dkim` and `spf` still tell. `unknown`: DNS did not answer.
   */
  readonly state: "aligned" | "unaligned" | "no-policy" | "unknown";
  /** Those of the signing domains that are aligned. */
  readonly dkim: readonly string[];
  readonly spf: boolean;
  /** The organization of the From domain. */
  readonly organization?: string;
  /** `none`, `quarantine` or `reject`: what the record that holds for the domain asks of receivers. */
  readonly policy?: string;
  /** For people: what it is, and what to do. */
  readonly message: string;
}

const optionRules: Rules<AlignmentOptions> = { resolveTxt: isFunction, signal: isObject };

/** Looks up, before mail is sent, whether its From will be aligned with what signs and who sends. Never throws for what DNS says. */
export async function checkAlignment(request: AlignmentRequest, options: AlignmentOptions = {}): Promise<Alignment> {
  checkOptions("checkAlignment", options, optionRules);
  const { from, dkim, mailFrom } = namesIn(request);
  const { resolveTxt = systemResolveTxt, signal } = options;
  const walk = dmarcWalk((name) => unlessAborted(resolveTxt(name), signal));
  try {
    return await alignmentOf(from, dkim, mailFrom, walk);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    return { state: "unknown", dkim: [], spf: false, message: `DNS did not answer on ${from} and its organization (${code})` };
  }
}

async function alignmentOf(from: string, signing: readonly string[], mailFrom: string | undefined, walk: Walk): Promise<Alignment> {
  const records = await walk(from);
  const organization = organizationOf(from, records);
  const record = recordFor(from, organization, records);

  async function aligns(domain: string, strict: boolean): Promise<boolean> {
    if (domain === from || strict) return domain === from;
    return organizationOf(domain, await walk(domain)) === organization;
  }

  const checked = await Promise.all(signing.map(async (domain) => [domain, await aligns(domain, record?.strictDkim === true)] as const));
  const dkim = checked.flatMap(([domain, isAligned]) => (isAligned ? [domain] : []));
  const spf = mailFrom !== undefined && (await aligns(mailFrom, record?.strictSpf === true));
  const { policy } = record ?? {};
  const found = { dkim, spf, organization, ...(policy !== undefined && { policy }) };
  if (record === undefined) {
    const message = `${from} has no DMARC record: publish "v=DMARC1; p=none" or stricter at _dmarc.${organization}`;
    return { state: "no-policy", ...found, message };
  }
  if (dkim.length > 0 || spf) return { state: "aligned", ...found, message: `${wordsFor(dkim, spf)} for ${from}` };
  const strict = record.strictDkim || record.strictSpf ? ", and the record asks for the very name" : "";
  const message = `nothing speaks for ${from}: sign with a key of ${organization}, or send from a reverse-path there${strict}`;
  return { state: "unaligned", ...found, message };
}

/** The domain's own record, else that of its organization, else that of the registry above (RFC 9989 §4.10.1). */
function recordFor(from: string, organization: string, records: readonly DmarcRecord[]): DmarcRecord | undefined {
  return records.find(({ domain }) => domain === from) ?? records.find(({ domain }) => domain === organization) ?? records.find(({ psd }) => psd === "y");
}

function wordsFor(dkim: readonly string[], spf: boolean): string {
  const ways = [...(dkim.length > 0 ? [`DKIM of ${dkim.join(", ")}`] : []), ...(spf ? ["SPF of the reverse-path"] : [])];
  return `${ways.join(" and ")} ${ways.length === 1 ? "speaks" : "speak"}`;
}

interface Names {
  readonly from: string;
  readonly dkim: readonly string[];
  readonly mailFrom: string | undefined;
}

function namesIn({ from, dkim = [], mailFrom }: AlignmentRequest): Names {
  const issues: ConfigIssue[] = [];
  const nameOf = (value: unknown, path: string): string => {
    const domain = typeof value === "string" ? value.slice(value.lastIndexOf("@") + 1) : "";
    const fault = domainFault(domain);
    if (fault !== undefined) issues.push({ path, message: fault });
    return normalName(domain);
  };
  const names = {
    from: nameOf(from, "from"),
    dkim: dkim.map((domain, index) => nameOf(domain, `dkim[${index}]`)),
    // The null reverse-path: SPF then speaks for the host, which is nobody's From.
    mailFrom: mailFrom === undefined || mailFrom === "" ? undefined : nameOf(mailFrom, "mailFrom"),
  };
  if (issues.length > 0) throw new ConfigError("checkAlignment", issues);
  return names;
}
