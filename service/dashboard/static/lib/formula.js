// LaTeX as it is printed. KaTeX is loaded when the first formula is wanted.

import { h, reachable } from "./dom.js";
import { t } from "./text.js";

const FOLDER = "/static/vendor/katex-0.19.1";
let loading = null;

function load() {
  loading ??= new Promise((resolve, reject) => {
    document.head.append(
      h("link", { rel: "stylesheet", href: `${FOLDER}/katex.min.css` }),
      h("script", { src: `${FOLDER}/katex.min.js`, onLoad: () => resolve(window.katex), onError: reject }),
    );
  });
  return loading;
}

/** An element that shows a formula; its LaTeX until the library is there. */
export function formula(latex) {
  const element = h("div.formula", {}, h("code", {}, latex));
  load()
    .then((katex) => {
      katex.render(latex, element, { displayMode: true, throwOnError: false, trust: false, strict: "ignore" });
      reachable(t("catalog.formula"), element);
    })
    .catch(() => {});
  return element;
}
