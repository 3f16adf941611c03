import { limitText, readLimits, readZoom, typedLimit, writeLimits, writeZoom } from "/static/lib/limits.js";
import { useMetrics } from "/static/lib/metrics.js";
import { equal, test } from "./harness.js";

test("a zoom is read as it was written, also one of small times", () => {
  for (const ends of [
    [1, 12],
    [1e-7, 0.025],
  ]) {
    equal(readZoom(writeZoom(ends)), ends);
  }
  equal([writeZoom(null), readZoom(""), readZoom("5-3"), readZoom("x-1")], ["", null, null, null]);
});

test("limits are read as they were written, each end open or not", () => {
  for (const ends of [
    [0.9, 1],
    [null, 1e-7],
    [-2, null],
    [null, null],
  ]) {
    equal(readLimits(writeLimits(ends)), ends);
  }
  for (const bad of ["1:0", "a:b", "1", "1:2:3"]) equal(readLimits(bad), [null, null]);
});

test("limits of shares are written and typed in percent", () => {
  useMetrics([
    { name: "share", kind: "share" },
    { name: "other", kind: "other" },
  ]);
  equal([limitText("share", 0.975), limitText("other", 0.975), limitText("share", null)], ["97.5", "0.975", ""]);
  equal([typedLimit("share", " 97.5 % "), typedLimit("other", "1e-3"), typedLimit("share", " ")], [0.975, 0.001, null]);
  equal(Number.isNaN(typedLimit("other", "much")), true);
});
