/** An async iterator over a function that gives the next result; leaving the loop early calls `close`. */
export function iterate<Item>(
  next: () => Promise<IteratorResult<Item, undefined>>,
  close: () => void,
): AsyncIterableIterator<Item, undefined> {
  return {
    next,
    return() {
      close();
      return Promise.resolve({ value: undefined, done: true });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
