// The form in an experiment's head that changes its name, description, tags and note.

import { patch } from "../lib/api.js";
import { editable, patchOf } from "../lib/edits.js";
import { t } from "../lib/text.js";
import { h, setText } from "../parts/dom.js";
import { button } from "../parts/elements.js";

const FIELDS = { name: "input", tags: "input", description: "textarea", note: "textarea" };
const LONGEST_NAME = 200;

/**
 * Return the form of an experiment.
 *
 * @param onSave  called with the changed experiment
 * @param onLeave called where nothing was changed
 */
export function editForm(experiment, { onSave, onLeave }) {
  const before = editable(experiment);
  const inputs = Object.fromEntries(
    Object.entries(FIELDS).map(([field, kind]) => [field, h(kind, { value: before[field], "data-field": field })]),
  );
  inputs.name.setAttribute("maxlength", LONGEST_NAME);
  const problem = h("p.problem", { role: "alert", hidden: true });
  const save = async (event) => {
    event.preventDefault();
    const written = Object.fromEntries(Object.entries(inputs).map(([field, { value }]) => [field, value]));
    const changes = patchOf(before, written);
    if (!Object.keys(changes).length) return onLeave();
    try {
      onSave(await patch(`/v1/experiments/${experiment.id}`, changes));
    } catch (error) {
      problem.hidden = false;
      setText(problem, error.sentences?.join(" ") ?? error.message);
    }
    return null;
  };
  const field = ([name, input]) => h("label.field", h("span", t(`experiment.field.${name}`)), input);
  const leaveByEscape = (event) => event.key === "Escape" && onLeave();
  return h(
    "form.card.edit",
    { onSubmit: save, onKeydown: leaveByEscape, "aria-label": t("experiment.edit") },
    Object.entries(inputs).map(field),
    h(
      "p.actions",
      h("button.primary", { type: "submit" }, t("experiment.save")),
      button("button", onLeave, t("experiment.leave")),
    ),
    problem,
  );
}
