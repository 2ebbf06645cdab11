import type { Mail } from "@postroad/core";
import { mailboxKey } from "@postroad/core";

/** What is known of recipients of mails, as long as the process runs. */
export interface Memory<V> {
  readonly isEmpty: boolean;
  get(mail: Mail, address: string): V | undefined;
  set(mail: Mail, address: string, value: V): void;
  delete(mail: Mail, address: string): void;
}

/** Mail that never settles must not fill the memory: past so many recipients the one noted longest ago is forgotten. */
const MOST = 10_000;

/** By `id` and mailbox, so that it holds whatever a layer or a queue makes of the mail in between. */
export function remember<V>(most: number = MOST): Memory<V> {
  const known = new Map<string, V>();
  return {
    get isEmpty() {
      return known.size === 0;
    },
    get: (mail, address) => known.get(keyOf(mail, address)),
    set(mail, address, value) {
      const key = keyOf(mail, address);
      known.delete(key);
      known.set(key, value);
      const [oldest] = known.size > most ? known.keys() : [];
      if (oldest !== undefined) known.delete(oldest);
    },
    delete: (mail, address) => void known.delete(keyOf(mail, address)),
  };
}

/** No address has a line end in it. */
function keyOf({ id }: Mail, address: string): string {
  return `${id}\n${mailboxKey(address)}`;
}
