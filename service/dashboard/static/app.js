// The frame around the views: navigation, theme, language, key; one view at a time, by the hash.

import { apiKey, setApiKey } from "./lib/api.js";
import { announce, h, setText, show, theme } from "./lib/dom.js";
import { LANGUAGES, language, loadLanguage, t, useLanguage } from "./lib/text.js";
import { chosen } from "./parts/tray.js";

/** By the first part of the path; loaded when first looked at. */
const VIEWS = {
  "": () => import("./views/experiments.js"),
  experiments: () => import("./views/experiment.js"),
  runs: () => import("./views/run.js"),
  compare: () => import("./views/compare.js"),
  new: () => import("./views/compose.js"),
  catalog: () => import("./views/catalog.js"),
};

const main = document.getElementById("main");
let leaving = new AbortController();

await loadLanguage();
drawBar();
addEventListener("hashchange", () => enter());
document.addEventListener("key-needed", askForKey);
document.addEventListener("tray-changed", drawTray);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tellTheme);
await enter(false);

/** Leave the view that is shown and enter the one the address names. */
async function enter(moveFocus = true) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const [path, search] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = namesIn(path);
  markCurrent(name);
  const element = h("div.view", {}, h("p.loading.muted", {}, t("nav.loading")));
  show(main, element);
  try {
    if (!Object.hasOwn(VIEWS, name)) throw new Error(t("error.noPage"));
    const { view } = await VIEWS[name]().catch((error) => {
      throw error instanceof TypeError ? new Error(t("error.unreachable")) : error;
    });
    if (signal.aborted) return;
    const title = await view({ element, rest, parameters: new URLSearchParams(search), signal, entitle });
    if (signal.aborted) return;
    entitle(title);
  } catch (error) {
    if (signal.aborted || error.name === "AbortError") return;
    showError(element, error);
  }
  if (moveFocus) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
}

/** The names between a path's slashes; none where they cannot be decoded. */
function namesIn(path) {
  try {
    return path.split("/").map(decodeURIComponent);
  } catch {
    return [null];
  }
}

function entitle(title) {
  document.title = title ? `${title} · Actinium` : "Actinium";
  announce(title ?? "");
}

function showError(element, error) {
  document.title = `${t("error.title")} · Actinium`;
  const [sentence, ...more] = error.sentences ?? [error.message];
  show(
    element,
    h(
      "div.card.problem",
      { role: "alert" },
      h("h1", {}, t("error.title")),
      h("p", {}, sentence),
      more.length
        ? h(
            "ul",
            {},
            more.map((each) => h("li", {}, each)),
          )
        : null,
      h(
        "p",
        {},
        h("button", { type: "button", onClick: () => enter() }, t("error.again")),
        " ",
        h("a", { href: "#/" }, t("nav.experiments")),
      ),
    ),
  );
}

function drawBar() {
  const link = (href, key) => h("a", { href, "data-view": href.slice(2) }, t(key));
  const compare = h("a", { href: "#/compare", "data-view": "compare", id: "tray" });
  const languages = Object.entries(LANGUAGES).map(([code, name]) =>
    h(
      "button.ghost.small",
      {
        type: "button",
        lang: code,
        "aria-pressed": String(code === language),
        onClick: () => speak(code),
      },
      code === "en" ? h("span", { title: name }, "EN") : name,
    ),
  );
  show(
    document.getElementById("bar"),
    h("button.skip", { type: "button", onClick: () => main.focus() }, t("nav.skip")),
    h("a.brand", { href: "#/" }, h("span.mark", { "aria-hidden": "true" }), "Actinium"),
    h(
      "nav",
      { "aria-label": t("nav.label") },
      link("#/", "nav.experiments"),
      link("#/new", "nav.new"),
      link("#/catalog", "nav.catalog"),
      compare,
    ),
    h(
      "div.tools",
      {},
      h("div.group", { role: "group", "aria-label": t("nav.language") }, languages),
      h("button.ghost.small", { type: "button", id: "theme", onClick: turnTheme }, themeName()),
      h("button.ghost.small", { type: "button", onClick: () => askForKey({ detail: null }) }, t("nav.key")),
      h("a.small", { href: "/docs" }, "API"),
    ),
  );
  drawTray();
  markCurrent(location.hash.replace(/^#\/?/, "").split(/[/?]/)[0]);
}

function drawTray() {
  const link = document.getElementById("tray");
  const ids = chosen();
  setText(link, ids.length ? t("nav.compareSome", { n: ids.length }) : t("nav.compare"));
  link.setAttribute("href", ids.length ? `#/compare?runs=${ids.join(",")}` : "#/compare");
}

function markCurrent(name) {
  const shown = { experiments: "", runs: "" }[name] ?? name;
  for (const link of document.querySelectorAll("#bar nav a")) {
    if (link.dataset.view === shown) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

async function speak(code) {
  localStorage.setItem("actinium.language", code);
  await useLanguage(code);
  drawBar();
  await enter(false);
}

function themeName() {
  return theme() === "dark" ? t("nav.light") : t("nav.dark");
}

function turnTheme() {
  const other = theme() === "dark" ? "light" : "dark";
  localStorage.setItem("actinium.theme", other);
  document.documentElement.dataset.theme = other;
  tellTheme();
}

function tellTheme() {
  setText(document.getElementById("theme"), themeName());
  document.dispatchEvent(new CustomEvent("theme-changed"));
}

/** Ask for an API key; it is kept as long as the tab. */
function askForKey({ detail }) {
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
    enter();
  };
  const dialog = h(
    "dialog",
    { onCancel: () => setTimeout(() => dialog.remove()) },
    h(
      "form",
      { onSubmit: save },
      h("h2", {}, t("key.title")),
      detail && h("p.problem", {}, detail),
      h("p", {}, t("key.about")),
      input,
      h(
        "p.actions",
        {},
        h("button.primary", { type: "submit" }, t("key.use")),
        h("button", { type: "button", onClick: close }, t("key.cancel")),
      ),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
}
