// What a spec would run: the number of runs, their cost, or what is wrong; then submit it or copy it.

import { post } from "../lib/api.js";
import { duration, durationRange, whole } from "../lib/format.js";
import { factorsOf, isWholeProduct } from "../lib/product.js";
import { submission } from "../lib/submission.js";
import { t, translated } from "../lib/text.js";
import { blockedSentence } from "../parts/blocked.js";
import { h, setText, show } from "../parts/dom.js";
import { button, termList } from "../parts/elements.js";
import { help } from "../parts/help.js";
import { hasLayers, networkOf } from "../parts/network.js";
import { Snippets } from "../parts/snippets.js";
import { theoryOf } from "../parts/theory.js";

const PAUSE_MILLISECONDS = 300;
const PREDICTIONS = 20; // configurations whose prediction is shown
const KEY_BYTES = 16;

export class PlanPanel {
  /**
   * @param origin      `{preset, size, spec}` from which the form started, or null
   * @param onSubmitted called once the spec is stored
   */
  constructor(signal, origin, onSubmitted) {
    Object.assign(this, { signal, origin, onSubmitted });
    this.request = null;
    this.form = null;
    this.key = null; // makes a request that is sent twice one experiment
    this.asking = null; // aborts the dry run under way
    this.claims = h("p.note", { role: "status" });
    this.count = h("p.count", { role: "status", "aria-live": "polite" });
    this.product = h("p.note");
    this.facts = h("div");
    this.theory = h("div.theory");
    this.network = h("div.network");
    this.problems = h("div.problems", { role: "alert" });
    this.submit = button("button.primary.wide", () => this.send(), { disabled: true }, t("compose.submit"));
    this.snippets = new Snippets();
    this.element = h(
      "aside.card.plan",
      { "aria-labelledby": "plan-title" },
      h("div.heading", h("h2", { id: "plan-title" }, t("compose.plan")), help("plan-title", t("compose.plan"))),
      h("div.send", this.count, this.submit),
      this.product,
      this.facts,
      this.theory,
      this.network,
      this.problems,
      this.claims,
      this.snippets.element,
    );
  }

  /** Check a spec once the typing pauses. */
  update(spec, form) {
    this.request = submission(structuredClone(spec), this.origin);
    this.form = form;
    this.key = randomKey();
    this.snippets.update(this.request);
    this.snippets.element.hidden = false;
    setText(this.claims, this.origin ? t(this.request.preset ? "compose.claims" : "compose.noClaims") : "");
    this.stop();
    this.timer = setTimeout(() => this.ask(), PAUSE_MILLISECONDS);
  }

  /** Let nothing be sent while the JSON is no spec. */
  hold(form) {
    Object.assign(this, { form, key: null });
    this.stop();
    setText(this.claims, "");
    this.snippets.element.hidden = true; // they show an older spec
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
    const { path, body } = this.request;
    try {
      const plan = await post(`${path}?dry_run=true&limit=${PREDICTIONS}`, body, {}, signal);
      if (signal.aborted || this.signal.aborted) return;
      this.form.showProblems([]);
      show(this.problems);
      setText(this.count, t("runs.count", { n: plan.runs, count: whole(plan.runs) }));
      setText(this.product, productText(body, plan.runs));
      show(this.facts, termList("dl.facts", factsOf(plan)));
      show(this.theory, theoryOf(plan));
      this.submit.disabled = false;
      await this.drawNetwork(plan, body, signal);
    } catch (error) {
      if (signal.aborted || this.signal.aborted) return;
      this.refuse(error);
    }
  }

  /** Draw the layers of the first configuration; nothing where its model is no list of layers. */
  async drawNetwork({ items, configurations }, { dataset: chosen }, signal) {
    let found = null;
    if (items.length && hasLayers(items[0].config)) {
      const { model, activation, normalization, batch_size, dataset: resolved } = items[0].config;
      // A configuration names uploaded data by their content, a spec by their id.
      const dataset = resolved.name === "uploaded" ? [chosen].flat()[0] : resolved;
      const wanted = { model, activation, normalization, batch_size, dataset };
      found = await post("/v1/models/preview", wanted, {}, signal).catch(() => null);
    }
    if (signal.aborted || this.signal.aborted) return;
    show(this.network, found && networkOf(found, configurations));
  }

  refuse(error) {
    const { others, placed } = this.form.showProblems(error.errors ?? []);
    const links = placed.map((name) => [name, t("compose.see", { field: this.form.titleOf(name) })]);
    this.showProblems(error.errors?.length ? others : [error.message], Object.fromEntries(links));
  }

  /** Show what is wrong: sentences, and links to the fields that have theirs beside them. */
  showProblems(sentences, links) {
    setText(this.count, t("compose.notYet"));
    setText(this.product, "");
    show(this.facts);
    show(this.theory);
    show(this.network);
    const link = ([name, text]) => {
      const reveal = (event) => {
        event.preventDefault();
        this.form.reveal(name);
      };
      return h("a", { href: location.hash, onClick: reveal }, text);
    };
    const items = [...sentences, ...Object.entries(links).map(link)];
    show(
      this.problems,
      h(
        "ul",
        items.map((item) => h("li", item)),
      ),
    );
  }

  async send() {
    this.submit.disabled = true;
    const { key, request } = this;
    try {
      // The key stays until the spec changes: a request that is sent twice is one experiment.
      const experiment = await post(request.path, request.body, { "idempotency-key": key }, this.signal);
      this.onSubmitted();
      location.hash = `#/experiments/${experiment.id}`;
    } catch (error) {
      if (this.signal.aborted || this.key !== key) return; // the spec was changed meanwhile
      this.refuse(error);
      this.submit.disabled = error.status === 422;
    }
  }
}

/** Return how the values multiply: "2 × activation, 3 × seeds: 6 runs"; empty where nothing does. */
function productText(spec, runs) {
  const factors = factorsOf(spec);
  if (factors.length < 2) return "";
  if (!isWholeProduct(factors, runs)) return t("compose.multiply");
  const written = factors.map(([name, n]) => `${n} ${t(`compose.factor.${name}`)}`).join(" × ");
  return t("compose.product", { written, n: runs, runs: whole(runs) });
}

/** Return what a dry run says, as `[term, value]` pairs. */
function factsOf({ runs, configurations, already_trained: trained, cost, forecast }) {
  const { seconds, range, rates } = cost;
  const notes = [...new Set(rates.map((rate) => rate.note).filter(Boolean))];
  const basis = ["catalog", "similar"].find((name) => rates.some((rate) => rate.basis === name)) ?? "measured";
  return [
    [t("compose.configurations"), whole(configurations)],
    [t("compose.trained"), whole(trained)],
    [t("compose.cost"), runs === trained ? t("compose.nothingToTrain") : atMost(seconds, range)],
    ...(runs === trained ? [] : [[t("compose.ends"), endOf(forecast)]]),
    [t("compose.basis"), t(`compose.${basis}`)],
    ...notes.map((note) => [t("axis.precision"), translated(note) ?? note]),
  ];
}

/** Return seconds as a duration, or the range that they are guessed to lie in. */
function atMost(seconds, range) {
  return range ? durationRange(range) : duration(seconds);
}

/** Return when a submission would end, with the queue as it is, or why it could not start. */
function endOf({ eta_seconds: seconds, eta_range: range, waits }) {
  if (waits) return blockedSentence(waits);
  return seconds === null ? "–" : t("compose.endsIn", { time: atMost(seconds, range) });
}

/** Return a random key; `crypto.randomUUID` works over HTTPS and on this machine alone. */
function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
