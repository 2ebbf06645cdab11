import type { AddressOrder } from "./addresses.ts";
import type { Resolver } from "./dns/resolver.ts";
import type { FindPolicy } from "./policy/sts.ts";
import type { Pools } from "./pools.ts";
import type { TlsObservation } from "./tls-rpt/observation.ts";

/** What every part of a delivery needs to know: the options, filled in, and what is shared by all mails. */
export interface Context {
  /** Name of the transport. */
  readonly by: string;
  readonly port: number;
  readonly resolver: Resolver;
  readonly findPolicy: FindPolicy;
  readonly dane: boolean;
  readonly order: AddressOrder;
  /** May mail go to this address? */
  readonly mayGoTo: (address: string) => boolean;
  /** Names of this host. */
  readonly self: ReadonlySet<string>;
  /** Is it an address of this host? */
  readonly isSelf: (address: string) => boolean;
  readonly maxHosts: number;
  readonly maxAddresses: number;
  readonly concurrency: number;
  readonly pools: Pools;
  readonly random: () => number;
  readonly clock: () => number;
  /** Takes down what became of TLS, for reports. */
  readonly observe: (observation: TlsObservation) => void;
}

/** What the mail itself says of TLS. */
export interface Demands {
  /** Never without proof of who answers (RFC 8689 §4.2.1). */
  readonly requireTls: boolean;
  /** Rather in clear text than not at all: the header says `TLS-Required: No` (RFC 8689 §3). */
  readonly relaxed: boolean;
}
