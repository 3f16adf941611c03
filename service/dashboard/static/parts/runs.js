// The runs of an experiment as a table that stays smooth with thousands: rows are kept, only
// what is shown is in the document, and only what changed is written.

import { ENDED } from "../lib/board.js";
import { h, reachable, select, setText, show } from "../lib/dom.js";
import { showValue, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { setStatus, verdict, verdictName, verdictOf } from "./badges.js";
import { choose, chosen } from "./tray.js";

const PAGE = 50;

const ORDERS = {
  position: (run) => run.position,
  val_accuracy: (run) => -Number(run.final?.val_accuracy ?? NaN),
  val_loss: (run) => Number(run.final?.val_loss ?? NaN),
  epoch: (run) => -run.epoch,
};

export class RunTable {
  constructor() {
    this.limit = PAGE;
    this.order = "position";
    this.status = "";
    this.place = {};
    this.rows = new Map();
    this.count = h("span.muted");
    this.filter = h("span.filter");
    this.head = h("tr");
    this.body = h("tbody");
    this.more = h("button.ghost", {
      type: "button",
      onClick: () => {
        this.limit += 4 * PAGE;
        this.render();
      },
    });
    this.controls = h("div.controls");
    this.element = h(
      "div",
      {},
      this.controls,
      reachable(t("runs.title"), h("div.scroll", {}, h("table.runs", {}, h("thead", {}, this.head), this.body))),
      this.more,
    );
    this.writeControls();
  }

  writeControls() {
    const states = ["", "running", "completed", "diverged", "failed", "queued", "cancelled"];
    show(
      this.controls,
      select(
        t("runs.show"),
        states.map((each) => [each, each ? t(`status.${each}`) : t("runs.every")]),
        this.status,
        (value) => {
          this.status = value;
          this.render();
        },
      ),
      select(
        t("runs.order"),
        Object.keys(ORDERS).map((each) => [each, t(`runs.order.${each}`)]),
        this.order,
        (value) => {
          this.order = value;
          this.render();
        },
      ),
      this.filter,
      this.count,
    );
  }

  /** Show only the runs with these labels on some axes. */
  only(place) {
    this.place = place;
    show(
      this.filter,
      Object.keys(place).length
        ? h(
            "button.tag",
            { type: "button", title: t("runs.clear"), onClick: () => this.only({}) },
            Object.values(place).join(" · "),
            " ✕",
          )
        : null,
    );
    this.render();
  }

  /** @param runs all runs  @param placed their labels  @param axes the axes that name a run among them */
  update(runs, placed, axes) {
    this.runs = runs;
    this.placed = placed;
    if (JSON.stringify(axes) !== JSON.stringify(this.axes)) {
      this.axes = axes;
      this.rows.clear();
      const column = (name, kind = "th") => h(kind, { scope: "col" }, name);
      show(
        this.head,
        column(h("span.unseen", {}, t("runs.choose"))),
        column(axes.map((axis) => t(`axis.${axis}`)).join(" · "), "th.name"),
        column(t("runs.status")),
        column(t("runs.epoch")),
        column(t("metric.val_accuracy"), "th.number"),
        column(t("metric.val_loss"), "th.number"),
        column(t("runs.verdict")),
      );
    }
    this.render();
  }

  render() {
    if (!this.runs) return;
    const order = ORDERS[this.order];
    const found = this.runs.filter(
      (run) =>
        (!this.status || run.status === this.status) &&
        Object.entries(this.place).every(([axis, value]) => String(this.placed.get(run.id)[axis]) === value),
    );
    const rank = (run) => {
      const value = order(run);
      return Number.isNaN(value) ? Infinity : value;
    };
    if (this.order !== "position") found.sort((one, other) => rank(one) - rank(other) || one.position - other.position);
    const shown = found.slice(0, this.limit);
    const rows = shown.map((run) => this.row(run));
    const same = rows.length === this.body.childElementCount && rows.every((row, at) => this.body.children[at] === row);
    if (!same) {
      const focused = document.activeElement;
      this.body.replaceChildren(...rows);
      if (this.body.contains(focused)) focused.focus();
    }
    setText(this.count, t("runs.count", { n: found.length, count: whole(found.length) }));
    this.more.hidden = found.length <= this.limit;
    setText(this.more, t("runs.more", { n: whole(found.length - shown.length) }));
  }

  row(run) {
    if (!this.rows.has(run.id)) this.rows.set(run.id, this.make(run));
    const { row, cells } = this.rows.get(run.id);
    setStatus(cells.status, run.status);
    setText(cells.epoch, `${run.epoch} / ${run.epochs}`);
    cells.bar.style.width = `${run.epochs || !ENDED.has(run.status) ? 100 * Math.min(1, (run.epoch + (run.fraction ?? 0)) / Math.max(1, run.epochs)) : 100}%`;
    setText(cells.accuracy, run.final ? showValue("val_accuracy", run.final.val_accuracy) : "–");
    setText(cells.loss, run.final ? showValue("val_loss", run.final.val_loss) : "–");
    const told = verdictOf(run);
    if (cells.verdict.dataset.verdict !== String(told)) {
      cells.verdict.dataset.verdict = String(told);
      show(cells.verdict, verdict(told), run.error ? h("span.unseen", {}, run.error) : null);
    }
    cells.box.checked = chosen().includes(run.id);
    return row;
  }

  make(run) {
    const place = this.placed.get(run.id);
    const name = this.axes
      .map((axis) => (axis === "seed" ? t("run.seed", { seed: place.seed }) : place[axis]))
      .join(" · ");
    const cells = {
      status: h("td"),
      epoch: h("span"),
      bar: h("i.running"),
      accuracy: h("td.number"),
      loss: h("td.number"),
      verdict: h("td"),
      box: h("input", {
        type: "checkbox",
        "aria-label": t("runs.chooseOne", { name }),
        onChange: () => choose(run.id, cells.box.checked),
      }),
    };
    const row = h(
      "tr",
      {},
      h("td", {}, cells.box),
      h("th.name", { scope: "row" }, h("a", { href: `#/runs/${run.id}` }, name)),
      cells.status,
      h("td", {}, h("div.epochs", {}, cells.epoch, h("span.progress", { "aria-hidden": "true" }, cells.bar))),
      cells.accuracy,
      cells.loss,
      cells.verdict,
    );
    return { row, cells };
  }
}

/** A sentence of how many runs have which verdict. */
export function verdictCounts(runs) {
  const counted = new Map();
  for (const run of runs) {
    const told = verdictOf(run);
    if (told) counted.set(told, (counted.get(told) ?? 0) + 1);
  }
  return [...counted]
    .sort((one, other) => other[1] - one[1])
    .map(([name, n]) => `${n} ${verdictName(name)}`)
    .join(" · ");
}
