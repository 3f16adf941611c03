// Formulas in LaTeX, set by KaTeX, which is loaded when the first one is shown.

import { t } from "../lib/text.js";
import { h } from "./dom.js";
import { scrollable } from "./elements.js";

const FOLDER = "/static/vendor/katex-0.19.1";
const OPTIONS = { displayMode: true, throwOnError: false, trust: false, strict: "ignore" };
let loading = null;

/** Return an element that shows a formula; its LaTeX until KaTeX is loaded, and where it cannot be. */
export function formula(latex) {
  const element = h("div.formula", h("code", latex));
  setFormula(element, latex);
  return element;
}

/** Set a formula into an element once KaTeX is loaded. */
export function setFormula(element, latex) {
  loadKatex()
    .then((katex) => {
      katex.render(latex, element, OPTIONS);
      scrollable(t("catalog.formula"), element);
    })
    .catch(() => {});
}

function loadKatex() {
  loading ??= new Promise((resolve, reject) => {
    document.head.append(
      h("link", { rel: "stylesheet", href: `${FOLDER}/katex.min.css` }),
      h("script", { src: `${FOLDER}/katex.min.js`, onLoad: () => resolve(window.katex), onError: reject }),
    );
  });
  return loading;
}
