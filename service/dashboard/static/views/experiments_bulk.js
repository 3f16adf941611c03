// What can be done to several experiments of the list at once: a request each, with its progress and its failures.

import { patch, post, send } from "../lib/api.js";
import { actOnAll } from "../lib/bulk.js";
import { experimentName } from "../lib/format.js";
import { readTags } from "../lib/tags.js";
import { t } from "../lib/text.js";
import { h, setText, show } from "../parts/dom.js";
import { button } from "../parts/elements.js";

export class BulkActions {
  /** @param onDone called after an action, and where the selection changed by itself */
  constructor(onDone) {
    this.onDone = onDone;
    this.selected = new Map(); // experiments by id
    this.count = h("b", { role: "status" });
    this.failures = h("ul.problem", { role: "alert", hidden: true });
    this.tags = h("input", { "aria-label": t("bulk.tags"), placeholder: "key: value", size: 14 });
    const path = (id) => `/v1/experiments/${id}`;
    const tag = (event) => {
      event.preventDefault();
      const wanted = readTags(this.tags.value);
      if (Object.keys(wanted).length) this.act(({ id }) => patch(path(id), { tags: wanted }));
    };
    const remove = () => {
      if (!confirm(t("bulk.reallyDelete", { n: this.selected.size }))) return;
      this.act(async ({ id }) => {
        await send(path(id), { method: "DELETE" });
        this.selected.delete(id);
      });
    };
    const archive = ({ id, archived }) => patch(path(id), { archived: !archived });
    this.compare = h("a.button.small", t("chosen.compare"));
    this.bar = h(
      "div.actions",
      this.count,
      this.compare,
      button("button.small", () => this.act(({ id }) => post(`${path(id)}/cancel`)), t("experiment.cancel")),
      button("button.small", () => this.act(archive), t("bulk.archive")),
      h("form.row", { onSubmit: tag }, this.tags, h("button.small", { type: "submit" }, t("bulk.tag"))),
      button("button.small.danger", remove, t("experiment.delete")),
      button("button.small.ghost", () => this.clear(), t("bulk.clear")),
    );
    this.element = h("section.card.bulk", { "aria-label": t("bulk.title"), hidden: true }, this.bar, this.failures);
  }

  /** Select an experiment, or no longer. */
  select(experiment, wanted) {
    if (wanted) this.selected.set(experiment.id, experiment);
    else this.selected.delete(experiment.id);
    this.failures.hidden = true;
    this.draw();
  }

  /** Take these experiments for those of the list: what is gone is selected no longer. */
  update(experiments) {
    const listed = new Map(experiments.map((experiment) => [experiment.id, experiment]));
    for (const id of [...this.selected.keys()]) {
      if (listed.has(id)) this.selected.set(id, listed.get(id));
      else this.selected.delete(id);
    }
    this.draw();
  }

  clear() {
    this.selected.clear();
    this.failures.hidden = true;
    this.draw();
    this.onDone();
  }

  draw() {
    const n = this.selected.size;
    this.element.hidden = n === 0 && this.failures.hidden;
    setText(this.count, t("bulk.selected", { n }));
    this.compare.hidden = n < 2;
    this.compare.setAttribute("href", `#/compare?experiments=${[...this.selected.keys()].join(",")}`);
  }

  /** Do one thing to every selected experiment. */
  async act(action) {
    const experiments = [...this.selected.values()];
    const controls = this.bar.querySelectorAll("button, input");
    for (const control of controls) control.disabled = true;
    const n = experiments.length;
    const failed = await actOnAll(experiments, action, (done) => setText(this.count, t("bulk.progress", { done, n })));
    for (const control of controls) control.disabled = false;
    this.failures.hidden = !failed.length;
    const sentence = ([experiment, error]) => h("li", `${experimentName(experiment)}: ${error.message}`);
    show(this.failures, failed.map(sentence));
    this.draw();
    this.onDone();
  }
}
