import { heatColours, lineColour } from "/static/lib/colours.js";
import { equal, test } from "./harness.js";

test("the scale runs from dark to bright, with text that stands out", () => {
  equal(heatColours(0), { background: "rgb(0 34 78)", color: "#fff" });
  equal(heatColours(1), { background: "rgb(254 232 56)", color: "#000" });
});

test("a colour between two stops is mixed of both", () => {
  equal(heatColours(0.5 / 9).background, "rgb(9 44 95)");
});

test("a line's colour runs from the worst to the best of its theme", () => {
  equal([lineColour(0, "light"), lineColour(1, "light")], ["rgb(225 100 98)", "rgb(13 8 135)"]);
  equal(lineColour(1, "dark"), "rgb(240 249 33)");
});
