import { smoothed } from "/static/lib/smoothing.js";
import { close, equal, test } from "./harness.js";

test("a smoothed value is the debiased exponential mean up to it", () => {
  const [x, y, z] = [4, 8, 2];
  const w = 0.6;
  close(smoothed([x, y, z], w), [
    x,
    (w * (1 - w) * x + (1 - w) * y) / (1 - w ** 2),
    (w ** 2 * (1 - w) * x + w * (1 - w) * y + (1 - w) * z) / (1 - w ** 3),
  ]);
});

test("without smoothing every value is itself, and what is constant stays so", () => {
  equal(smoothed([3, 1, 2], 0), [3, 1, 2]);
  close(smoothed(Array(500).fill(0.1), 0.99), Array(500).fill(0.1));
});

test("what is missing is missing smoothed, and weighs nothing", () => {
  const [one, none, other] = smoothed([1, null, 3], 0.5);
  equal([one, none], [1, null]);
  close(other, smoothed([1, 3], 0.5)[1]);
});
