/** First come, first served. All operations take constant time, whatever the length. */
export interface Line<T> {
  readonly size: number;
  push(item: T): void;
  /** Back to the front: it was here before the others. */
  unshift(item: T): void;
  shift(): T | undefined;
  /** Whose turn it is; stays in line. */
  first(): T | undefined;
}

const COMPACT_AT = 1024;

export function line<T>(): Line<T> {
  let items: (T | undefined)[] = [];
  let head = 0;
  return {
    get size() {
      return items.length - head;
    },
    push: (item) => void items.push(item),
    first: () => items[head],
    unshift(item) {
      if (head > 0) items[(head -= 1)] = item;
      else items.unshift(item);
    },
    shift() {
      const item = items[head];
      if (head < items.length) items[head++] = undefined;
      if (head >= COMPACT_AT && head * 2 > items.length) {
        items = items.slice(head);
        head = 0;
      }
      return item;
    },
  };
}
