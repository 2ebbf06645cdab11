import { ConfigError, Refusal } from "@postroad/core";
import type { Canonical } from "./canonical-header.ts";
import { isWithin } from "./domain-name.ts";
import { authorDomains, fromField } from "./from.ts";
import type { Field } from "./header.ts";
import { NOT_SIGNED } from "./not-signed.ts";
import type { DkimOptions, Signer } from "./options.ts";
import type { ReadySigner } from "./signer.ts";
import { readySigner, within } from "./signer.ts";

/** The signers for the domain of a From address, e.g. from a database; undefined or none where there are none. */
export type ChooseSigners = (
  domain: string,
) => Signer | readonly Signer[] | undefined | Promise<Signer | readonly Signer[] | undefined>;

export interface Choice {
  /** The body canonicalizations that a message may need. */
  readonly bodies: ReadonlySet<Canonical>;
  /** Those that are known from the start. */
  readonly known: readonly ReadySigner[];
  signersFor(fields: readonly Field[]): Promise<readonly ReadySigner[]>;
}

type ChoiceOptions = Pick<DkimOptions, "choose"> & { readonly clock: () => number };

export function choice(signers: Signer | readonly Signer[] | ChooseSigners, options: ChoiceOptions): Choice {
  if (typeof signers === "function") return asked(signers, options);
  const known = ready(signers, options);
  if (known.length === 0) throw new ConfigError("dkim", [{ path: "", message: "needs at least one signer" }]);
  const domains = new Set(known.map(({ domain }) => domain));
  const { choose = domains.size > 1 ? "from" : "all" } = options;
  return {
    bodies: new Set(known.map(({ body }) => body)),
    known,
    async signersFor(fields) {
      const from = fromField(fields);
      if (choose === "all") return known;
      const own = new Set(authorDomains(from).map((author) => nearest(author, domains)));
      return known.filter(({ domain }) => own.has(domain));
    },
  };
}

const CHOSEN = "has no meaning beside a function, which chooses itself";

/** The domain itself, or else the next above it that has a key. */
function nearest(author: string, domains: ReadonlySet<string>): string | undefined {
  const above = [...domains].filter((domain) => isWithin(author, domain));
  return above.toSorted((a, b) => b.length - a.length)[0];
}

/** Signers that a function gives. The same object is read and checked once. */
function asked(ask: ChooseSigners, options: ChoiceOptions): Choice {
  if (options.choose !== undefined) throw new ConfigError("dkim", [{ path: "choose", message: CHOSEN }]);
  const seen = new WeakMap<Signer, ReadySigner>();
  function readyOnce(signer: Signer): ReadySigner {
    const known = seen.get(signer) ?? readySigner(signer, options.clock);
    seen.set(signer, known);
    return known;
  }
  async function askFor(domain: string): Promise<readonly ReadySigner[]> {
    try {
      return list((await ask(domain)) ?? []).map(readyOnce);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      const text = error instanceof Error ? error.message : String(error);
      throw new Refusal(NOT_SIGNED, `there is no key for ${domain}: ${text}`, { phase: "sign", cause: error });
    }
  }
  return {
    bodies: new Set(["relaxed", "simple"]),
    known: [],
    async signersFor(fields) {
      const answers = await Promise.all(authorDomains(fromField(fields)).map(askFor));
      return [...new Set(answers.flat())];
    },
  };
}

function ready(signers: Signer | readonly Signer[], { clock }: ChoiceOptions): readonly ReadySigner[] {
  if (!isList(signers)) return [readySigner(signers, clock)];
  return signers.map((signer, index) => within(`[${index}]`, () => readySigner(signer, clock)));
}

function list(signers: Signer | readonly Signer[]): readonly Signer[] {
  return isList(signers) ? signers : [signers];
}

function isList(signers: Signer | readonly Signer[]): signers is readonly Signer[] {
  return Array.isArray(signers);
}
