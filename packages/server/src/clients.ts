import { isIPv4, isIPv6 } from "node:net";

/** An address as logs show it: IPv4 that came through an IPv6 socket is IPv4. */
export function plainAddress(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

/** Who counts as one client: an IPv4 address, or an IPv6 network of 64 bits, since that is what one machine has. */
export function clientKey(address: string): string {
  if (isIPv4(address) || !isIPv6(address)) return address;
  const [head = "", tail = ""] = address.split("%", 1)[0]?.split("::") ?? [];
  const before = groups(head);
  const after = groups(tail);
  const zeros = address.includes("::") ? Array.from({ length: 8 - before.length - after.length }, () => "0") : [];
  return [...before, ...zeros, ...after].slice(0, 4).join(":");
}

/** The network that a site may have, 56 bits of IPv6, by the key of one client there. */
export function siteKey(client: string): string {
  const [a, b, c, last, ...more] = client.split(":");
  return last === undefined || more.length > 0 ? client : [a, b, c, last.padStart(4, "0").slice(0, 2)].join(":");
}

function groups(text: string): readonly string[] {
  return text === "" ? [] : text.split(":").map((group) => group.toLowerCase().replace(/^0+(?=.)/, ""));
}

/** Counts the connections of each client. */
export interface ClientCounts {
  /** False where one more would be too many; then it is not counted. */
  enter(client: string): boolean;
  leave(client: string): void;
}

export function countClients(max: number): ClientCounts {
  const counts = new Map<string, number>();
  return {
    enter(client) {
      const count = counts.get(client) ?? 0;
      if (count >= max) return false;
      counts.set(client, count + 1);
      return true;
    },
    leave(client) {
      const count = counts.get(client) ?? 0;
      if (count <= 1) counts.delete(client);
      else counts.set(client, count - 1);
    },
  };
}
