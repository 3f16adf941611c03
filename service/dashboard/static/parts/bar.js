// The bar at the top of every view: navigation, language, theme, key.

import { chosenRuns, whenChosenRunsChange } from "../lib/chosen_runs.js";
import { LANGUAGES, language, t } from "../lib/text.js";
import { h, setText, show } from "./dom.js";
import { button } from "./elements.js";
import { theme, turnTheme, whenThemeChanges } from "./theme.js";

/** The entry of the bar that is marked while a view is shown; by default the view's own. */
const ENTRY_OF_VIEW = { experiments: "", runs: "" };

export class Bar {
  /**
   * @param element    the bar
   * @param skip       moves the focus to the content
   * @param speak      called with the code of a chosen language
   * @param askForKey  opens the dialog of the key; without it the bar offers none
   */
  constructor(element, { skip, speak, askForKey = null }) {
    Object.assign(this, { element, skip, speak, askForKey });
    this.draw();
    whenChosenRunsChange(() => this.drawComparison());
    whenThemeChanges(() => setText(this.themeButton, themeName()));
  }

  /** Draw the whole bar, in the language of the page. */
  draw() {
    this.comparison = link("compare", "nav.compare");
    this.themeButton = button("button.ghost.small", turnTheme, themeName());
    const links = [
      link("", "nav.experiments"),
      link("new", "nav.new"),
      link("data", "nav.data"),
      link("queue", "nav.queue"),
      link("catalog", "nav.catalog"),
      this.comparison,
    ];
    show(
      this.element,
      button("button.skip", this.skip, t("nav.skip")),
      h("a.brand", { href: "/#/" }, h("span.mark", { "aria-hidden": "true" }), "Actinium"),
      h("nav", { "aria-label": t("nav.label") }, links),
      h(
        "div.tools",
        h("div.group", { role: "group", "aria-label": t("nav.language") }, this.languageButtons()),
        this.themeButton,
        this.askForKey && button("button.ghost.small", this.askForKey, t("nav.key")),
        h("a.small", { href: "/docs/", "data-view": "docs", hreflang: "en" }, t("nav.docs")),
        h("a.small", { href: "/docs" }, "API"),
      ),
    );
    this.drawComparison();
  }

  languageButtons() {
    return Object.entries(LANGUAGES).map(([code, name]) => {
      const label = code === "en" ? h("span", { title: name }, "EN") : name;
      const properties = { lang: code, "aria-pressed": String(code === language) };
      return button("button.ghost.small", () => this.speak(code), properties, label);
    });
  }

  /** Let the link to the comparison lead to the chosen runs, with their number. */
  drawComparison() {
    const ids = chosenRuns();
    setText(this.comparison, ids.length ? t("nav.compareSome", { n: ids.length }) : t("nav.compare"));
    this.comparison.setAttribute("href", ids.length ? `/#/compare?runs=${ids.join(",")}` : "/#/compare");
  }

  /** Mark the entry of the view that is shown. */
  mark(view) {
    const entry = ENTRY_OF_VIEW[view] ?? view;
    for (const element of this.element.querySelectorAll("a[data-view]")) {
      if (element.dataset.view === entry) element.setAttribute("aria-current", "page");
      else element.removeAttribute("aria-current");
    }
  }
}

function link(view, key) {
  return h("a", { href: `/#/${view}`, "data-view": view }, t(key));
}

function themeName() {
  return theme() === "dark" ? t("nav.light") : t("nav.dark");
}
