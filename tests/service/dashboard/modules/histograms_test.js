import { densities, hasValues, padded, rangeOf, smoothed, symlogUnit } from "/static/lib/histograms.js";
import { close, equal, test } from "./harness.js";

function layer(edges, counts) {
  return { z: { histogram: { edges, counts } } };
}

function uniform(bins, count) {
  return { edges: Array.from({ length: bins + 1 }, (_, index) => index), counts: Array(bins).fill(count) };
}

test("a layer has values where its histogram has edges", () => {
  const layers = [layer([0, 1], [3]), layer([], []), {}];
  equal(
    layers.map((each) => hasValues(each, "z") ?? false),
    [true, false, false],
  );
});

test("a range fits all layers, also where some have no values", () => {
  equal(rangeOf([layer([0, 1], [3]), layer([], []), layer([-2, 0.5], [3])], "z"), [-2, 1]);
  equal(rangeOf([layer(["NaN", "NaN"], [0])], "z"), [-1, 1]);
});

test("a range is padded, also where it has no width", () => {
  close(padded([0, 1]), [-0.03, 1.03]);
  close(padded([4, 4]), [2, 6]);
  close(padded([0, 0]), [-1, 1]);
});

test("empty ends are cut off", () => {
  equal(smoothed({ edges: [0, 1, 2, 3], counts: [0, 900, 0] }), { edges: [1, 2], counts: [900] });
  equal(smoothed({ edges: [0, 1], counts: [0] }), { edges: [], counts: [] });
});

test("bins are merged until chance does not fray them, and no value is lost", () => {
  const { edges, counts } = smoothed(uniform(33, 2));
  equal([edges[0], edges.at(-1), edges.length - 1], [0, 33, counts.length]);
  equal([counts.reduce((sum, count) => sum + count), counts.length < 16], [66, true]);
});

test("many values keep their bins", () => {
  equal(smoothed(uniform(32, 100)).counts.length, 32);
});

test("a density is a count by its bin's width", () => {
  equal(densities({ edges: [0, 1, 3], counts: [4, 4] }), [
    { centre: 0.5, density: 4 },
    { centre: 2, density: 2 },
  ]);
  equal(Number.isFinite(densities({ edges: [1, 1], counts: [4] })[0].density), true);
});

test("layers that differ widely have a logarithmic scale from the smallest spread on", () => {
  const layers = (...spreads) => spreads.map((std) => ({ z: { std } }));
  equal(symlogUnit(layers(1, 5, 19), "z"), null);
  equal(symlogUnit(layers(1, 0, "NaN", 200), "z"), 1);
  equal(symlogUnit(layers(1e-9, 10), "z"), 1e-5); // what is smaller is a line
  equal(symlogUnit(layers(0, "NaN"), "z"), null);
});
