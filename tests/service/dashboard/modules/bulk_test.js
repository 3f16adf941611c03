import { actOnAll } from "/static/lib/bulk.js";
import { equal, test } from "./harness.js";

test("every item is acted on, four at a time, and what fails stops no other", async () => {
  let running = 0;
  let most = 0;
  const acted = [];
  const progress = [];
  const act = async (item) => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, item));
    running -= 1;
    acted.push(item);
    if (item % 4 === 3) throw new Error(`no ${item}`);
  };
  const failed = await actOnAll([9, 8, 7, 6, 5, 4, 3, 2, 1], act, (done) => progress.push(done));
  equal([most, acted.length, progress], [4, 9, [1, 2, 3, 4, 5, 6, 7, 8, 9]]);
  equal(
    failed.map(([item, { message }]) => [item, message]),
    [
      [7, "no 7"],
      [3, "no 3"],
    ],
  );
});
