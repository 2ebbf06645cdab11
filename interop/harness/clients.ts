let clients = 0;

/**
 * A loopback address that no other test calls from, by which a server's log tells sessions apart. All of 127.0.0.0/8
 * is this machine.
 */
export function clientAddress(): string {
  clients += 1;
  return `127.7.${clients >> 8}.${clients & 255}`;
}
