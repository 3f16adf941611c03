// The dialog that asks for an API key, which is kept as long as the tab.

import { apiKey, setApiKey } from "../lib/api.js";
import { t } from "../lib/text.js";
import { h } from "./dom.js";
import { button } from "./elements.js";

/**
 * Ask for a key, unless it is being asked for already.
 *
 * @param problem why the API refused, or null
 * @param onSave  called after a key was saved
 */
export function askForKey(problem, onSave) {
  if (document.querySelector("dialog[open]")) return;
  const input = h("input", {
    type: "password",
    name: "key",
    autocomplete: "off",
    placeholder: "act_…",
    value: apiKey() ?? "",
    "aria-label": t("key.title"),
  });
  const close = () => {
    dialog.close();
    dialog.remove();
  };
  const save = (event) => {
    event.preventDefault();
    setApiKey(input.value.trim());
    close();
    onSave();
  };
  const form = h(
    "form",
    { onSubmit: save },
    h("h2", t("key.title")),
    problem && h("p.problem", problem),
    h("p", t("key.about")),
    input,
    h("p.actions", h("button.primary", { type: "submit" }, t("key.use")), button("button", close, t("key.cancel"))),
  );
  const dialog = h("dialog", { onCancel: () => setTimeout(() => dialog.remove()) }, form);
  document.body.append(dialog);
  dialog.showModal();
}
