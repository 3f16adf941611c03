import { placesOf, pointAt, stopsOf } from "/static/lib/curve_places.js";
import { equal, test } from "./harness.js";

const LINES = [{ seconds: [1, 2, 5] }, { seconds: [2, 4, null] }];
const BY_TIME = { byTime: true, epochs: [1, 2, 3] };

test("points lie at epochs, or at their times as far as these are known", () => {
  equal(placesOf(LINES[1], { byTime: false, epochs: [1, 2, 3] }), [1, 2, 3]);
  equal(placesOf(LINES[1], BY_TIME), [2, 4]);
});

test("values are read out at every epoch, or at the times of the longest line", () => {
  equal(stopsOf({ byTime: false, epochs: [1, 2] }, LINES), [1, 2]);
  equal(stopsOf(BY_TIME, LINES), [1, 2, 5]);
  equal(stopsOf(BY_TIME, []), []);
});

test("the point at a place is the last one up to it, and there is none outside the line", () => {
  const at = (place) => pointAt(LINES[1], place, BY_TIME);
  equal([1.9, 2, 3.9, 4, 4.1].map(at), [-1, 0, 0, 1, -1]);
  equal(pointAt(LINES[0], 3, { byTime: false, epochs: [1, 2, 3] }), 2);
});
