/** First come, first served. Unlike `shift` of a long array, taking the first costs the same however many wait. */
export interface Line<T> {
  readonly length: number;
  add(item: T): void;
  take(): T | undefined;
}

const SWEPT = 1024;

export function line<T>(): Line<T> {
  let items: (T | undefined)[] = [];
  let head = 0;
  return {
    get length() {
      return items.length - head;
    },
    add: (item) => void items.push(item),
    take() {
      if (head === items.length) return undefined;
      const item = items[head];
      items[head] = undefined;
      head += 1;
      if (head > SWEPT && head * 2 > items.length) {
        items = items.slice(head);
        head = 0;
      }
      return item;
    },
  };
}
