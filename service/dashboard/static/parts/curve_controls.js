// What a reader chooses of learning curves: smoothing, the axes and their limits, the other part of the data.

import { areInOrder, limitText, readLimits, readZoom, typedLimit, writeLimits, writeZoom } from "../lib/limits.js";
import { metricTitle } from "../lib/metrics.js";
import { clamp } from "../lib/scale.js";
import { MOST_SMOOTHING } from "../lib/smoothing.js";
import { t } from "../lib/text.js";
import { h, setText, show } from "./dom.js";
import { button, checkbox, select } from "./elements.js";

/** The choices as the address holds them. */
export const CURVE_CHOICES = { smooth: "", x: "", both: "", log: "", zoom: "", limits: "" };

const CHECKED = "1";
const TIME = "time";
const SMOOTHING_STEP = 0.01;
const NO_LIMITS = [null, null];

export class CurveControls {
  /**
   * @param choices  the `Choices` of the view, with those of the curves
   * @param onChange called after another choice of what is drawn
   * @param onLimits called after other limits of the axes
   */
  constructor(choices, onChange, onLimits) {
    Object.assign(this, { choices, onChange, onLimits, metric: null });
    this.weight = clamp(Number(choices.get("smooth")) || 0, 0, MOST_SMOOTHING);
    this.limits = readLimits(choices.get("limits"));
    this.zoom = readZoom(choices.get("zoom"));
    this.other = h("span.metric");
    this.bothOffered = null;
    this.fields = { zoom: this.limitFields("zoom"), limits: this.limitFields("limits") };
    this.summary = h("summary");
    const clear = button("button.small.ghost", () => this.clearLimits(), t("limits.clear"));
    this.menu = h(
      "details.menu.limits",
      this.summary,
      h("div.items", this.fields.zoom.element, this.fields.limits.element, clear),
    );
    const axes = [
      ["", t("axis.epoch")],
      [TIME, t("curves.time")],
    ];
    this.element = h(
      "div.controls.curve-controls",
      select(t("curves.x"), axes, this.byTime ? TIME : "", (axis) => this.chooseAxis(axis)),
      this.smoothing(),
      checkbox(t("curves.log"), this.log, (checked) => this.choose("log", checked ? CHECKED : "")),
      this.other,
      this.menu,
    );
    this.writeLimits();
  }

  get byTime() {
    return this.choices.get("x") === TIME;
  }

  get log() {
    return this.choices.get("log") === CHECKED;
  }

  /** Whether the other part of the data is wanted, where the metric has one. */
  get both() {
    return this.choices.get("both") === CHECKED;
  }

  choose(name, value) {
    this.choices.set(name, value);
    this.onChange();
  }

  /** Choose epochs or times; the zoom belongs to the axis before. */
  chooseAxis(axis) {
    this.choices.set("x", axis);
    this.setZoom(null);
    this.onChange();
  }

  /** Return the slider; the address follows when it is let go, since browsers refuse to change it too often. */
  smoothing() {
    const output = h("output", this.weight.toFixed(2));
    const properties = { type: "range", min: 0, max: MOST_SMOOTHING, step: SMOOTHING_STEP, value: this.weight };
    const input = h("input.slider", {
      ...properties,
      "aria-label": t("smoothing.label"),
      onInput: () => {
        this.weight = Number(input.value);
        setText(output, this.weight.toFixed(2));
        this.onChange();
      },
      onChange: () => this.choices.set("smooth", this.weight ? String(this.weight) : ""),
    });
    return h("label.field.smoothing", h("span", t("smoothing.label"), " ", output), input);
  }

  /** Return the fields of both ends of an axis: `{element, low, high, problem, title}`. */
  limitFields(name) {
    const entry = () => h("input", { size: 7, inputmode: "decimal", onChange: () => this.typeLimits(name) });
    const [low, high] = [entry(), entry()];
    const title = h("legend");
    const problem = h("p.problem", { role: "alert", hidden: true });
    const field = (input, text) => h("label.field", h("span", text), input);
    const pair = h("div.row", field(low, t("limits.from")), field(high, t("limits.to")));
    return { element: h("fieldset", title, pair, problem), low, high, problem, title };
  }

  /** Take what was typed as limits, or say what is wrong with it. */
  typeLimits(name) {
    const { low, high, problem } = this.fields[name];
    const metric = name === "limits" ? this.metric : null;
    const ends = [low, high].map((input) => typedLimit(metric, input.value));
    const said = this.problemOf(name, ends);
    problem.hidden = said === null;
    setText(problem, said);
    for (const input of [low, high]) input.setAttribute("aria-invalid", String(said !== null));
    if (said !== null) return;
    if (name === "limits") this.setLimits(ends);
    else this.setZoom(ends.includes(null) ? this.completed(ends) : ends);
    this.onLimits();
  }

  problemOf(name, ends) {
    if (ends.some(Number.isNaN)) return t("limits.noNumber");
    if (!areInOrder(name === "zoom" ? (this.completed(ends) ?? ends) : ends)) return t("limits.order");
    return name === "limits" && this.log && ends.some((end) => end !== null && end <= 0) ? t("limits.log") : null;
  }

  /** Return the ends of the horizontal axis with those of all that is drawn where one is open; null where both are. */
  completed([low, high]) {
    if (low === null && high === null) return null;
    return [low ?? this.whole[0], high ?? this.whole[1]];
  }

  setZoom(ends) {
    this.zoom = ends;
    this.choices.set("zoom", writeZoom(ends));
    this.writeLimits();
  }

  setLimits(ends) {
    this.limits = ends;
    this.choices.set("limits", writeLimits(ends));
    this.writeLimits();
  }

  clearLimits() {
    this.setZoom(null);
    this.setLimits(NO_LIMITS);
    this.onLimits();
  }

  get isLimited() {
    return this.zoom !== null || this.limits.some((end) => end !== null);
  }

  /**
   * Follow what is drawn; limits belong to their metric.
   *
   * @param other the same quantity's metric of the other part, or null
   * @param whole the first and last place of all lines
   */
  update({ metric, other, whole }) {
    if (this.metric !== null && this.metric !== metric) this.setLimits(NO_LIMITS);
    Object.assign(this, { metric, whole });
    if (this.bothOffered !== other) {
      this.bothOffered = other;
      const label = other && t("curves.both", { metric: metricTitle(other) });
      show(this.other, other && checkbox(label, this.both, (on) => this.choose("both", on ? CHECKED : "")));
    }
    this.writeLimits();
  }

  /** Write the limits into their fields, but not into one that is being written. */
  writeLimits() {
    const { zoom, limits } = this.fields;
    setText(this.summary, t(this.isLimited ? "limits.some" : "limits.title"));
    setText(zoom.title, this.byTime ? t("limits.seconds") : t("axis.epoch"));
    setText(limits.title, this.metric && metricTitle(this.metric));
    const write = (input, text) => {
      if (document.activeElement !== input) input.value = text;
    };
    write(zoom.low, limitText(null, this.zoom?.[0] ?? null));
    write(zoom.high, limitText(null, this.zoom?.[1] ?? null));
    write(limits.low, limitText(this.metric, this.limits[0]));
    write(limits.high, limitText(this.metric, this.limits[1]));
  }
}
