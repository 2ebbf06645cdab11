/** A promise and the means to settle it. */
export interface Deferral<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

/** What `Promise.withResolvers` makes, for the ES2023 that this package compiles against. */
export function deferral<T>(): Deferral<T> {
  let settle: Omit<Deferral<T>, "promise"> | undefined;
  const promise = new Promise<T>((resolve, reject) => (settle = { resolve, reject }));
  return { promise, resolve: (value) => settle?.resolve(value), reject: (reason) => settle?.reject(reason) };
}
