/** What is to happen at some time, earliest first: a binary heap. What is no longer wanted is dropped when it comes up. */
export interface Agenda<T> {
  add(at: number, item: T): void;
  /** The earliest that is still wanted, left where it is. */
  first(): { readonly at: number; readonly item: T } | undefined;
  /** Takes out the earliest that is still wanted, if its time has come. */
  take(now: number): T | undefined;
  /** Moves the times of those that `which` picks. */
  shift(by: number, which?: (item: T) => boolean): void;
}

interface Item<T> {
  at: number;
  readonly item: T;
}

const SPARE = 1024;

/** `isWanted` tells what still counts; `wanted` how many there are at most, so that the rest is swept out in time. */
export function agenda<T>(isWanted: (item: T) => boolean, wanted: () => number): Agenda<T> {
  let heap: Item<T>[] = [];

  function first(): Item<T> | undefined {
    let top = heap[0];
    while (top !== undefined && !isWanted(top.item)) {
      removeTop(heap);
      top = heap[0];
    }
    return top;
  }

  return {
    add(at, item) {
      if (heap.length > 2 * wanted() + SPARE) heap = heapOf(heap.filter((each) => isWanted(each.item)));
      heap.push({ at, item });
      rise(heap, heap.length - 1);
    },
    first,
    take(now) {
      const top = first();
      if (top === undefined || top.at > now) return undefined;
      removeTop(heap);
      return top.item;
    },
    shift(by, which = () => true) {
      for (const each of heap) if (which(each.item)) each.at += by;
      heap = heapOf(heap);
    },
  };
}

function heapOf<T>(items: readonly Item<T>[]): Item<T>[] {
  // A sorted array is a heap.
  return items.toSorted((a, b) => a.at - b.at);
}

function removeTop<T>(heap: Item<T>[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  heap[0] = last;
  sink(heap, 0);
}

function rise<T>(heap: Item<T>[], from: number): void {
  let index = from;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (!swapUnless(heap, parent, index)) return;
    index = parent;
  }
}

function sink<T>(heap: Item<T>[], from: number): void {
  let index = from;
  for (;;) {
    const left = 2 * index + 1;
    const right = left + 1;
    const smaller = timeAt(heap, right) < timeAt(heap, left) ? right : left;
    if (smaller >= heap.length || !swapUnless(heap, index, smaller)) return;
    index = smaller;
  }
}

/** Swaps parent and child where they are in the wrong order. */
function swapUnless<T>(heap: Item<T>[], parent: number, child: number): boolean {
  const [upper, lower] = [heap[parent], heap[child]];
  if (upper === undefined || lower === undefined || upper.at <= lower.at) return false;
  heap[parent] = lower;
  heap[child] = upper;
  return true;
}

function timeAt<T>(heap: readonly Item<T>[], index: number): number {
  return heap[index]?.at ?? Number.POSITIVE_INFINITY;
}
