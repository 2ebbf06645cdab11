import type { IncomingMessage } from "node:http";
import type { LookupFunction } from "node:net";
import { isIP } from "node:net";
import { request } from "node:https";
import type { AddressOrder } from "./addresses.ts";
import { addressesOf } from "./addresses.ts";
import type { Resolver } from "./dns/resolver.ts";
import type { Fetch, FetchInit, FetchResponse } from "./policy/sts-fetch.ts";

export interface WebOptions {
  /** Finds the addresses of a host. */
  readonly resolver: Resolver;
  readonly order: AddressOrder;
  /** May a connection be made to this address? */
  readonly mayGoTo: (address: string) => boolean;
  /** Where 443 is. @default 443 */
  readonly port?: number;
  /** Authorities for certificates. @default those of the platform */
  readonly ca?: string;
}

/** Addresses of one host that are tried. */
const MOST_ADDRESSES = 5;

/**
 * Asks by https, where the name of the host comes from somebody else's DNS record: whoever wrote it must not reach what listens inside, as
 * by port 443 only, no special-purpose address is gone to, whatever the name leads to at the moment of connecting, and nothing is
 * followed to elsewhere. Certificates are checked, and nothing is kept between requests.
 */
export function webClient(options: WebOptions): Fetch {
  return async (url, init) => {
    const { protocol, port, hostname } = new URL(url);
    if (protocol !== "https:" || port !== "") throw new Error("only https on port 443 is asked");
    const response = await responseTo(url, init, await allowed(hostname.replace(/^\[|\]$/g, ""), options, init.signal), options);
    const { statusCode: status = 0, headers } = response;
    if (status >= 300 && status < 400) {
      response.destroy();
      throw new Error(`it answers ${status} and names another place`);
    }
    return { status, headers: { get: (name) => valueOf(headers[name]) }, body: bodyOf(response) };
  };
}

/** Where to connect to. Throws where that may not be. */
async function allowed(host: string, { resolver, order, mayGoTo }: WebOptions, signal: AbortSignal): Promise<readonly string[]> {
  const found = isIP(host) > 0 ? { addresses: [host], failure: undefined } : await addressesOf(host, resolver, order, { signal });
  if (found.addresses.length === 0) throw found.failure ?? new Error(`${host} has no address`);
  const addresses = found.addresses.filter(mayGoTo).slice(0, MOST_ADDRESSES);
  if (addresses.length > 0) return addresses;
  throw new Error(`no connection is made to ${host} at ${found.addresses.slice(0, 4).join(", ")}: a special-purpose address (RFC 6890)`);
}

function responseTo(url: string, { method, headers, body, signal }: FetchInit, addresses: readonly string[], { port = 443, ca }: WebOptions): Promise<IncomingMessage> {
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  // The name is not looked up again: it could lead elsewhere by now.
  const lookup: LookupFunction = (_, { all }, callback) => {
    const [first] = found;
    if (all === true || first === undefined) callback(null, found);
    else callback(null, first.address, first.family);
  };
  return new Promise((resolve, reject) => {
    const asking = request(url, { method, headers, signal, port, defaultPort: port, lookup, agent: false, ...(ca !== undefined && { ca }) }, resolve);
    asking.on("error", reject).end(body);
  });
}

function bodyOf(response: IncomingMessage): FetchResponse["body"] {
  // Whoever reads it hears of an error; whoever does not needs not to.
  response.on("error", () => undefined);
  return {
    [Symbol.asyncIterator]: () => response[Symbol.asyncIterator](),
    cancel() {
      response.destroy();
      return Promise.resolve();
    },
  };
}

function valueOf(value: string | readonly string[] | undefined): string | null {
  return value === undefined ? null : String(value);
}
