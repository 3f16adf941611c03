// The menu of saved views: addresses that this browser keeps under names.

import { forgetView, savedViews, saveView } from "../lib/saved_views.js";
import { t } from "../lib/text.js";
import { h, setText, show } from "./dom.js";
import { button } from "./elements.js";

const LONGEST_NAME = 80;

/** Return the menu; it saves the address as it is when its button is pressed. */
export function savedViewsMenu() {
  const list = h("ul.views");
  const name = h("input", { "aria-label": t("views.name"), placeholder: t("views.name"), maxlength: LONGEST_NAME });
  const problem = h("p.problem", { role: "alert", hidden: true });
  const remove = (view) => {
    forgetView(view.name);
    draw();
    name.focus();
  };
  const item = (view) =>
    h(
      "li",
      h("a", { href: view.place }, view.name),
      button("button.ghost.small", () => remove(view), { "aria-label": t("views.forget", { name: view.name }) }, "✕"),
    );
  const draw = () => {
    const views = savedViews();
    show(list, views.map(item));
    list.hidden = !views.length;
  };
  const save = (event) => {
    event.preventDefault();
    const wanted = name.value.trim();
    if (!wanted) return;
    const isKept = saveView(wanted, location.hash || "#/");
    problem.hidden = isKept;
    setText(problem, isKept ? "" : t("views.full"));
    if (isKept) name.value = "";
    draw();
  };
  const form = h("form.row", { onSubmit: save }, name, h("button.small", { type: "submit" }, t("views.save")));
  draw();
  return h("details.menu", h("summary", t("views.title")), h("div.items", list, form, problem));
}
