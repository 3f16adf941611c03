// A request as a shell command, as Python and as JSON, each to copy.

import { apiKey } from "../lib/api.js";
import { curl, python } from "../lib/submission.js";
import { t } from "../lib/text.js";
import { h, setText } from "./dom.js";
import { button, scrollable } from "./elements.js";

const KINDS = {
  curl,
  Python: python,
  JSON: ({ body }) => JSON.stringify(body, null, 2),
};

export class Snippets {
  constructor() {
    this.kind = "curl";
    this.request = null;
    this.code = scrollable(t("compose.snippet"), h("pre.snippet"));
    this.tabs = Object.keys(KINDS).map((kind) => button("button.small", () => this.choose(kind), kind));
    this.address = h("p.note", { hidden: true });
    this.copied = h("span.muted", { role: "status" });
    const copy = button("button.small", () => this.copy(), t("compose.copy"));
    const group = h("div.group", { role: "group", "aria-label": t("compose.snippet") }, this.tabs);
    this.element = h("div.snippets", h("div.controls", group, copy, this.copied), this.address, this.code);
  }

  /** @param request `{path, body, preset}` */
  update(request) {
    this.request = request;
    const place = { origin: location.origin, withKey: Boolean(apiKey()) };
    setText(this.code, KINDS[this.kind](request, place));
    for (const tab of this.tabs) tab.setAttribute("aria-pressed", String(tab.textContent === this.kind));
    // A command contains its address; a body does not.
    this.address.hidden = this.kind !== "JSON";
    setText(this.address, `POST ${request.path}`);
    setText(this.copied, "");
  }

  choose(kind) {
    this.kind = kind;
    this.update(this.request);
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.code.textContent);
      setText(this.copied, t("compose.copied"));
    } catch {
      // Browsers give the clipboard to safe origins only; a selection can be copied anywhere.
      getSelection().selectAllChildren(this.code);
      setText(this.copied, t("compose.selected"));
    }
  }
}
