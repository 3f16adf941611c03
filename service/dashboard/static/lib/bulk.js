// One action on many items: a request each, some at a time, so that one that is refused stops no other.

const AT_ONCE = 4;

/**
 * Act on every item; return those that failed as `[item, error]` pairs, in the order of the items.
 *
 * @param act    called with an item; returns a promise
 * @param onDone called with the number of items that are done, whether they worked or not
 */
export async function actOnAll(items, act, onDone = () => {}) {
  const failed = [];
  const waiting = [...items.entries()];
  let done = 0;
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [place, item] = next;
      try {
        await act(item);
      } catch (error) {
        failed.push([place, item, error]);
      }
      done += 1;
      onDone(done);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return failed.toSorted(([one], [other]) => one - other).map(([, item, error]) => [item, error]);
}
