// Learning curves: lines with bands over epochs or time. Drag to zoom; double-click or press a button to see all again.

import { stopsOf } from "../lib/curve_places.js";
import { metricTitle, otherPart } from "../lib/metrics.js";
import { joined, t } from "../lib/text.js";
import { lineOf, plotData, rolesOf, seriesOf, strideOf } from "./curve_columns.js";
import { CurveControls } from "./curve_controls.js";
import { speakValues, steerByKeys } from "./curve_keys.js";
import { CurveLegend } from "./curve_legend.js";
import { lineStyle, plotOptions } from "./curve_options.js";
import { tooltipContent, valueTable } from "./curve_values.js";
import { h, setText, show } from "./dom.js";
import { button, scrollable } from "./elements.js";
import { whenThemeChanges } from "./theme.js";

/** More lines than this cannot be told apart, those of another metric included. */
const MOST_LINES = 24;
const NARROW_PIXELS = 520;
const LEAST_WIDTH_PIXELS = 200;

export class Curves {
  /**
   * @param label    what the chart shows, for screen readers
   * @param signal   aborts when the view is left
   * @param choices  the `Choices` of the view, with `CURVE_CHOICES`
   * @param onChange called when other lines are wanted: with or without another metric, and times
   * @param hasBoth  whether the lines are of training and validation already, so that no other part is offered
   */
  constructor({ label, signal, choices, onChange, height = 320, hasBoth = false }) {
    Object.assign(this, { height, hasBoth });
    this.hidden = new Set(); // labels of lines
    this.plot = null;
    this.drawn = ""; // what the plot was built for
    this.shown = null; // the last argument of update
    this.lines = []; // those drawn, with their styles
    this.controls = new CurveControls(choices, onChange, () => this.applyLimits());
    this.legend = new CurveLegend(
      (index, line) => this.toggle(index, line),
      (index) => this.focusLine(index),
    );
    this.box = h("div.plot", {
      role: "slider",
      tabindex: "0",
      "aria-label": label,
      "aria-description": t("curves.keys"),
      "aria-valuenow": "0",
    });
    this.tooltip = h("div.tip", { hidden: true });
    this.reset = button("button.small.ghost.unzoom", () => this.unzoom(), { hidden: true }, t("curves.unzoom"));
    this.note = h("p.note");
    this.table = scrollable(t("curves.table"), h("div.scroll"));
    this.details = h(
      "details.figures",
      { onToggle: () => this.fillTable() },
      h("summary", t("curves.table")),
      this.table,
    );
    const stage = h("div.stage", this.box, this.tooltip, this.reset);
    this.element = h("div.curves", this.controls.element, stage, this.legend.element, this.note, this.details);
    const observer = new ResizeObserver(() => this.plot?.setSize(this.size()));
    observer.observe(this.box);
    signal.addEventListener("abort", () => {
      observer.disconnect();
      this.plot?.destroy();
    });
    whenThemeChanges(() => this.rebuild(), signal);
    steerByKeys(this);
  }

  /** Return what lines of a metric are to have: `{other, byTime}`, as `completedLines` takes it. */
  askedOf(metric) {
    const { both, byTime } = this.controls;
    return { other: both && !this.hasBoth ? otherPart(metric) : null, byTime };
  }

  /** Return how many lines of a metric can be told apart. */
  mostLines(metric) {
    return this.askedOf(metric).other ? MOST_LINES / 2 : MOST_LINES;
  }

  rebuild() {
    this.drawn = "";
    if (this.shown) this.update(this.shown);
  }

  size() {
    return { width: Math.max(LEAST_WIDTH_PIXELS, this.box.clientWidth), height: this.height };
  }

  /**
   * Draw lines.
   *
   * @param shown `{metric, epochs, lines, note?}`, at most `mostLines` of them: groups of `meanCurves` that were completed as
   *   `askedOf` says, each with `colour` and `place` where these are not those of its place
   */
  update(shown) {
    const { byTime, weight, log } = this.controls;
    const { other } = this.askedOf(shown.metric);
    this.shown = { ...shown, byTime, other };
    this.lines = shown.lines.map((line, index) => ({
      ...line,
      lost: line.diverged === line.runs,
      style: lineStyle(line.place ?? index, line.colour ?? null, other !== null),
      hidden: this.hidden.has(line.label),
    }));
    this.stops = stopsOf(this.shown, this.lines);
    this.roles = rolesOf({ weight, both: other !== null });
    const partner = this.hasBoth ? null : otherPart(shown.metric);
    this.controls.update({ metric: shown.metric, other: partner, whole: this.whole });
    const data = plotData(this.shown, this.lines, { roles: this.roles, weight, log });
    const styles = this.lines.map(({ label, lost, style }) => [label, lost, style]);
    const drawn = JSON.stringify([shown.metric, this.roles, log, byTime, styles]);
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      this.build(data);
      this.legend.build(this.lines);
    } else this.plot.setData(data, false);
    this.applyLimits();
    setText(this.note, this.noteText());
    this.legend.write(this.shown, this.lines);
    if (document.activeElement !== this.box) speakValues(this);
    this.fillTable();
  }

  /** The first and last place of all lines; training begins at 0 s. */
  get whole() {
    const { byTime, epochs } = this.shown;
    return byTime ? [0, this.stops.at(-1) ?? 1] : [epochs[0], epochs.at(-1)];
  }

  build(data) {
    this.plot?.destroy();
    const hooks = {
      setCursor: [(plot) => this.point(plot)],
      setSelect: [(plot) => plot.select.width > 0 && this.selectArea(plot)],
      setSeries: [(_, index) => this.mark(index === null ? null : lineOf(index, this.roles))],
    };
    const { lines, roles } = this;
    const { log, byTime } = this.controls;
    const limits = () => this.controls.limits;
    const drawing = { roles, log, byTime };
    const options = plotOptions({ lines, metric: this.shown.metric, drawing, limits, size: this.size(), hooks });
    this.plot = new window.uPlot(options, data, this.box);
    this.plot.over.addEventListener("dblclick", () => this.unzoom());
  }

  /** Let both axes show what the controls say. */
  applyLimits() {
    if (!this.plot) return;
    const [min, max] = this.controls.zoom ?? this.whole;
    this.reset.hidden = !this.controls.isLimited;
    this.plot.setScale("x", { min, max }); // and the other axis with it
  }

  /** Zoom to the area that was dragged over; an axis that it spans stays as it is. */
  selectArea(plot) {
    const { left, width, top, height } = plot.select;
    const at = (scale, from, to) => [plot.posToVal(from, scale), plot.posToVal(to, scale)];
    if (width < plot.over.clientWidth - 1) this.controls.setZoom(at("x", left, left + width));
    if (height < plot.over.clientHeight - 1) this.controls.setLimits(at("y", top + height, top));
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.applyLimits();
  }

  zoomTo(first, last) {
    this.controls.setZoom([first, last]);
    this.applyLimits();
  }

  unzoom() {
    this.controls.clearLimits();
  }

  /** Hide or show a line. */
  toggle(index, label) {
    const hide = !this.hidden.has(label);
    if (hide) this.hidden.add(label);
    else this.hidden.delete(label);
    this.lines[index].hidden = hide;
    for (const series of seriesOf(index, this.roles)) this.plot.setSeries(series, { show: !hide });
    this.legend.press(index, hide);
  }

  focusLine(index) {
    this.plot.setSeries(index === null ? null : seriesOf(index, this.roles)[0], { focus: true });
  }

  /** Mark a line in the chart and the legend, with all that is drawn of it. */
  mark(marked) {
    this.legend.mark(marked);
    if (marked === null) return;
    for (const series of seriesOf(marked, this.roles)) this.plot.series[series].alpha = 1;
  }

  /** Show the values under the pointer. */
  point(plot) {
    const { idx: index, left, top } = plot.cursor;
    const outside = index === null || index === undefined || left < 0;
    const content = outside ? null : tooltipContent(this.shown, this.lines, plot.data[0][index], this.controls.weight);
    this.tooltip.hidden = content === null;
    if (content === null) return;
    show(this.tooltip, content);
    this.placeTooltip(plot.over.offsetLeft + left, top, left > plot.over.clientWidth / 2);
  }

  /** Put the tooltip beside the pointer, or under a chart that is too narrow for both. */
  placeTooltip(start, top, onTheLeft) {
    const { clientWidth: width } = this.box;
    const [left, right] = onTheLeft ? ["auto", `${width - start + 14}px`] : [`${start + 14}px`, "auto"];
    Object.assign(
      this.tooltip.style,
      width < NARROW_PIXELS
        ? { left: "0", right: "0", top: `${this.height}px`, maxWidth: "none" }
        : { left, right, top: `${Math.min(top, this.height / 3)}px`, maxWidth: "" },
    );
  }

  /** Return what to know of the lines. */
  noteText() {
    const { metric, other, byTime } = this.shown;
    const { weight } = this.controls;
    const stride = strideOf(this.shown, this.lines);
    return joined([
      this.shown.note,
      other && t("curves.dots", { line: metricTitle(metric), dots: metricTitle(other) }),
      weight > 0 && t("smoothing.note", { weight: weight.toFixed(2) }),
      byTime && t("curves.timeNote"),
      this.lines.some(({ lost }) => lost) && t("curves.lost"),
      stride > 1 && t("curves.stride", { n: stride }),
    ]);
  }

  fillTable() {
    if (this.details.open && this.shown) show(this.table, valueTable(this.shown));
  }
}
