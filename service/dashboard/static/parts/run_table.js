// The runs of an experiment as a table that stays smooth with thousands of them: rows are kept,
// only those shown are in the document, and only what changed is written.

import { labelOn } from "../lib/axes.js";
import { chooseRun, isChosen } from "../lib/chosen_runs.js";
import { number, runName, showValue, whole } from "../lib/format.js";
import { headlineMetrics, lowerIsBetter, metricTitle } from "../lib/metrics.js";
import { shareDone } from "../lib/run_events.js";
import { OUTCOMES, RUN_STATUSES } from "../lib/statuses.js";
import { t } from "../lib/text.js";
import { setStatus, statusName } from "./badges.js";
import { h, setText, show } from "./dom.js";
import { button, scrollableTable, select } from "./elements.js";
import { outcomeName, outcomeOf, setOutcome, setVerdict, verdictName, verdictOf } from "./verdicts.js";

const FIRST_ROWS = 50;
const MORE_ROWS = 200;

/** The choices of the table as the address holds them; `only` has the labels by axis of the runs that are shown. */
export const TABLE_CHOICES = { order: "position", status: "", outcome: "", verdict: "", only: "" };

export class RunTable {
  /** @param choices the `Choices` of the view, with those of the table */
  constructor(choices) {
    this.choices = choices;
    this.runs = [];
    this.limit = FIRST_ROWS;
    this.metrics = headlineMetrics();
    this.rows = new Map(); // by run id
    this.count = h("span.muted");
    this.filter = h("span.filter");
    this.body = h("tbody");
    this.verdicts = h("span.metric"); // the choice of a verdict, among those there are
    this.offered = null;
    this.headings = []; // cells of the head that sort, with their orders
    this.more = button("button.ghost", () => this.set("limit", this.limit + MORE_ROWS));
    const table = scrollableTable(t("runs.title"), "table.runs", h("thead", this.head()), this.body);
    this.element = h("div", this.controls(), table, this.more);
  }

  controls() {
    const statuses = [["", t("runs.every")], ...RUN_STATUSES.map((status) => [status, statusName(status)])];
    const outcomes = [["", t("runs.everyOutcome")], ...OUTCOMES.map((outcome) => [outcome, outcomeName(outcome)])];
    const orders = [
      ["position", t("runs.order.position")],
      ...this.metrics.map((metric) => [metric, orderName(metric)]),
      ["epoch", t("runs.order.epoch")],
    ];
    const choice = select(t("runs.order"), orders, this.choices.get("order"), (order) => this.choose("order", order));
    this.orders = choice.querySelector("select");
    return h(
      "div.controls",
      select(t("runs.show"), statuses, this.choices.get("status"), (status) => this.choose("status", status)),
      select(t("runs.outcome"), outcomes, this.choices.get("outcome"), (outcome) => this.choose("outcome", outcome)),
      this.verdicts,
      choice,
      this.filter,
      this.count,
    );
  }

  head() {
    const heading = (selector, content) => h(selector, { scope: "col" }, content);
    const sorting = (selector, order, title) => {
      const toggle = () => this.choose("order", this.choices.get("order") === order ? TABLE_CHOICES.order : order);
      const cell = heading(
        selector,
        button("button.plain", toggle, { title: t("runs.sortBy", { name: title }) }, title),
      );
      this.headings.push([cell, order]);
      return cell;
    };
    return h(
      "tr",
      heading("th", h("span.unseen", t("runs.choose"))),
      heading("th.name", t("runs.run")),
      heading("th", t("runs.status")),
      sorting("th", "epoch", t("runs.epoch")),
      this.metrics.map((metric) => sorting("th.number", metric, metricTitle(metric))),
      heading("th", t("runs.outcome")),
      heading("th", t("runs.verdict")),
    );
  }

  set(name, value) {
    this[name] = value;
    this.render();
  }

  choose(name, value) {
    this.choices.set(name, value);
    this.render();
  }

  /** Show only the runs with these labels on some axes. */
  only(labels) {
    this.choose("only", Object.keys(labels).length ? JSON.stringify(labels) : "");
  }

  /** The labels by axis of the runs that are shown; empty: all. */
  get labels() {
    try {
      const labels = JSON.parse(this.choices.get("only"));
      return labels !== null && typeof labels === "object" ? labels : {};
    } catch {
      return {};
    }
  }

  showFilter() {
    const text = Object.values(this.labels).join(" · ");
    if (text === this.filter.dataset.shown) return;
    this.filter.dataset.shown = text;
    const clear = button("button.tag", () => this.only({}), { title: t("runs.clear") }, text, " ✕");
    show(this.filter, text ? clear : null);
  }

  update(runs) {
    this.set("runs", runs);
  }

  /** Offer the verdicts of these runs, and show by which column they are sorted. */
  showChoices() {
    const order = this.choices.get("order");
    for (const [cell, sortedBy] of this.headings) {
      const direction = sortedBy !== "epoch" && lowerIsBetter(sortedBy) ? "ascending" : "descending";
      cell.setAttribute("aria-sort", sortedBy === order ? direction : "none");
    }
    if (this.orders.value !== order) this.orders.value = order;
    const found = [...new Set(this.runs.map(verdictOf).filter(Boolean))].sort();
    if (found.join() === this.offered) return;
    this.offered = found.join();
    const options = [["", t("runs.everyVerdict")], ...found.map((verdict) => [verdict, verdictName(verdict)])];
    const choose = (verdict) => this.choose("verdict", verdict);
    show(this.verdicts, select(t("runs.verdict"), options, this.choices.get("verdict"), choose));
  }

  render() {
    this.showFilter();
    this.showChoices();
    const [status, outcome, verdict] = ["status", "outcome", "verdict"].map((name) => this.choices.get(name));
    const wanted = { status, outcome, verdict, labels: this.labels };
    const found = this.sorted(this.runs.filter((run) => isWanted(run, wanted)));
    const rows = found.slice(0, this.limit).map((run) => this.row(run));
    this.place(rows);
    setText(this.count, t("runs.count", { n: found.length, count: whole(found.length) }));
    this.more.hidden = found.length <= this.limit;
    setText(this.more, t("runs.more", { n: whole(found.length - rows.length) }));
  }

  /** Return the runs in the chosen order, those without a value last. */
  sorted(runs) {
    const order = this.choices.get("order");
    if (order === TABLE_CHOICES.order) return runs;
    const key = (run) => {
      if (order === "epoch") return -run.epoch;
      const value = number(run.final?.[order]);
      if (Number.isNaN(value)) return Infinity;
      return lowerIsBetter(order) ? value : -value;
    };
    const keys = new Map(runs.map((run) => [run, key(run)]));
    return runs.toSorted((one, other) => keys.get(one) - keys.get(other) || one.position - other.position);
  }

  /** Put rows into the table; the focus stays where it is. */
  place(rows) {
    const { children } = this.body;
    if (rows.length === children.length && rows.every((row, index) => children[index] === row)) return;
    const focused = document.activeElement;
    this.body.replaceChildren(...rows);
    if (this.body.contains(focused)) focused.focus();
  }

  /** Return a run's row, up to date. */
  row(run) {
    if (!this.rows.has(run.id)) this.rows.set(run.id, this.newRow(run));
    const { row, cells } = this.rows.get(run.id);
    setStatus(cells.status, run.status);
    setText(cells.epoch, run.epochs === 0 ? "0" : `${run.epoch} / ${run.epochs}`);
    cells.bar.style.width = `${100 * shareDone(run)}%`;
    for (const [index, metric] of this.metrics.entries()) {
      setText(cells.metrics[index], showValue(metric, run.final?.[metric]));
    }
    setOutcome(cells.outcome, run);
    setVerdict(cells.verdict, run);
    cells.box.checked = isChosen(run.id);
    return row;
  }

  newRow(run) {
    const name = runName(run);
    const label = t("runs.chooseOne", { name });
    const box = h("input", { type: "checkbox", "aria-label": label, onChange: () => chooseRun(run.id, box.checked) });
    const cells = {
      box,
      status: h("td"),
      epoch: h("span"),
      bar: h("i.running"),
      metrics: this.metrics.map(() => h("td.number")),
      outcome: h("td"),
      verdict: h("td"),
    };
    const row = h(
      "tr",
      h("td", box),
      h("th.name", { scope: "row" }, h("a", { href: `#/runs/${run.id}` }, name)),
      cells.status,
      h("td", h("div.epochs", cells.epoch, h("span.progress", { "aria-hidden": "true" }, cells.bar))),
      cells.metrics,
      cells.outcome,
      cells.verdict,
    );
    return { row, cells };
  }
}

function isWanted(run, { status, outcome, verdict, labels }) {
  if (status && run.status !== status) return false;
  if (verdict && verdictOf(run) !== verdict) return false;
  if (outcome && outcomeOf(run) !== outcome) return false;
  return Object.entries(labels).every(([axis, label]) => labelOn(run, axis) === label);
}

function orderName(metric) {
  return t(lowerIsBetter(metric) ? "runs.order.lower" : "runs.order.higher", { metric: metricTitle(metric) });
}
