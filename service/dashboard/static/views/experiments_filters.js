// The filters of the list of experiments; what is wrong with one is shown beside its field.

import { EXPERIMENT_STATUSES } from "../lib/statuses.js";
import { known, t } from "../lib/text.js";
import { statusName } from "../parts/badges.js";
import { h, setText } from "../parts/dom.js";
import { select } from "../parts/elements.js";

export const FILTERS = ["status", "search", "tag", "archived"];

export class Filters {
  /**
   * @param wanted   the value of each filter; "" for none
   * @param onChoose called with a filter and its new value
   */
  constructor(wanted, onChoose) {
    const statuses = [["", t("experiments.any")], ...EXPERIMENT_STATUSES.map((status) => [status, statusName(status)])];
    const shelves = ["", "true", "any"].map((shelf) => [shelf, t(`experiments.archived.${shelf || "false"}`)]);
    const typed = (key, placeholder) => {
      const choose = () => onChoose(key, input.value.trim());
      // Chromium fires only `search` when the cross empties the field.
      const properties = { type: "search", placeholder, value: wanted[key], onChange: choose, onSearch: choose };
      const input = h("input", properties);
      return h("label.field", h("span", t(`experiments.${key}`)), input);
    };
    this.fields = {
      status: select(t("experiments.status"), statuses, wanted.status, (status) => onChoose("status", status)),
      search: typed("search", t("experiments.partOfName")),
      tag: typed("tag", "key:value"),
      archived: select(t("experiments.archived"), shelves, wanted.archived, (shelf) => onChoose("archived", shelf)),
    };
    this.problems = Object.fromEntries(
      FILTERS.map((key) => [key, h("p.problem", { id: `filter-${key}-problem`, role: "alert", hidden: true })]),
    );
    const fields = FILTERS.map((key) => h("div.field", this.fields[key], this.problems[key]));
    this.element = h("div.controls.filters", fields);
  }

  /** Show the API's errors, each beside the field of its parameter. */
  showProblems(errors) {
    for (const [key, problem] of Object.entries(this.problems)) {
      const error = errors.find(({ parameter }) => parameter === key);
      const input = this.fields[key].querySelector("input, select");
      problem.hidden = !error;
      setText(problem, error ? (known(`experiments.bad.${key}`) ?? error.detail) : "");
      input.setAttribute("aria-invalid", String(Boolean(error)));
      input.setAttribute("aria-describedby", problem.id);
    }
  }
}
