// What mean-field theory predicts for the configurations of a dry run, without training.

import { significant } from "../lib/format.js";
import { t } from "../lib/text.js";
import { h } from "./dom.js";
import { apiText } from "./elements.js";
import { help } from "./help.js";

/** Return the predictions for the configurations of a plan; null where it has none. */
export function theoryOf({ configurations, items }) {
  if (!items.length) return null;
  const all = items.length === configurations;
  const title = all ? t("compose.theory") : t("compose.theory.some", { n: items.length, all: configurations });
  return [h("div.heading", h("h3", title), help("theory-title", title)), h("ul.predictions", items.map(row))];
}

function row({ name, prediction, prediction_reason: reason, initializer_reason: why }) {
  const risk = prediction?.risk ?? "unknown";
  return h(
    `li.prediction.${risk}`,
    { title: prediction ? factsOf(prediction) : null },
    h("b.configuration", name),
    " ",
    prediction ? predictionText(prediction) : [t("theory.unknown"), ": ", apiText(bare(reason))],
    why ? h("details", h("summary", "auto"), h("p.note", apiText(why))) : null,
  );
}

/** Return what a prediction says, in the reader's language. */
export function predictionText({ risk, hidden_layers: n, signal, gradient }) {
  if (n === 1 && risk === "none") return t("theory.single");
  return t(`theory.${risk}`, { n, signal: significant(signal), gradient: significant(gradient) });
}

function factsOf({ depth_scale: scale, chi_1: chi, q_star: q, c_star: c }) {
  const shown = Object.entries({ scale, chi, q, c }).map(([name, value]) => [name, significant(value)]);
  return t("theory.facts", Object.fromEntries(shown));
}

/** Return a reason without the words that the page says in the reader's language. */
function bare(reason) {
  return reason.replace(/^No prediction: /, "");
}
