// What can be done to the runs that are selected in a table: compare them, or cancel those that have not ended.

import { post } from "../lib/api.js";
import { actOnAll } from "../lib/bulk.js";
import { chooseRun, chosenRuns } from "../lib/chosen_runs.js";
import { runName } from "../lib/format.js";
import { ACTIVE } from "../lib/statuses.js";
import { t } from "../lib/text.js";
import { h, setText, show } from "./dom.js";
import { button } from "./elements.js";

export class ChosenRuns {
  /** @param onChange called after something was done to the runs, or they are selected no longer */
  constructor(onChange) {
    this.onChange = onChange;
    this.chosen = [];
    this.count = h("b", { role: "status" });
    this.compare = h("a.button.small");
    this.cancel = button("button.small", () => this.cancelAll(), t("chosen.cancel"));
    this.failures = h("ul.problem", { role: "alert", hidden: true });
    const clear = button("button.small.ghost", () => this.clear(), t("bulk.clear"));
    const bar = h("div.actions", this.count, this.compare, this.cancel, clear);
    this.element = h("div.chosen", { hidden: true }, bar, this.failures);
  }

  /** Show what is selected among these runs. */
  update(runs) {
    const ids = new Set(chosenRuns());
    this.chosen = runs.filter(({ id }) => ids.has(id));
    const n = this.chosen.length;
    this.element.hidden = n === 0;
    setText(this.count, t("bulk.selected", { n }));
    setText(this.compare, t("chosen.compare"));
    this.compare.setAttribute("href", `#/compare?runs=${this.chosen.map(({ id }) => id).join(",")}`);
    this.cancel.hidden = !this.active.length;
  }

  get active() {
    return this.chosen.filter(({ status }) => ACTIVE.includes(status));
  }

  clear() {
    for (const { id } of this.chosen) chooseRun(id, false);
    this.failures.hidden = true;
    this.onChange();
  }

  /** Cancel what has not ended; their events tell the table. */
  async cancelAll() {
    const runs = this.active;
    this.cancel.disabled = true;
    const onDone = (done) => setText(this.count, t("bulk.progress", { done, n: runs.length }));
    const failed = await actOnAll(runs, ({ id }) => post(`/v1/runs/${id}/cancel`), onDone);
    this.cancel.disabled = false;
    this.failures.hidden = !failed.length;
    show(
      this.failures,
      failed.map(([run, error]) => h("li", `${runName(run)}: ${error.message}`)),
    );
    this.onChange();
  }
}
