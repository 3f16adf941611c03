// Parallel coordinates: an axis per varied axis of the grid and one of the metric, a line per run or per group.

import { LINE_COLOURS, lineColour } from "../lib/colours.js";
import { showValue } from "../lib/format.js";
import { isLoss, lowerIsBetter, metricTitle } from "../lib/metrics.js";
import { isSelected, labelOrder, labelPlace, nearestLine, valueScale } from "../lib/parallel.js";
import { clamp } from "../lib/scale.js";
import { t } from "../lib/text.js";
import { axisTitle } from "./configuration.js";
import { h, setText, show, svg } from "./dom.js";
import { button, scrollable } from "./elements.js";
import { theme, whenThemeChanges } from "./theme.js";

const LEAST_HEIGHT_PIXELS = 300;
const LABEL_HEIGHT_PIXELS = 26;
/** The room for an axis: as much as its longest label needs, within limits. */
const LEAST_AXIS_PIXELS = 130;
const MOST_AXIS_PIXELS = 280;
const LETTER_PIXELS = 7;
/** Of more labels only some are written; all can be dragged over. */
const MOST_LABELS = 30;
/** Values that are written along the metric's axis. */
const TICKS = [0, 0.25, 0.5, 0.75, 1];
/** Where lines of runs that diverged end: below the metric's axis. */
const LOST_PLACE = 1.1;
/** How far from a line the pointer still means it, as a part of the height. */
const REACH = 0.05;
/** A drag over less than this is a press. */
const LEAST_DRAG = 0.02;

export class ParallelChart {
  /**
   * @param onBrush called with another selection
   * @param onOpen  called with a line that was pressed
   */
  constructor(signal, onBrush, onOpen) {
    Object.assign(this, { onBrush, onOpen, shown: null, drawn: "", pointed: null });
    this.lines = svg("svg.lines", { viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" });
    this.axes = h("div.axes");
    this.stage = h("div.parallel", this.lines, this.axes);
    this.told = h("p.told");
    this.key = h("div");
    const box = scrollable(t("parallel.title"), h("div.scroll.parallel-box", this.stage));
    this.element = h("div", box, this.told, this.key);
    this.stage.addEventListener("pointermove", (event) => this.point(event));
    this.stage.addEventListener("pointerleave", () => this.mark(null));
    this.lines.addEventListener("click", () => this.pointed && onOpen(this.pointed));
    whenThemeChanges(() => this.shown && this.drawLines(), signal);
  }

  /**
   * Draw lines.
   *
   * @param shown `{metric, axes, lines, brush}`; a line is `{name, labels, value, lost, partly}`: the value of the metric, whether all
   *   its runs diverged and whether some did
   */
  update(shown) {
    const { axes, lines, metric } = shown;
    const labels = axes.map((axis) => labelOrder([...new Set(lines.map((line) => line.labels[axis]))]));
    const values = lines.filter(({ lost }) => !lost).map(({ value }) => value);
    this.shown = {
      ...shown,
      labels,
      scale: valueScale(values, isLoss(metric)),
      hasLost: lines.some(({ lost }) => lost),
    };
    const drawn = JSON.stringify([axes, labels, metric, this.shown.hasLost]);
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      this.drawAxes();
    }
    this.writeTicks();
    this.press();
    this.drawLines();
  }

  drawAxes() {
    const { axes, labels, metric, hasLost } = this.shown;
    const rows = Math.max(...labels.map(({ length }) => Math.min(length, MOST_LABELS)));
    this.stage.style.setProperty("--height", `${Math.max(LEAST_HEIGHT_PIXELS, rows * LABEL_HEIGHT_PIXELS)}px`);
    const longest = LETTER_PIXELS * (6 + Math.max(...labels.flat().map(({ length }) => length)));
    const room = clamp(longest, LEAST_AXIS_PIXELS, MOST_AXIS_PIXELS);
    this.stage.style.setProperty("--least", `${axes.length * room}px`);
    this.stage.style.setProperty("--count", axes.length);
    this.toggles = new Map(); // by axis: buttons by label
    const last = axes.length;
    this.ticks = TICKS.map((share) => h("span.tick", { style: { top: `${100 * share}%` } }));
    this.lost = button("button.tick", () => this.toggleLost(), `✕ ${t("status.diverged")}`);
    this.lost.style.setProperty("top", `${100 * LOST_PLACE}%`);
    show(
      this.axes,
      axes.map((axis, index) => this.axis(axisTitle(axis), index / last, this.labelButtons(axis, labels[index]), axis)),
      this.axis(metricTitle(metric), 1, [this.ticks, hasLost && this.lost], null),
    );
  }

  /** Return one axis: its title, the strip that is dragged over, and what stands beside it. */
  axis(title, across, content, name) {
    const brush = h("div.brush", { hidden: true });
    const strip = h("div.strip", { title: t("parallel.drag") });
    strip.addEventListener("pointerdown", (event) => this.drag(event, strip, brush, name));
    const place = { style: { left: `${100 * across}%` }, role: "group", "aria-label": title };
    return h("div.axis", place, h("span.name", { title }, title), brush, strip, content);
  }

  labelButtons(axis, labels) {
    const stride = Math.ceil(labels.length / MOST_LABELS);
    const buttons = new Map();
    for (const [index, label] of labels.entries()) {
      if (index % stride) continue;
      const toggle = button("button.tick", () => this.toggle(axis, label), { title: label }, label);
      toggle.style.setProperty("top", `${100 * labelPlace(labels, label)}%`);
      buttons.set(label, toggle);
    }
    this.toggles.set(axis, buttons);
    return [...buttons.values()];
  }

  writeTicks() {
    const { scale, metric } = this.shown;
    for (const [index, share] of TICKS.entries()) {
      const isWritten = scale && (scale.high > scale.low || share === 0.5);
      setText(this.ticks[index], isWritten ? showValue(metric, scale.valueAt(share)) : "");
    }
  }

  /** Show on the axes what is selected. */
  press() {
    const { axes, lost } = this.shown.brush;
    for (const [axis, buttons] of this.toggles) {
      for (const [label, toggle] of buttons) toggle.setAttribute("aria-pressed", String(!!axes[axis]?.includes(label)));
    }
    this.lost.setAttribute("aria-pressed", String(lost));
  }

  toggle(axis, label) {
    const { brush } = this.shown;
    const chosen = brush.axes[axis] ?? [];
    const labels = chosen.includes(label) ? chosen.filter((other) => other !== label) : [...chosen, label];
    this.onBrush({ ...brush, axes: { ...brush.axes, [axis]: labels } });
  }

  toggleLost() {
    const { brush } = this.shown;
    this.onBrush({ ...brush, lost: !brush.lost });
  }

  /** Select what is dragged over; a press selects all of the axis again. */
  drag(event, strip, brush, axis) {
    const frame = this.lines.getBoundingClientRect();
    const at = ({ clientY }) => (clientY - frame.top) / frame.height;
    const start = at(event);
    const ends = (moved) => [Math.min(start, at(moved)), Math.max(start, at(moved))];
    const move = (moved) => {
      const [top, bottom] = ends(moved);
      brush.hidden = false;
      brush.style.setProperty("top", `${100 * top}%`);
      brush.style.setProperty("height", `${100 * (bottom - top)}%`);
    };
    const end = (moved) => {
      brush.hidden = true;
      stop.abort();
      const [top, bottom] = ends(moved);
      this.selectRange(axis, bottom - top < LEAST_DRAG ? null : [top, bottom]);
    };
    const stop = new AbortController();
    strip.setPointerCapture(event.pointerId);
    strip.addEventListener("pointermove", move, { signal: stop.signal });
    for (const type of ["pointerup", "pointercancel"]) strip.addEventListener(type, end, { signal: stop.signal });
  }

  /** Select what lies in a range of an axis (null: everything); of the metric where no axis is named. */
  selectRange(axis, range) {
    const { brush, axes, labels, scale } = this.shown;
    if (axis !== null) {
      const own = labels[axes.indexOf(axis)];
      const isWithin = (label) => range[0] <= labelPlace(own, label) && labelPlace(own, label) <= range[1];
      this.onBrush({ ...brush, axes: { ...brush.axes, [axis]: range ? own.filter(isWithin) : [] } });
    } else if (range && scale) {
      const [to, from] = range.map((share) => Number(scale.valueAt(clamp(share, 0, 1)).toPrecision(4)));
      this.onBrush({ ...brush, from, to });
    } else this.onBrush({ ...brush, from: null, to: null, lost: false });
  }

  drawLines() {
    const { axes, labels, lines, brush, scale, metric } = this.shown;
    const places = (line) => [
      ...axes.map((axis, index) => labelPlace(labels[index], line.labels[axis])),
      line.lost ? LOST_PLACE : scale.place(line.value),
    ];
    this.placed = lines.map((line) => ({ line, places: places(line), selected: isSelected(line, brush) }));
    const upward = lowerIsBetter(metric) ? (share) => share : (share) => 1 - share;
    const path = ({ line, places: downs, selected }) => {
      const points = downs.map((down, index) => `${index / axes.length},${down}`).join("L");
      const colour = line.lost || !selected ? null : lineColour(upward(downs.at(-1)), theme());
      const kind = [!selected && "left", line.lost && "lost", line.partly && "partly"].filter(Boolean).join(" ");
      return svg("path", { d: `M${points}`, class: kind, style: colour ? { stroke: colour } : {} });
    };
    // What is selected lies above the rest, and what diverged on top.
    this.placed.sort((one, other) => one.selected - other.selected || one.line.lost - other.line.lost);
    this.paths = this.placed.map(path);
    show(this.lines, this.paths);
    show(this.key, this.colourKey());
    this.mark(null);
  }

  /** Return the colours with the values they stand for, the worst on the left. */
  colourKey() {
    const { metric, scale } = this.shown;
    if (!scale || scale.high === scale.low) return null;
    const values = [scale.low, scale.valueAt(0.5), scale.high];
    const ends = (lowerIsBetter(metric) ? values.toReversed() : values).map((value) => showValue(metric, value));
    const title = metricTitle(metric);
    const label = `${title}: ${t("number.range", { low: ends[0], high: ends[2] })}`;
    const bar = h("i", { style: { background: `linear-gradient(to right, ${LINE_COLOURS[theme()].join(", ")})` } });
    const texts = ends.map((value) => h("span", value));
    return h("div.colours", { role: "img", "aria-label": label }, h("span", title), bar, h("div", texts));
  }

  /** Tell which of the selected lines is under the pointer. */
  point({ clientX, clientY }) {
    const frame = this.lines.getBoundingClientRect();
    const across = clamp((clientX - frame.left) / frame.width, 0, 1);
    const candidates = this.placed.filter(({ selected }) => selected);
    this.mark(nearestLine(candidates, across, (clientY - frame.top) / frame.height, REACH));
  }

  mark(found) {
    this.pointed = found?.line ?? null;
    for (const [index, placed] of this.placed.entries()) {
      this.paths[index].classList.toggle("marked", placed === found);
    }
    setText(this.told, found ? `${found.line.name}: ${resultText(this.shown.metric, found.line)}` : "");
    this.stage.classList.toggle("pointing", found !== null);
  }
}

/** Return what a line came to: its value, or that it diverged. */
export function resultText(metric, { value, lost, partly }) {
  if (lost) return t("status.diverged");
  return partly ? `${showValue(metric, value)} · ${t("curves.diverged", { n: partly })}` : showValue(metric, value);
}
