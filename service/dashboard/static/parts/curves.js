// Learning curves: lines with bands over epochs. Drag to zoom; double-click or press a button to see all again.

import { t } from "../lib/text.js";
import { speakValues, steerByKeys } from "./curve_keys.js";
import { lineOf, lineStyle, plotData, plotOptions, seriesOf, swatch } from "./curve_options.js";
import { lastValueText, namedValue, tooltipContent, valueTable } from "./curve_values.js";
import { h, setText, show } from "./dom.js";
import { button, scrollable } from "./elements.js";
import { whenThemeChanges } from "./theme.js";

/** More lines than this cannot be told apart. */
export const MOST_LINES = 24;
/** Keys of the legend that are shown at first; the others are behind a button. */
const FIRST_KEYS = 8;
const NARROW_PIXELS = 520;
const LEAST_WIDTH_PIXELS = 200;

export class Curves {
  /**
   * @param label  what the chart shows, for screen readers
   * @param signal aborts when the view is left
   * @param zoom   the first and last epoch that are shown at first; null for all
   * @param onZoom called with these when they change
   */
  constructor({ label, signal, height = 320, zoom = null, onZoom = () => {} }) {
    Object.assign(this, { height, zoom, onZoom });
    this.hidden = new Set(); // labels of lines
    this.log = false;
    this.allKeys = false; // whether all keys of the legend are shown
    this.zoomed = false;
    this.plot = null;
    this.drawn = ""; // what the plot was built for
    this.shown = null; // the last argument of update
    this.lines = []; // those drawn, with their styles
    this.keys = []; // of the legend
    this.box = h("div.plot", {
      role: "slider",
      tabindex: "0",
      "aria-label": label,
      "aria-description": t("curves.keys"),
      "aria-valuenow": "0",
    });
    this.tooltip = h("div.tip", { hidden: true });
    this.reset = button("button.small.ghost.unzoom", () => this.unzoom(), { hidden: true }, t("curves.unzoom"));
    this.legend = h("div.legend", { role: "group", "aria-label": t("curves.legend") });
    this.note = h("p.note");
    this.table = scrollable(t("curves.table"), h("div.scroll"));
    this.details = h(
      "details.figures",
      { onToggle: () => this.fillTable() },
      h("summary", t("curves.table")),
      this.table,
    );
    const stage = h("div.stage", this.box, this.tooltip, this.reset);
    this.element = h("div.curves", stage, this.legend, this.note, this.details);
    const observer = new ResizeObserver(() => this.plot?.setSize(this.size()));
    observer.observe(this.box);
    signal.addEventListener("abort", () => {
      observer.disconnect();
      this.plot?.destroy();
    });
    whenThemeChanges(() => this.rebuild(), signal);
    steerByKeys(this);
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
   * @param shown `{metric, epochs, lines: [{label, runs, counts?, diverged, mean, low, high, colour?, place?}], note?}`,
   *   at most `MOST_LINES` of them; a line of one run needs no counts
   */
  update(shown) {
    this.shown = shown;
    this.lines = shown.lines.map((line, index) => ({
      ...line,
      style: lineStyle(line.place ?? index, line.colour ?? null),
      hidden: this.hidden.has(line.label),
    }));
    setText(this.note, shown.note);
    const data = plotData(shown.epochs, this.lines, this.log);
    const drawn = JSON.stringify([shown.metric, this.log, this.lines.map(({ label, style }) => [label, style])]);
    if (drawn === this.drawn) {
      this.plot.setData(data, !this.zoomed);
    } else {
      this.drawn = drawn;
      this.build(data);
      this.buildLegend();
    }
    this.writeKeys();
    if (document.activeElement !== this.box) speakValues(this);
    this.fillTable();
  }

  build(data) {
    this.plot?.destroy();
    const { zoom } = this; // what is drawn anew is zoomed as it was
    this.setZoomed(zoom !== null);
    const hooks = {
      setCursor: [(plot) => this.point(plot)],
      setSelect: [(plot) => plot.select.width > 0 && this.setZoomed(true)],
      setScale: [(plot, scale) => scale === "x" && this.noteZoom(plot.scales.x)],
      setSeries: [(_, index) => this.markKey(index === null ? null : lineOf(index))],
    };
    const { lines, log } = this;
    const options = plotOptions({ lines, log, metric: this.shown.metric, size: this.size(), hooks });
    this.plot = new window.uPlot(options, data, this.box);
    this.plot.over.addEventListener("dblclick", () => this.unzoom());
    if (zoom) this.zoomTo(...zoom);
  }

  noteZoom({ min, max }) {
    const zoom = this.zoomed ? [min, max] : null;
    if (String(zoom) === String(this.zoom)) return;
    this.zoom = zoom;
    this.onZoom(zoom);
  }

  setZoomed(zoomed) {
    this.zoomed = zoomed;
    this.reset.hidden = !zoomed;
  }

  zoomTo(first, last) {
    this.setZoomed(true);
    this.plot.setScale("x", { min: first, max: last });
  }

  unzoom() {
    this.setZoomed(false);
    this.plot.setData(this.plot.data, true);
  }

  setLog(log) {
    if (log === this.log) return;
    this.log = log;
    if (this.shown) this.update(this.shown);
  }

  buildLegend() {
    this.keys = this.lines.map(({ label, style, hidden }, index) => {
      const value = h("span.value");
      const properties = {
        title: label,
        "aria-pressed": String(!hidden),
        onPointerenter: () => this.plot.setSeries(seriesOf(index)[0], { focus: true }),
        onPointerleave: () => this.plot.setSeries(null, { focus: true }),
      };
      const toggle = () => this.toggle(index, label);
      return { key: button("button.key", toggle, properties, swatch(style), namedValue(label, value)), value };
    });
    const shown = this.allKeys ? this.keys : this.keys.slice(0, FIRST_KEYS);
    const left = this.keys.length - shown.length;
    const showAll = () => {
      this.allKeys = true;
      this.buildLegend();
      this.writeKeys();
      this.keys[FIRST_KEYS].key.focus();
    };
    show(
      this.legend,
      shown.map(({ key }) => key),
      left > 0 && button("button.small.ghost", showAll, t("curves.allKeys", { n: this.keys.length })),
    );
  }

  writeKeys() {
    for (const [index, line] of this.lines.entries()) {
      setText(this.keys[index].value, lastValueText(this.shown.metric, line));
    }
  }

  /** Hide or show a line. */
  toggle(index, label) {
    const hide = !this.hidden.has(label);
    if (hide) this.hidden.add(label);
    else this.hidden.delete(label);
    this.lines[index].hidden = hide;
    for (const series of seriesOf(index)) this.plot.setSeries(series, { show: !hide });
    this.keys[index].key.setAttribute("aria-pressed", String(!hide));
  }

  markKey(marked) {
    for (const [index, { key }] of this.keys.entries()) key.classList.toggle("focused", index === marked);
  }

  /** Show the values under the pointer. */
  point(plot) {
    const { idx: index, left, top } = plot.cursor;
    const outside = index === null || index === undefined || left < 0;
    const content = outside ? null : tooltipContent(this.shown, this.lines, index);
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

  fillTable() {
    if (this.details.open && this.shown) show(this.table, valueTable(this.shown));
  }
}
