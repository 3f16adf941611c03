// The search of the documentation: a field, and what was found in the place of the page's text.

import { get } from "../lib/api.js";
import { whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { debounce } from "../lib/timing.js";
import { announce, h, show } from "./dom.js";
import { notice } from "./elements.js";

const WAIT_MILLISECONDS = 200;

export class ManualSearch {
  /**
   * @param place   where what was found is shown
   * @param article the page's text, hidden meanwhile
   */
  constructor(place, article) {
    Object.assign(this, { place, article, asked: 0 });
    this.soon = debounce(WAIT_MILLISECONDS, () => this.again());
    this.question = new URLSearchParams(location.search).get("q") ?? "";
    if (this.question) this.again();
  }

  /** Return the field, in the language of the page. */
  draw() {
    const field = h("input", {
      type: "search",
      value: this.question,
      maxlength: 200,
      "aria-label": t("manual.search"),
    });
    field.placeholder = t("manual.search");
    field.addEventListener("input", () => {
      this.question = field.value.trim();
      this.soon();
    });
    return h("search", field);
  }

  /** Ask for what is in the field, and keep it in the address. */
  async again() {
    this.asked += 1;
    const { asked, question } = this;
    const address = new URL(location.href);
    if (question) address.searchParams.set("q", question);
    else address.searchParams.delete("q");
    history.replaceState(history.state, "", address);
    this.article.hidden = question !== "";
    this.place.hidden = question === "";
    if (!question) return;
    const [found, problem] = await get("/docs/search.json", { q: question }).then(
      (answer) => [answer, null],
      (error) => [null, error.message],
    );
    if (asked !== this.asked) return; // another question was asked meanwhile
    if (problem) show(this.place, notice(problem));
    else this.show(found, question);
  }

  show({ total, matches }, question) {
    const count = t("manual.found", { n: total, count: whole(total), words: question });
    show(
      this.place,
      h("h1", count),
      h(
        "ol.matches",
        { lang: "en" },
        matches.map((match) => matchItem(match, question)),
      ),
    );
    announce(count);
  }
}

function matchItem({ address, page, section, excerpt }, question) {
  const where = section && section !== page ? `${page} › ${section}` : page;
  return h("li", h("a", { href: address }, where), h("p", marked(excerpt, question)));
}

/** Return a text with the words of a question marked. */
function marked(text, question) {
  const words = question.split(/\s+/).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const parts = text.split(new RegExp(`((?<![\\p{L}\\p{N}_])(?:${words.join("|")}))`, "giu"));
  return parts.map((part, index) => (index % 2 ? h("mark", part) : part));
}
