// The runs of an experiment as a table that stays smooth with thousands of them: rows are kept,
// only those shown are in the document, and only what changed is written.

import { labelOn } from "../lib/axes.js";
import { chooseRun, isChosen } from "../lib/chosen_runs.js";
import { duration, runName, showValue, whole } from "../lib/format.js";
import { joinedInWords } from "../lib/label_words.js";
import { headlineMetrics, lowerIsBetter, metricNames, metricTitle } from "../lib/metrics.js";
import {
  axisOfColumn,
  isAscending,
  isWithin,
  offeredColumns,
  SEED,
  secondsTaken,
  shownColumns,
  sortedRuns,
  TOOK,
} from "../lib/run_columns.js";
import { shareDone } from "../lib/run_events.js";
import { OUTCOMES, RUN_STATUSES } from "../lib/statuses.js";
import { t } from "../lib/text.js";
import { setStatus, statusName } from "./badges.js";
import { ChosenRuns } from "./chosen_actions.js";
import { axisTitle } from "./configuration.js";
import { h, setText, show } from "./dom.js";
import { button, checkbox, scrollableTable, select } from "./elements.js";
import { outcomeName, outcomeOf, setOutcome, setVerdict, verdictName, verdictOf } from "./verdicts.js";

const FIRST_ROWS = 50;
const MORE_ROWS = 200;

/** The choices of the table as the address holds them; `only` has the labels by axis of the runs that are shown. */
export const TABLE_CHOICES = {
  order: "position",
  status: "",
  outcome: "",
  verdict: "",
  only: "",
  columns: "",
  limited: "",
  least: "",
  most: "",
};

export class RunTable {
  /**
   * @param choices the `Choices` of the view, with those of the table
   * @param axes    the axes on which the runs have several labels
   */
  constructor(choices, axes) {
    this.choices = choices;
    this.axes = axes;
    this.runs = [];
    this.limit = FIRST_ROWS;
    this.metrics = headlineMetrics();
    this.columns = shownColumns(choices.get("columns"), axes);
    this.rows = new Map(); // by run id
    this.count = h("span.muted");
    this.filter = h("span.filter");
    this.body = h("tbody");
    this.verdicts = h("span.metric"); // the choice of a verdict, among those there are
    this.offered = null;
    this.headings = []; // cells of the head that sort, with their orders
    this.more = button("button.ghost", () => this.set("limit", this.limit + MORE_ROWS));
    this.thead = h("thead", this.head());
    this.actions = new ChosenRuns(() => this.render());
    const table = scrollableTable(t("runs.title"), "table.runs", this.thead, this.body);
    this.element = h("div", this.controls(), this.limits(), this.actions.element, table, this.more);
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

  /** Return the limits of a metric, and the choice of columns. */
  limits() {
    const metrics = metricNames(({ in_final: inFinal }) => inFinal).map((metric) => [metric, metricTitle(metric)]);
    const limit = (name) => {
      const input = h("input", {
        size: 7,
        inputmode: "decimal",
        value: this.choices.get(name),
        onChange: () => this.choose(name, input.value.trim()),
      });
      return h("label.field", h("span", t(`runs.${name}`)), input);
    };
    const shown = (name) => this.columns.includes(name);
    const toggle = (name) => (wanted) => {
      const others = this.columns.filter((column) => column !== name);
      this.showColumns(wanted ? [...others, name] : others);
    };
    const boxes = offeredColumns(this.axes).map((name) => checkbox(columnTitle(name), shown(name), toggle(name)));
    return h(
      "div.controls",
      select(t("runs.limited"), metrics, this.limited, (metric) => this.choose("limited", metric)),
      limit("least"),
      limit("most"),
      h("details.menu.columns", h("summary", t("runs.columns")), h("div.items", boxes)),
    );
  }

  /** The metric that has limits. */
  get limited() {
    return this.choices.get("limited") || this.metrics[0];
  }

  /** Show these columns, in the order in which they are offered. */
  showColumns(names) {
    const inOrder = offeredColumns(this.axes).filter((name) => names.includes(name));
    this.columns = shownColumns(inOrder.join(), this.axes);
    const isUsual = this.columns.join() === shownColumns("", this.axes).join();
    this.rows.clear();
    this.headings = [];
    show(this.thead, this.head());
    this.choose("columns", isUsual ? "" : this.columns.join());
  }

  head() {
    const heading = (selector, content) => h(selector, { scope: "col" }, content);
    const sorting = (selector, order, title) => {
      const turned = { [order]: `-${order}`, [`-${order}`]: TABLE_CHOICES.order };
      const toggle = () => this.choose("order", turned[this.choices.get("order")] ?? order);
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
      this.columns.map((name) => sorting(cellSelector("th", name), name, columnTitle(name))),
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
    const text = joinedInWords(this.labels);
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
    const sortedBy = order.replace(/^-/, "");
    for (const [cell, name] of this.headings) {
      const direction = isAscending(order) ? "ascending" : "descending";
      cell.setAttribute("aria-sort", name === sortedBy ? direction : "none");
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
    const [least, most] = ["least", "most"].map((name) => this.choices.get(name));
    const limits = { metric: this.limited, least, most };
    const wanted = { status, outcome, verdict, labels: this.labels, limits };
    const filtered = this.runs.filter((run) => isWanted(run, wanted));
    const found = sortedRuns(filtered, this.choices.get("order"));
    this.actions.update(this.runs);
    const rows = found.slice(0, this.limit).map((run) => this.row(run));
    this.place(rows);
    setText(this.count, t("runs.count", { n: found.length, count: whole(found.length) }));
    this.more.hidden = found.length <= this.limit;
    setText(this.more, t("runs.more", { n: whole(found.length - rows.length) }));
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
    for (const [index, name] of this.columns.entries()) setText(cells.columns[index], columnText(run, name));
    setOutcome(cells.outcome, run);
    setVerdict(cells.verdict, run);
    cells.box.checked = isChosen(run.id);
    return row;
  }

  newRow(run) {
    const name = runName(run);
    const label = t("runs.chooseOne", { name });
    const choose = () => {
      chooseRun(run.id, box.checked);
      this.render(); // of too many, the first is chosen no longer
    };
    const box = h("input", { type: "checkbox", "aria-label": label, onChange: choose });
    const cells = {
      box,
      status: h("td"),
      epoch: h("span"),
      bar: h("i.running"),
      columns: this.columns.map((name) => h(cellSelector("td", name))),
      outcome: h("td"),
      verdict: h("td"),
    };
    const row = h(
      "tr",
      h("td", box),
      h("th.name", { scope: "row" }, h("a", { href: `#/runs/${run.id}` }, name)),
      cells.status,
      h("td", h("div.epochs", cells.epoch, h("span.progress", { "aria-hidden": "true" }, cells.bar))),
      cells.columns,
      cells.outcome,
      cells.verdict,
    );
    return { row, cells };
  }
}

/** Return what a column of a run says. */
function columnText(run, name) {
  const axis = axisOfColumn(name);
  if (axis !== null) return labelOn(run, axis);
  if (name === SEED) return String(run.seed);
  return name === TOOK ? duration(secondsTaken(run)) : showValue(name, run.final?.[name]);
}

function columnTitle(name) {
  const axis = axisOfColumn(name);
  if (axis !== null || name === SEED) return axisTitle(axis ?? name);
  return name === TOOK ? t("runs.tookTitle") : metricTitle(name);
}

function cellSelector(cell, name) {
  return axisOfColumn(name) === null ? `${cell}.number` : cell;
}

function isWanted(run, { status, outcome, verdict, labels, limits }) {
  if (!isWithin(run, limits)) return false;
  if (status && run.status !== status) return false;
  if (verdict && verdictOf(run) !== verdict) return false;
  if (outcome && outcomeOf(run) !== outcome) return false;
  return Object.entries(labels).every(([axis, label]) => labelOn(run, axis) === label);
}

function orderName(metric) {
  return t(lowerIsBetter(metric) ? "runs.order.lower" : "runs.order.higher", { metric: metricTitle(metric) });
}
