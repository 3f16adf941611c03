import { sleep, throttle } from "/static/lib/timing.js";
import { equal, test } from "./harness.js";

const WAIT = 30;

test("calls in quick succession act once at first and once at the end", async () => {
  let calls = 0;
  const act = throttle(WAIT, () => {
    calls += 1;
  });
  act();
  act();
  await sleep(1, new AbortController().signal);
  equal(calls, 1);
  act();
  act();
  await sleep(10 * WAIT, new AbortController().signal);
  equal(calls, 2);
});

test("a sleep ends early when it is aborted", async () => {
  const controller = new AbortController();
  const asleep = sleep(600_000, controller.signal);
  controller.abort();
  await asleep;
});
