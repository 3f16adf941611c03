// A chart for the keyboard and for screen readers: its cursor moves as a slider's does, and speaks its values.

import { pointAt } from "../lib/curve_places.js";
import { showValue } from "../lib/format.js";
import { clamp } from "../lib/scale.js";
import { placeName } from "./curve_values.js";

const ZOOM_FACTOR = 0.5;
const MOST_SPOKEN_LINES = 8;

/** Let the arrow keys move the cursor of a chart, + and - zoom around it, and Escape show all. */
export function steerByKeys(curves) {
  const { box } = curves;
  let index = null; // of the stop under the cursor
  const last = () => curves.stops.length - 1;
  const moveTo = (wanted) => {
    index = clamp(wanted, 0, last());
    const { plot, stops } = curves;
    plot.setCursor({ left: plot.valToPos(stops[index], "x"), top: plot.over.clientHeight / 3 });
    speakValues(curves, index);
  };
  const back = () => moveTo((index ?? last() + 1) - 1);
  const forward = () => moveTo((index ?? -1) + 1);
  const zoomIn = () => zoom(curves, index ?? last(), ZOOM_FACTOR);
  const actions = {
    ArrowLeft: back,
    ArrowDown: back,
    ArrowRight: forward,
    ArrowUp: forward,
    Home: () => moveTo(0),
    End: () => moveTo(last()),
    "+": zoomIn,
    "=": zoomIn,
    "-": () => zoom(curves, index ?? last(), 1 / ZOOM_FACTOR),
    Escape: () => curves.unzoom(),
  };
  box.addEventListener("keydown", (event) => {
    const action = event.ctrlKey || event.metaKey || event.altKey ? null : actions[event.key];
    if (!action || !curves.shown) return;
    event.preventDefault();
    action();
  });
  box.addEventListener("blur", () => curves.plot?.setCursor({ left: -10, top: -10 }));
}

/** Let a screen reader speak the values at a stop; those of the last one where none is named. */
export function speakValues(curves, index = curves.stops.length - 1) {
  const { shown, stops, lines, box } = curves;
  const place = stops[index] ?? 0;
  const values = lines
    .slice(0, MOST_SPOKEN_LINES)
    .filter((line) => !curves.hidden.has(line.label))
    .map((line) => `${line.label} ${showValue(shown.metric, line.mean[pointAt(line, place, shown)])}`);
  box.setAttribute("aria-valuemin", String(stops[0] ?? 0));
  box.setAttribute("aria-valuemax", String(stops.at(-1) ?? 0));
  box.setAttribute("aria-valuenow", String(place));
  box.setAttribute("aria-valuetext", `${placeName(place, shown)}: ${values.join(", ")}`);
}

function zoom(curves, index, factor) {
  const [first, last] = curves.whole;
  const { min, max } = curves.plot.scales.x;
  const half = (factor * (max - min)) / 2;
  if (2 * half >= last - first) return curves.unzoom();
  const middle = clamp(curves.stops[index], first + half, last - half);
  curves.zoomTo(middle - half, middle + half);
}
