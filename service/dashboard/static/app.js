// Shows one view at a time, named by the address after the hash.

import { whenKeyIsNeeded } from "./lib/api.js";
import { loadMetrics } from "./lib/metrics.js";
import { enterScroll, keepScroll } from "./lib/scroll.js";
import { chooseLanguage, loadLanguage, t } from "./lib/text.js";
import { Bar } from "./parts/bar.js";
import { announce, h, show } from "./parts/dom.js";
import { button } from "./parts/elements.js";
import { askForKey } from "./parts/key_dialog.js";
import { setDocumentLanguage } from "./parts/language.js";
import { showTooltips } from "./parts/tooltips.js";

/** Views by the first part of the path; each is loaded when it is first shown. */
const VIEWS = {
  "": () => import("./views/experiments.js"),
  experiments: () => import("./views/experiment.js"),
  runs: () => import("./views/run.js"),
  compare: () => import("./views/compare.js"),
  new: () => import("./views/compose.js"),
  queue: () => import("./views/queue.js"),
  data: () => import("./views/data.js"),
  catalog: () => import("./views/catalog.js"),
};

const main = document.getElementById("main");
let leaving = new AbortController();

await loadLanguage();
setDocumentLanguage();
const bar = new Bar(document.getElementById("bar"), {
  skip: () => main.focus(),
  speak,
  askForKey: () => askForKey(null, enter),
});
keepScroll();
showTooltips();
addEventListener("hashchange", () => enter());
whenKeyIsNeeded((problem) => askForKey(problem, enter));
await enter({ moveFocus: false });

/** Leave the present view and enter the one that the address names. */
async function enter({ moveFocus = true } = {}) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const restoreScroll = enterScroll(signal);
  const [path, search] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = pathParts(path);
  bar.mark(name);
  const element = h("div.view", h("p.loading.muted", t("nav.loading")));
  show(main, element);
  try {
    const [{ view }] = await Promise.all([load(name), loadMetrics()]);
    if (signal.aborted) return;
    const title = await view({ element, rest, parameters: new URLSearchParams(search), signal, setTitle });
    if (signal.aborted) return;
    setTitle(title);
  } catch (error) {
    if (signal.aborted || error.name === "AbortError") return;
    showError(element, error);
  }
  if (moveFocus) main.focus({ preventScroll: true });
  restoreScroll(element);
}

/** Return the decoded parts of a path; `[null]` where they cannot be decoded. */
function pathParts(path) {
  try {
    return path.split("/").map(decodeURIComponent);
  } catch {
    return [null];
  }
}

/** Return the module of a view. */
async function load(name) {
  if (!Object.hasOwn(VIEWS, name)) throw new Error(t("error.noPage"));
  try {
    return await VIEWS[name]();
  } catch (error) {
    throw error instanceof TypeError ? new Error(t("error.unreachable")) : error;
  }
}

function setTitle(title) {
  document.title = title ? `${title} · Actinium` : "Actinium";
  announce(title ?? "");
}

function showError(element, error) {
  document.title = `${t("error.title")} · Actinium`;
  const [sentence, ...more] = error.sentences ?? [error.message];
  const details = more.map((detail) => h("li", detail));
  const again = button("button", () => enter(), t("error.again"));
  show(
    element,
    h(
      "div.card.problem",
      { role: "alert" },
      h("h1", t("error.title")),
      h("p", sentence),
      details.length ? h("ul", details) : null,
      h("p", again, " ", h("a", { href: "#/" }, t("nav.experiments"))),
    ),
  );
}

async function speak(code) {
  await chooseLanguage(code);
  setDocumentLanguage();
  bar.draw();
  await enter({ moveFocus: false });
}
