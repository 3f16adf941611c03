// An experiment as parallel coordinates: which values of the axes lead to which results.

import { get } from "../lib/api.js";
import { asText, labelOn } from "../lib/axes.js";
import { groupName } from "../lib/comparison.js";
import { runName, whole } from "../lib/format.js";
import { limitText, typedLimit } from "../lib/limits.js";
import { isShare, lowerIsBetter, metricTitle } from "../lib/metrics.js";
import { isSelected, readBrush, writeBrush } from "../lib/parallel.js";
import { STATUS } from "../lib/statuses.js";
import { t } from "../lib/text.js";
import { axisTitle } from "../parts/configuration.js";
import { h, setText, show } from "../parts/dom.js";
import { button, notice, scrollable, select } from "../parts/elements.js";
import { help } from "../parts/help.js";
import { ParallelChart, resultText } from "../parts/parallel.js";
import { asking } from "./experiment_results.js";

/** The choices by their names in the address. */
export const PARALLEL_CHOICES = { lines: "", brush: "" };

const GROUPS = "groups";

/** Return the panel; it is hidden where no axis varies. */
export function parallelPanel(live, axes, toolbar, signal) {
  const nothing = { element: h("div", { hidden: true }), update: () => {}, again: () => {} };
  // An axis that others decide (the initializer of each activation, say) adds nothing; variants may have nothing else.
  const shown = axes.varying.length ? axes.varying : axes.many;
  return shown.length ? new ParallelPanel(live, shown, toolbar, signal) : nothing;
}

class ParallelPanel {
  constructor(live, axes, toolbar, signal) {
    Object.assign(this, { live, axes, toolbar, choices: toolbar.choices, comparison: null });
    this.brush = readBrush(this.choices.get("brush"));
    const open = ({ run, labels }) => {
      if (run) location.hash = `#/runs/${run.id}`;
      else this.setBrush({ ...this.brush, axes: Object.fromEntries(axes.map((axis) => [axis, [labels[axis]]])) });
    };
    this.chart = new ParallelChart(signal, (brush) => this.setBrush(brush), open);
    this.title = h("h2", { id: "parallel-title" }, t("parallel.title"));
    this.count = h("span.muted", { role: "status" });
    this.clear = button("button.small.ghost", () => this.setBrush(readBrush("")), t("parallel.clear"));
    this.limits = h("fieldset.row");
    this.table = scrollable(t("curves.table"), h("div.scroll"));
    const details = { onToggle: () => this.fillTable() };
    this.details = h("details.figures", details, h("summary", t("curves.table")), this.table);
    this.body = h("div");
    this.element = h(
      "section.card",
      { "aria-labelledby": "parallel-title" },
      h("div.heading", this.title, help("parallel-title", t("parallel.title"))),
      h("div.controls", this.lineChoice(), this.limits, this.count, this.clear),
      this.body,
    );
    const path = `/v1/experiments/${live.id}/comparison`;
    const ask = () => get(path, { by: axes.join(), ...toolbar.question }, signal);
    Object.assign(
      this,
      asking(live, signal, ask, (found, problem) => this.show(found, problem)),
    );
  }

  lineChoice() {
    const options = [
      ["", t("parallel.runs")],
      [GROUPS, t("parallel.groups")],
    ];
    return select(t("parallel.lines"), options, this.choices.get("lines"), (lines) => {
      this.choices.set("lines", lines);
      if (this.comparison) this.draw();
    });
  }

  show(comparison, problem) {
    if (problem) {
      this.comparison = null;
      show(this.body, notice(problem));
      return;
    }
    const isOther = this.comparison !== null && this.comparison.metric !== comparison.metric;
    this.comparison = comparison;
    setText(this.title, t("title.of", { what: t("parallel.title"), metric: metricTitle(comparison.metric) }));
    if (isOther) this.setBrush({ ...this.brush, from: null, to: null });
    else this.draw();
  }

  setBrush(brush) {
    this.brush = brush;
    this.choices.set("brush", writeBrush(brush));
    this.draw();
  }

  draw() {
    const { metric } = this.comparison;
    this.lines = this.choices.get("lines") === GROUPS ? this.groupLines() : this.runLines();
    if (!this.lines.length) {
      show(this.body, notice(t("parallel.nothing")));
      return;
    }
    const drawn = [this.chart.element, h("p.note", t("parallel.note")), this.details];
    if (!this.body.contains(this.chart.element)) show(this.body, drawn);
    this.chart.update({ metric, axes: this.axes, lines: this.lines, brush: this.brush });
    const selected = this.lines.filter((line) => isSelected(line, this.brush)).length;
    setText(
      this.count,
      t("parallel.count", { n: this.lines.length, count: whole(selected), all: whole(this.lines.length) }),
    );
    this.clear.hidden = !writeBrush(this.brush);
    this.writeLimits(metric);
    this.fillTable();
  }

  /** Offer the metric's limits as numbers; the fields of the same metric stay, with the focus. */
  writeLimits(metric) {
    if (this.limited !== metric) {
      this.limited = metric;
      const unit = isShare(metric) ? " (%)" : "";
      this.fields = ["from", "to"].map((end) => {
        const input = h("input", { size: 7, inputmode: "decimal", onChange: () => this.limit(end, input) });
        return [end, input];
      });
      const field = ([end, input]) => h("label.field", h("span", t(`limits.${end}`) + unit), input);
      show(this.limits, h("legend.unseen", metricTitle(metric)), this.fields.map(field));
    }
    for (const [end, input] of this.fields) {
      if (document.activeElement !== input) input.value = limitText(metric, this.brush[end]);
    }
  }

  limit(end, input) {
    const value = typedLimit(this.comparison.metric, input.value);
    input.setAttribute("aria-invalid", String(Number.isNaN(value)));
    if (!Number.isNaN(value)) this.setBrush({ ...this.brush, [end]: value });
  }

  /** Return a line per run with a result. */
  runLines() {
    const groups = this.groupsByLabels();
    return [...this.live.runs.values()].flatMap((run) => {
      const labels = Object.fromEntries(this.axes.map((axis) => [axis, labelOn(run, axis)]));
      const found = groups.get(Object.values(labels).join("\n"))?.seeds.find(({ seed }) => seed === run.seed);
      if (!found) return [];
      return [{ name: runName(run), run, labels, value: found.value, lost: run.status === STATUS.DIVERGED, partly: 0 }];
    });
  }

  /** Return a line per combination, of the mean over its seeds. */
  groupLines() {
    const compared = this.comparison.groups.filter(({ mean }) => mean !== null);
    return compared.map((group) => {
      const labels = Object.fromEntries(this.axes.map((axis) => [axis, asText(group.by[axis])]));
      const { mean: value, diverged, n } = group;
      const lost = diverged > 0 && diverged === n;
      return { name: groupName(group), run: null, labels, value, lost, partly: lost ? 0 : diverged };
    });
  }

  groupsByLabels() {
    const labelsOf = ({ by }) => this.axes.map((axis) => asText(by[axis])).join("\n");
    return new Map(this.comparison.groups.map((group) => [labelsOf(group), group]));
  }

  fillTable() {
    if (!this.details.open || !this.comparison) return;
    const { metric } = this.comparison;
    const sign = lowerIsBetter(metric) ? 1 : -1;
    const order = (one, other) => one.lost - other.lost || sign * (one.value - other.value);
    const selected = this.lines.filter((line) => isSelected(line, this.brush)).sort(order);
    const heading = (text) => h("th", { scope: "col" }, text);
    const head = [t("parallel.line"), ...this.axes.map(axisTitle), metricTitle(metric)];
    const row = (line) =>
      h(
        "tr",
        h("th", { scope: "row" }, line.run ? h("a", { href: `#/runs/${line.run.id}` }, line.name) : line.name),
        this.axes.map((axis) => h("td", line.labels[axis])),
        h("td.number", resultText(metric, line)),
      );
    show(this.table, h("table", h("thead", h("tr", head.map(heading))), h("tbody", selected.map(row))));
  }
}
