// What a newcomer sees in place of an empty list: what this is, and a small experiment at a press of a button.

import { post } from "../lib/api.js";
import { duration } from "../lib/format.js";
import { t } from "../lib/text.js";
import { h, setText } from "./dom.js";
import { button } from "./elements.js";

/** A grid on scikit-learn's digits: one initializer suits each activation, one starts all neurons alike. */
const DEMONSTRATION = {
  name: "demonstration",
  dataset: "digits",
  model: { name: "mlp", hidden_units: [32, 16] },
  activation: ["relu", "tanh", "sigmoid"],
  initializer: ["auto", "zeros"],
  epochs: 8,
  seeds: 3,
};

/** Return the card; its button submits the demonstration and leads to it. */
export function firstSteps(signal) {
  const problem = h("p.problem", { role: "alert", hidden: true });
  const cost = h("small.muted");
  const run = async () => {
    start.disabled = true;
    try {
      const { id } = await post("/v1/experiments", DEMONSTRATION, {}, signal);
      location.hash = `#/experiments/${id}`;
    } catch (error) {
      if (signal.aborted) return;
      start.disabled = false;
      problem.hidden = false;
      setText(problem, error.message);
    }
  };
  const start = button("button.primary", run, t("first.demonstration"));
  post("/v1/experiments?dry_run=true&limit=1", DEMONSTRATION, {}, signal)
    .then((plan) => setText(cost, costText(plan)))
    .catch(() => {}); // a key that may only read; the button says so when it is pressed
  const actions = h("p.actions", start, h("a.button", { href: "#/new" }, t("nav.new")));
  return h("div.card.empty", h("h2", t("experiments.none")), h("p", t("first.what")), actions, cost, problem);
}

/** Return what a dry run says of the work: "18 runs, 9 s on one worker". */
export function costText({ runs, cost }) {
  return t("first.cost", { n: runs, time: duration(cost.seconds) });
}
