// Learning curves: lines with bands over epochs. Drag to zoom, double-click or a button to go back.

import { h, ink, reachable, setText, show, svg } from "../lib/dom.js";
import { isShare, showValue } from "../lib/format.js";
import { bounds, tickLabels } from "../lib/scale.js";
import { t } from "../lib/text.js";
import { steerByKeys, tell } from "./curve_keys.js";

const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
const COLOURS = 8;
/** More lines than this cannot be told apart. */
export const MOST_LINES = 24;
const TOOLTIP_LINES = 10;
const NARROW = 520;
const LETTER_WIDTH = 7.5;
/** Wide enough for most, so that charts below each other begin at one place. */
const USUAL_AXIS_WIDTH = 58;

/** The colour and dashes of a line, as the API's pictures have them. */
export function lineStyle(index, colour = null) {
  const around = Math.floor(index / COLOURS);
  return colour === null
    ? { colour: ink(`line-${index % COLOURS}`), dash: DASHES[(index + around) % DASHES.length] }
    : { colour: ink(`line-${colour % COLOURS}`), dash: DASHES[index % DASHES.length] };
}

export class Curves {
  /** @param label what the chart shows, for people who listen to it */
  constructor({ label, height = 320 }) {
    this.height = height;
    this.hidden = new Set();
    this.log = false;
    this.signature = "";
    this.box = h("div.plot", {
      role: "slider",
      tabindex: "0",
      "aria-label": label,
      "aria-description": t("curves.keys"),
      "aria-valuenow": "0",
    });
    this.tip = h("div.tip", { hidden: true });
    this.reset = h(
      "button.small.ghost.unzoom",
      { type: "button", hidden: true, onClick: () => this.unzoom() },
      t("curves.unzoom"),
    );
    this.legend = h("div.legend", { role: "group", "aria-label": t("curves.legend") });
    this.note = h("p.note");
    this.table = h(
      "details.figures",
      {},
      h("summary", {}, t("curves.table")),
      reachable(t("curves.table"), h("div.scroll")),
    );
    this.table.addEventListener("toggle", () => this.fillTable());
    this.element = h(
      "div.curves",
      {},
      h("div.stage", {}, this.box, this.tip, this.reset),
      this.legend,
      this.note,
      this.table,
    );
    this.observer = new ResizeObserver(() => this.plot && this.plot.setSize(this.size()));
    this.observer.observe(this.box);
    this.redraw = () => {
      this.signature = "";
      this.shown && this.update(this.shown);
    };
    document.addEventListener("theme-changed", this.redraw);
    steerByKeys(this);
  }

  destroy() {
    this.observer.disconnect();
    document.removeEventListener("theme-changed", this.redraw);
    this.plot?.destroy();
  }

  size() {
    return { width: Math.max(200, this.box.clientWidth), height: this.height };
  }

  /**
   * Draw.
   *
   * @param shown `{metric, epochs, lines: [{label, runs, counts?, diverged, mean, low, high, colour?, place?}], note}`,
   *   where lines of one run need no counts
   */
  update(shown) {
    this.shown = shown;
    const lines = shown.lines.slice(0, MOST_LINES);
    const left = shown.lines.length - lines.length;
    const notes = [shown.note, left > 0 ? t("curves.more", { n: left, most: MOST_LINES }) : ""];
    setText(this.note, notes.filter(Boolean).join(" "));
    const positive = (column) => (this.log ? column.map((value) => (value > 0 ? value : null)) : column);
    // A band may reach below zero, which a logarithm cannot show: it ends at the lowest mean.
    const floor = this.log ? Math.min(...lines.flatMap((line) => line.mean.filter((value) => value > 0))) / 2 : null;
    const edge = (column) =>
      this.log ? column.map((value) => (value === null ? null : Math.max(value, floor))) : column;
    const data = [shown.epochs, ...lines.flatMap((line) => [positive(line.mean), edge(line.low), edge(line.high)])];
    const signature = JSON.stringify([
      shown.metric,
      this.log,
      lines.map((line) => [line.label, line.colour, line.place]),
    ]);
    if (signature === this.signature) {
      this.plot.setData(data, !this.zoomed);
    } else {
      this.signature = signature;
      this.build(lines, shown.metric, data);
      this.writeLegend(lines, shown.metric);
    }
    this.writeValues(lines, shown.metric);
    if (document.activeElement !== this.box) tell(this);
    if (this.table.open) this.fillTable();
  }

  build(lines, metric, data) {
    this.plot?.destroy();
    this.zoomed = false;
    this.reset.hidden = true;
    this.styles = lines.map((line, at) => lineStyle(line.place ?? at, line.colour ?? null));
    const axis = {
      stroke: ink("muted"),
      font: "12px system-ui, sans-serif",
      grid: { stroke: ink("faint"), width: 1 },
      ticks: { stroke: ink("faint"), width: 1, size: 4 },
    };
    // A line of one value is a dot.
    const dot = (plot, at) => plot.data[at].filter((value) => value !== null).length === 1;
    const series = lines.flatMap((line, at) => {
      const { colour, dash } = this.styles[at];
      const hidden = { show: !this.hidden.has(line.label) };
      const edge = { ...hidden, stroke: "transparent", width: 0, points: { show: false } };
      return [
        {
          ...hidden,
          label: line.label,
          stroke: colour,
          dash,
          width: 1.8,
          points: { show: dot, size: 6, fill: colour },
        },
        edge,
        edge,
      ];
    });
    const bands = lines.map((_, at) => ({
      series: [3 * at + 3, 3 * at + 2],
      fill: `color-mix(in srgb, ${this.styles[at].colour} 15%, transparent)`,
    }));
    this.plot = new window.uPlot(
      {
        ...this.size(),
        series: [{}, ...series],
        bands,
        legend: { show: false },
        cursor: { drag: { x: true, y: true, uni: 24 }, focus: { prox: 24, dist: distance }, points: { size: 7 } },
        focus: { alpha: 0.35 },
        scales: { x: { time: false, range: xRange }, y: { distr: this.log ? 3 : 1, range: yRange(metric, this.log) } },
        axes: [
          {
            ...axis,
            incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000],
            size: 28,
            label: t("axis.epoch"),
            labelFont: axis.font,
            labelSize: 18,
          },
          { ...axis, values: (_, values) => metricTicks(metric, values), size: axisWidth },
        ],
        hooks: {
          setCursor: [(plot) => this.point(plot)],
          setSelect: [
            (plot) => {
              if (plot.select.width > 0) {
                this.zoomed = true;
                this.reset.hidden = false;
              }
            },
          ],
          setSeries: [(_, index) => this.focus(index === null ? null : Math.floor((index - 1) / 3))],
        },
      },
      data,
      this.box,
    );
    this.plot.over.addEventListener("dblclick", () => this.unzoom());
  }

  zoomTo(first, last) {
    this.zoomed = true;
    this.reset.hidden = false;
    this.plot.setScale("x", { min: first, max: last });
  }

  unzoom() {
    this.zoomed = false;
    this.reset.hidden = true;
    this.plot.setData(this.plot.data, true);
  }

  setLog(log) {
    this.log = log;
    if (this.shown) this.update(this.shown);
  }

  writeLegend(lines) {
    this.keys = lines.map((line, at) => {
      const value = h("span.value");
      const key = h(
        "button.key",
        {
          type: "button",
          "aria-pressed": String(!this.hidden.has(line.label)),
          onClick: () => this.toggle(at, line.label),
          onPointerenter: () => this.plot.setSeries(3 * at + 1, { focus: true }),
          onPointerleave: () => this.plot.setSeries(null, { focus: true }),
          title: line.label,
        },
        swatch(this.styles[at]),
        h("span.told", {}, h("span.name", {}, line.label), value),
      );
      return { key, value };
    });
    show(
      this.legend,
      this.keys.map(({ key }) => key),
    );
  }

  /** Write each line's last value beside its name, and of how many runs that is the mean. */
  writeValues(lines, metric) {
    lines.forEach((line, at) => {
      const last = line.mean.findLastIndex((value) => value !== null);
      const diverged = line.diverged ? ` · ${t("curves.diverged", { n: line.diverged })}` : "";
      setText(
        this.keys[at].value,
        (last < 0 ? "–" : showValue(metric, line.mean[last]) + runsAt(line, last)) + diverged,
      );
    });
  }

  toggle(at, label) {
    const hide = !this.hidden.has(label);
    if (hide) this.hidden.add(label);
    else this.hidden.delete(label);
    for (const offset of [1, 2, 3]) this.plot.setSeries(3 * at + offset, { show: !hide });
    this.keys[at].key.setAttribute("aria-pressed", String(!hide));
  }

  focus(at) {
    this.keys?.forEach(({ key }, index) => key.classList.toggle("focused", index === at));
  }

  /** Show the values under the pointer, the best-placed first. */
  point(plot) {
    const { idx, left, top } = plot.cursor;
    if (idx === null || idx === undefined || left < 0) {
      this.tip.hidden = true;
      return;
    }
    const { lines, epochs, metric } = this.shown;
    const rows = lines
      .slice(0, MOST_LINES)
      .map((line, at) => ({ line, style: this.styles[at], value: line.mean[idx] }))
      .filter(({ line, value }) => value !== null && value !== undefined && !this.hidden.has(line.label))
      .sort((one, other) => (metric.endsWith("loss") ? one.value - other.value : other.value - one.value));
    show(
      this.tip,
      h("b", {}, t("curves.epoch", { n: epochs[idx] })),
      rows
        .slice(0, TOOLTIP_LINES)
        .map(({ line, style, value }) =>
          h(
            "div",
            {},
            swatch(style),
            h(
              "span.told",
              {},
              h("span.name", {}, line.label),
              h("span.value", {}, showValue(metric, value), bandAt(metric, line, idx), runsAt(line, idx)),
            ),
          ),
        ),
      rows.length > TOOLTIP_LINES ? h("div.muted", {}, t("curves.andMore", { n: rows.length - TOOLTIP_LINES })) : null,
    );
    this.tip.hidden = rows.length === 0;
    this.placeTip(plot.over.offsetLeft + left, top, left > plot.over.clientWidth / 2);
  }

  /** Beside the pointer, or under a chart that has no room for both. */
  placeTip(start, top, onTheLeft) {
    const narrow = this.box.clientWidth < NARROW;
    const [left, right] = onTheLeft ? ["auto", `${this.box.clientWidth - start + 14}px`] : [`${start + 14}px`, "auto"];
    Object.assign(
      this.tip.style,
      narrow
        ? { left: "0", right: "0", top: `${this.height}px`, maxWidth: "none" }
        : { left, right, top: `${Math.min(top, this.height / 3)}px`, maxWidth: "" },
    );
  }

  /** The same figures for those who do not see the chart, or want to copy them. */
  fillTable() {
    if (!this.table.open || !this.shown) return;
    const { lines, epochs, metric } = this.shown;
    const step = Math.max(1, Math.ceil(epochs.length / 100));
    const kept = epochs.map((_, at) => at).filter((at) => at % step === 0 || at === epochs.length - 1);
    show(
      this.table.lastChild,
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col" }, t("axis.epoch")),
            lines.map((line) => h("th", { scope: "col" }, line.label)),
          ),
        ),
        h(
          "tbody",
          {},
          kept.map((at) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, epochs[at]),
              lines.map((line) => h("td.number", {}, line.mean[at] === null ? "–" : showValue(metric, line.mean[at]))),
            ),
          ),
        ),
      ),
    );
  }
}

/** How far a series is from the pointer: bands' edges cannot be pointed at. */
function distance(_, index, __, value, pointer) {
  return index % 3 === 1 ? Math.abs(value - pointer) : Infinity;
}

/** Of how many runs the mean at an epoch is; nothing where there is one run at all. */
function runsAt(line, at) {
  return line.runs > 1 ? ` · n=${line.counts[at]}` : "";
}

function bandAt(metric, line, at) {
  if (line.high[at] <= line.low[at]) return "";
  return ` (${t("number.range", { low: showValue(metric, line.low[at]), high: showValue(metric, line.high[at]) })})`;
}

function metricTicks(metric, values) {
  if (!isShare(metric)) return tickLabels(values);
  return tickLabels(values.map((value) => (value === null ? null : 100 * value))).map((label) => label && `${label}%`);
}

/** No label is cut off on the left. */
function axisWidth(_, labels) {
  return Math.max(USUAL_AXIS_WIDTH, 12 + LETTER_WIDTH * Math.max(0, ...(labels ?? []).map((label) => label.length)));
}

/** With a margin, but none beyond what the metric can be. */
function yRange(metric, log) {
  const [least, most] = bounds(metric);
  const { rangeLog, rangeNum } = window.uPlot;
  return (_, low, high) => {
    if (low === null) return log ? [0.1, 1] : [0, 1];
    const [bottom, top] = log ? rangeLog(low, high, 10, false) : rangeNum(low, high, 0.1, true);
    return [Math.max(least, bottom), Math.min(most, top)];
  };
}

function xRange(_, low, high) {
  if (low === null) return [0, 1];
  return high - low < 1e-9 ? [low - 1, high + 1] : [low, high];
}

function swatch({ colour, dash }) {
  const line = { x1: 1, x2: 25, y1: 4, y2: 4, stroke: colour, "stroke-width": 2.4, "stroke-dasharray": dash.join(" ") };
  return svg("svg.swatch", { viewBox: "0 0 26 8", "aria-hidden": "true" }, svg("line", line));
}
