// Presets: published claims that fill in the form of a new experiment; three to begin with, the rest on demand.

import { post } from "../lib/api.js";
import { t } from "../lib/text.js";
import { h, setText } from "./dom.js";
import { apiText } from "./elements.js";
import { costText } from "./first_steps.js";

/** Those that show most in the shortest time: each fails or wins for a reason that the page tells. */
const STARRED = ["symmetry_breaking", "initializer_showdown", "activation_showdown"];

/** Return cards of the starred presets with what they cost, and behind a word those of all others. */
export function presetShelf(presets, signal) {
  const starred = STARRED.map((name) => presets.find((preset) => preset.name === name)).filter(Boolean);
  const others = presets.filter((preset) => !starred.includes(preset));
  return [
    h(
      "div.presets",
      starred.map((preset) => presetCard(preset, costOf(preset, signal))),
    ),
    h(
      "details",
      h("summary", t("presets.all", { n: others.length })),
      h(
        "div.presets",
        others.map((each) => presetCard(each)),
      ),
    ),
  ];
}

/** Return a card, which leads to the form. */
function presetCard({ name, title, claims, description, source }, cost = null) {
  return h(
    "a.preset",
    { href: `#/new?preset=${encodeURIComponent(name)}` },
    h("b", cost ? h("span", { "aria-hidden": "true" }, "★ ") : null, title ? apiText(title) : name),
    h("small.muted", apiText(claims[0]?.sentence ?? description)),
    cost,
    h("small.source", { lang: "en" }, source.title),
  );
}

/** Return the cost of a preset's small size, which is filled in once it is known. */
function costOf({ name }, signal) {
  const element = h("small.cost");
  const path = `/v1/presets/${encodeURIComponent(name)}/experiments?dry_run=true&limit=1`;
  post(path, { size: "small" }, {}, signal)
    .then((plan) => setText(element, costText(plan)))
    .catch(() => {}); // a key that may only read
  return element;
}
