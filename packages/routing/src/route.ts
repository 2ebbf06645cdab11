import type { Mail, Receipt, Transport } from "@postroad/core";
import { ConfigError, isFunction, merge, receipt } from "@postroad/core";
import type { By } from "./by.ts";
import { byDomain, domainKey, keysOf, lanesOf } from "./by.ts";
import { checkMembers, sendTo, several } from "./several.ts";

/**
 * Transports by key. `"*.example.org"` takes every key that ends in `.example.org`, the longest such key first, and
 * `"*"` whatever else there is.
 */
export type RoutingTable<M extends Mail> = Readonly<Record<string, Transport<M>>>;

/**
 * Sends each recipient to the transport of its key: by domain, by header, by meta, or by a function of yours. Whom the
 * table has nothing for is deferred with 4.3.5 (RFC 3463 §3.4): a gap in our table bounces nobody's mail.
 */
export function route<M extends Mail>(by: By, table: RoutingTable<M>): Transport<M> {
  const wrong = isFunction(by);
  if (wrong !== undefined) throw new ConfigError("route", [{ path: "by", message: wrong }]);
  checkMembers("route", Object.values(table));
  const routes = normalized(by, table);
  // The targets alone: a key may be somebody's address, and names go to logs and spans.
  const name = `route(${[...new Set(routes.values())].map(({ name: target }) => target).join(" ")})`;

  return several(name, [...routes.values()], "all", async (mail, options) => {
    const targets = (await keysOf(mail, by, options)).map((key) => find(routes, key) ?? key);
    const lanes = [...lanesOf(mail, targets)];
    const send = async ([target, lane]: (typeof lanes)[number]): Promise<Receipt> =>
      typeof target === "object" ? sendTo(target, lane, options) : unroutable(lane, target);
    return merge(mail, ...(await Promise.all(lanes.map(send))));
  });
}

/** The table with one spelling of each domain. Throws where two keys are the same one. */
function normalized<M extends Mail>(by: By, table: RoutingTable<M>): ReadonlyMap<string, Transport<M>> {
  const routes = new Map<string, Transport<M>>();
  for (const [given, target] of Object.entries(table)) {
    const key = by === byDomain && given !== "*" ? domainPattern(given) : given;
    if (routes.has(key)) throw new ConfigError("route", [{ path: given, message: `is there twice, as ${key}` }]);
    routes.set(key, target);
  }
  return routes;
}

function domainPattern(given: string): string {
  return given.startsWith("*.") ? `*.${domainKey(given.slice(2))}` : domainKey(given);
}

function find<M extends Mail>(
  routes: ReadonlyMap<string, Transport<M>>,
  key: string | undefined,
): Transport<M> | undefined {
  const exact = key === undefined ? undefined : routes.get(key);
  if (exact !== undefined) return exact;
  for (let dot = key?.indexOf(".") ?? -1; dot !== -1; dot = key?.indexOf(".", dot + 1) ?? -1) {
    const parent = routes.get(`*${key?.slice(dot)}`);
    if (parent !== undefined) return parent;
  }
  return routes.get("*");
}

function unroutable(mail: Mail, key: string | undefined): Receipt {
  return receipt(mail, {
    kind: "deferred",
    status: "4.3.5",
    by: "route",
    message: key === undefined ? "no route without a key" : `no route for ${key}`,
    diagnosis: { advice: `Add a route for it, or "*" for whatever has none.` },
  });
}
