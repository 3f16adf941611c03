import { useMetrics } from "/static/lib/metrics.js";
import { bounded, bounds, clamp, roundTicks, symlog, tickLabels } from "/static/lib/scale.js";
import { close, equal, METRICS, test } from "./harness.js";

test("shares end at 1, and nothing but R² is below 0", () => {
  useMetrics([...METRICS, { name: "val_r2", quantity: "r2" }]);
  equal(bounds("val_r2"), [-Infinity, 1]);
  equal(
    [bounds("val_accuracy"), bounds("loss")],
    [
      [0, 1],
      [0, Infinity],
    ],
  );
  equal([bounded("val_accuracy", 1.2), bounded("loss", 1.2), bounded("loss", -1)], [1, 1.2, 0]);
});

test("a clamped value stays between the ends", () => {
  equal([clamp(5, 0, 3), clamp(-5, 0, 3), clamp(2, 0, 3)], [3, 0, 2]);
});

test("ticks have as many digits as tell them apart", () => {
  equal(tickLabels([4.301, 4.302, 4.303]), ["4.301", "4.302", "4.303"]);
  equal(tickLabels([99.995, 100]), ["99.995", "100"]);
  equal(tickLabels([2.35]), ["2.35"]);
  equal(tickLabels([0, 0.5, 1]), ["0", "0.5", "1"]);
});

test("ticks that are not drawn have no label", () => {
  equal(tickLabels([0.1, null, 10]), ["0.1", "", "10"]);
});

test("large ticks have exponents, zero does not", () => {
  equal(tickLabels([-1e7, -5e6, 0]), ["-1e+7", "-5e+6", "0"]);
});

test("round ticks are about four, between the ends", () => {
  close(roundTicks(0.1, 0.95), [0.2, 0.4, 0.6, 0.8]);
  close(roundTicks(-1, 1), [-1, -0.5, 0, 0.5, 1]);
  close(roundTicks(3, 17), [5, 10, 15]);
});

test("an axis never has a single tick", () => {
  close(roundTicks(-4.9, 4.9), [-4, -2, 0, 2, 4]);
  for (let high = 1; high < 10; high += 0.1) equal(roundTicks(-high, high).length >= 3, true);
});

test("a scale that is logarithmic both ways has zero and powers of ten, and keeps order and signs", () => {
  const { forward, ticks } = symlog(0.01, -50, 2000);
  equal(ticks, [-10, -0.1, 0, 0.1, 10, 1000]);
  const places = [-2000, -1, -0.01, 0, 0.01, 1, 2000].map(forward);
  equal(
    places.toSorted((one, other) => one - other),
    places,
  );
  close(forward(-3), -forward(3));
  close(forward(2000) - forward(200), Math.log(10), 1e-6); // far from zero a power of ten is a step
});
