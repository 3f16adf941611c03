// The documentation: around a page's text, which the service rendered, the bar, the search and the headings.

import { chooseLanguage, loadLanguage, t } from "./lib/text.js";
import { Bar } from "./parts/bar.js";
import { h, show } from "./parts/dom.js";
import { scrollable } from "./parts/elements.js";
import { setFormula } from "./parts/formula.js";
import { setDocumentLanguage } from "./parts/language.js";
import { ManualSearch } from "./parts/manual_search.js";
import { theme, whenThemeChanges } from "./parts/theme.js";
import { showTooltips } from "./parts/tooltips.js";

const [main, article, aside] = ["main", "article", "aside"].map((id) => document.getElementById(id));

await loadLanguage();
setDocumentLanguage();
const bar = new Bar(document.getElementById("bar"), { skip: () => main.focus(), speak });
const search = new ManualSearch(document.getElementById("matches"), article);
draw();
furnish();
showTooltips();
document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();

/** Draw all that is in the reader's language. */
function draw() {
  bar.mark("docs");
  show(aside, h("a", { href: "/docs/" }, t("manual.all")), search.draw(), headings());
}

/** Return the headings of the page as links; on a small screen they unfold. */
function headings() {
  const found = [...article.querySelectorAll("h2[id], h3[id]")];
  if (!found.length) return null;
  const item = ({ tagName, id, textContent }) =>
    h(`li.${tagName.toLowerCase()}`, h("a", { href: `#${id}` }, textContent));
  const list = h("ul", { lang: "en" }, found.map(item));
  const isWide = matchMedia("(min-width: 1000px)").matches;
  return h(
    "nav",
    { "aria-label": t("manual.onThisPage") },
    h("details", { open: isWide }, h("summary", t("manual.onThisPage")), list),
  );
}

/** Give the text what needs a script: formulas, boxes that the keyboard scrolls, pictures of the chosen theme. */
function furnish() {
  for (const box of article.querySelectorAll(".scroll")) scrollable(t("manual.table"), box);
  for (const box of article.querySelectorAll("pre")) scrollable(t("manual.code"), box);
  for (const element of article.querySelectorAll(".formula")) setFormula(element, element.textContent);
  for (const source of article.querySelectorAll("source[media]")) {
    const dark = source.srcset;
    const choose = () => {
      source.media = "all";
      source.srcset = theme() === "dark" ? dark : source.parentElement.querySelector("img").src;
    };
    choose();
    whenThemeChanges(choose);
  }
}

async function speak(code) {
  await chooseLanguage(code);
  setDocumentLanguage();
  bar.draw();
  draw();
  search.again();
}
