// What a spec would make: runs, cost and what is wrong with it; then submit it, or copy it.

import { apiKey, post } from "../lib/api.js";
import { h, reachable, setText, show } from "../lib/dom.js";
import { forgetDraft } from "../lib/draft.js";
import { duration, whole } from "../lib/format.js";
import { curl, python, submission } from "../lib/submission.js";
import { t } from "../lib/text.js";

const PAUSE_MILLISECONDS = 300;

export class PlanPanel {
  /** @param origin the preset that the form began with, or null */
  constructor(signal, origin) {
    Object.assign(this, { signal, origin });
    this.claims = h("p.note", { role: "status" });
    this.count = h("p.count", { role: "status", "aria-live": "polite" });
    this.facts = h("dl.facts");
    this.problems = h("div.problems", { role: "alert" });
    this.submit = h(
      "button.primary.wide",
      { type: "button", disabled: true, onClick: () => this.send() },
      t("compose.submit"),
    );
    this.snippets = new Snippets();
    this.element = h(
      "aside.card.plan",
      { "aria-label": t("compose.plan") },
      h("h2", {}, t("compose.plan")),
      this.count,
      this.facts,
      this.problems,
      this.claims,
      this.submit,
      this.snippets.element,
    );
  }

  /** Check a spec, once the typing pauses. */
  update(spec, form) {
    this.sent = submission(structuredClone(spec), this.origin);
    this.form = form;
    this.key = randomKey();
    this.snippets.update(this.sent);
    setText(this.claims, this.origin ? t(this.sent.preset ? "compose.claims" : "compose.noClaims") : "");
    this.snippets.element.hidden = false;
    this.stop();
    this.timer = setTimeout(() => this.ask(), PAUSE_MILLISECONDS);
  }

  /** Nothing can be sent while the JSON is no spec. */
  hold(form) {
    Object.assign(this, { form, key: null });
    this.stop();
    setText(this.claims, "");
    this.snippets.element.hidden = true; // what it showed is not what stands there
    this.showProblems([], { json: t("compose.mendJson") });
  }

  stop() {
    this.submit.disabled = true;
    clearTimeout(this.timer);
    this.asking?.abort();
  }

  async ask() {
    this.asking = new AbortController();
    const { signal } = this.asking;
    try {
      const plan = await post(`${this.sent.path}?dry_run=true&limit=1`, this.sent.body, {}, signal);
      if (signal.aborted || this.signal.aborted) return;
      this.form.showProblems([]);
      show(this.problems);
      setText(this.count, t("compose.runs", { n: plan.runs, count: whole(plan.runs) }));
      const { seconds, rates } = plan.cost;
      show(
        this.facts,
        [
          [t("compose.configurations"), whole(plan.configurations)],
          [t("compose.trained"), whole(plan.already_trained)],
          [t("compose.cost"), plan.runs === plan.already_trained ? t("compose.nothingToTrain") : duration(seconds)],
          [
            t("compose.basis"),
            rates.length && rates.every((each) => each.basis === "measured")
              ? t("compose.measured")
              : t("compose.estimated"),
          ],
        ].map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
      );
      this.submit.disabled = false;
    } catch (error) {
      if (signal.aborted || this.signal.aborted) return;
      this.refuse(error);
    }
  }

  refuse(error) {
    const { others, placed } = this.form.showProblems(error.errors ?? []);
    const links = Object.fromEntries(placed.map((name) => [name, t("compose.see", { field: this.form.nameOf(name) })]));
    this.showProblems(error.errors?.length ? others : [error.message], links);
  }

  /** Say what is wrong: sentences, and links to the fields that have theirs beside them. */
  showProblems(sentences, links) {
    setText(this.count, t("compose.notYet"));
    show(this.facts);
    const link = (name, text) =>
      h(
        "a",
        {
          href: location.hash,
          onClick: (event) => {
            event.preventDefault();
            this.form.reveal(name);
          },
        },
        text,
      );
    show(
      this.problems,
      h(
        "ul",
        {},
        sentences.map((each) => h("li", {}, each)),
        Object.entries(links).map(([name, text]) => h("li", {}, link(name, text))),
      ),
    );
  }

  async send() {
    this.submit.disabled = true;
    const { key } = this;
    try {
      // The key stays until the spec changes: sent twice, it is submitted once.
      const made = await post(this.sent.path, this.sent.body, { "idempotency-key": key }, this.signal);
      forgetDraft();
      location.hash = `#/experiments/${made.id}`;
    } catch (error) {
      if (this.signal.aborted || this.key !== key) return; // or it was written on meanwhile
      this.refuse(error);
      this.submit.disabled = error.status === 422;
    }
  }
}

/** `crypto.randomUUID` needs HTTPS or this machine; this does not. */
function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The same request three ways, each to copy. */
class Snippets {
  constructor() {
    this.kind = "curl";
    this.code = reachable(t("compose.snippet"), h("pre.snippet"));
    this.tabs = ["curl", "Python", "JSON"].map((kind) =>
      h(
        "button.small",
        { type: "button", "aria-pressed": String(kind === this.kind), onClick: () => this.choose(kind) },
        kind,
      ),
    );
    this.address = h("p.note", { hidden: true });
    this.copied = h("span.muted", { role: "status" });
    const copy = h("button.small", { type: "button", onClick: () => this.copy() }, t("compose.copy"));
    this.element = h(
      "div.snippets",
      {},
      h(
        "div.controls",
        {},
        h("div.group", { role: "group", "aria-label": t("compose.snippet") }, this.tabs),
        copy,
        this.copied,
      ),
      this.address,
      this.code,
    );
  }

  update(sent) {
    this.sent = sent;
    const place = { origin: location.origin, withKey: Boolean(apiKey()) };
    setText(
      this.code,
      {
        curl: () => curl(sent, place),
        Python: () => python(sent, place),
        JSON: () => JSON.stringify(sent.body, null, 2),
      }[this.kind](),
    );
    // A command knows where it goes; a body has to be told.
    this.address.hidden = this.kind !== "JSON";
    setText(this.address, `POST ${sent.path}`);
    setText(this.copied, "");
  }

  choose(kind) {
    this.kind = kind;
    this.tabs.forEach((tab) => tab.setAttribute("aria-pressed", String(tab.textContent === kind)));
    this.update(this.sent);
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
