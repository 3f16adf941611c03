// A chart for the keyboard and for screen readers: its cursor moves as a slider's does, and speaks its values.

import { showValue } from "../lib/format.js";
import { clamp } from "../lib/scale.js";
import { t } from "../lib/text.js";

const ZOOM_FACTOR = 0.5;
const MOST_SPOKEN_LINES = 8;

/** Let the arrow keys move the cursor of a chart, + and - zoom around it, and Escape show all. */
export function steerByKeys(curves) {
  const { box } = curves;
  let index = null; // of the epoch under the cursor
  const last = () => curves.shown.epochs.length - 1;
  const moveTo = (wanted) => {
    index = clamp(wanted, 0, last());
    const { plot, shown } = curves;
    plot.setCursor({ left: plot.valToPos(shown.epochs[index], "x"), top: plot.over.clientHeight / 3 });
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

/** Let a screen reader speak the values at an epoch; those of the last epoch where none is named. */
export function speakValues(curves, index = curves.shown.epochs.length - 1) {
  const { epochs, metric, lines } = curves.shown;
  const values = lines
    .slice(0, MOST_SPOKEN_LINES)
    .filter((line) => !curves.hidden.has(line.label))
    .map((line) => `${line.label} ${showValue(metric, line.mean[index])}`);
  const { box } = curves;
  box.setAttribute("aria-valuemin", String(epochs[0]));
  box.setAttribute("aria-valuemax", String(epochs.at(-1)));
  box.setAttribute("aria-valuenow", String(epochs[index]));
  box.setAttribute("aria-valuetext", `${t("curves.epoch", { n: epochs[index] })}: ${values.join(", ")}`);
}

function zoom(curves, index, factor) {
  const { epochs } = curves.shown;
  const [first, last] = [epochs[0], epochs.at(-1)];
  const { min, max } = curves.plot.scales.x;
  const half = (factor * (max - min)) / 2;
  if (2 * half >= last - first) return curves.unzoom();
  const middle = clamp(epochs[index], first + half, last - half);
  curves.zoomTo(middle - half, middle + half);
}
