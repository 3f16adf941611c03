// A chart by keyboard and by ear: its cursor moves as a slider's does, and says what it points at.

import { showValue } from "../lib/format.js";
import { t } from "../lib/text.js";

const ZOOM = 0.5;
const MOST_SPOKEN = 8;

/** Let the arrow keys move a chart's cursor, + and - zoom around it, Escape show the whole. */
export function steerByKeys(curves) {
  const { box } = curves;
  let at = null;
  const move = (to) => {
    at = Math.max(0, Math.min(to, curves.shown.epochs.length - 1));
    const { plot } = curves;
    plot.setCursor({ left: plot.valToPos(curves.shown.epochs[at], "x"), top: plot.over.clientHeight / 3 });
    tell(curves, at);
  };
  const last = () => curves.shown.epochs.length - 1;
  const actions = {
    ArrowLeft: () => move((at ?? last() + 1) - 1),
    ArrowDown: () => move((at ?? last() + 1) - 1),
    ArrowRight: () => move((at ?? -1) + 1),
    ArrowUp: () => move((at ?? -1) + 1),
    Home: () => move(0),
    End: () => move(last()),
    "+": () => zoom(curves, at ?? last(), ZOOM),
    "=": () => zoom(curves, at ?? last(), ZOOM),
    "-": () => zoom(curves, at ?? last(), 1 / ZOOM),
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

/** Say what an epoch's values are; null: the last one's. */
export function tell(curves, at = null) {
  const { lines, epochs, metric } = curves.shown;
  const place = at ?? epochs.length - 1;
  const values = lines
    .slice(0, MOST_SPOKEN)
    .filter((line) => !curves.hidden.has(line.label))
    .map((line) => `${line.label} ${showValue(metric, line.mean[place])}`);
  const { box } = curves;
  box.setAttribute("aria-valuemin", String(epochs[0]));
  box.setAttribute("aria-valuemax", String(epochs.at(-1)));
  box.setAttribute("aria-valuenow", String(epochs[place]));
  box.setAttribute("aria-valuetext", `${t("curves.epoch", { n: epochs[place] })}: ${values.join(", ")}`);
}

function zoom(curves, at, factor) {
  const { epochs } = curves.shown;
  const { min, max } = curves.plot.scales.x;
  const half = (factor * (max - min)) / 2;
  const [first, last] = [epochs[0], epochs.at(-1)];
  if (2 * half >= last - first) return curves.unzoom();
  const middle = Math.max(first + half, Math.min(epochs[at], last - half));
  curves.zoomTo(middle - half, middle + half);
}
