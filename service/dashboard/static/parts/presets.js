// Presets: published claims that fill in the form of a new experiment.

import { h } from "./dom.js";
import { apiText } from "./elements.js";

/** Return a card for each preset, which leads to the form. */
export function presetCards(presets) {
  return h(
    "div.presets",
    presets.map(({ name, title, claims, description, source }) =>
      h(
        "a.preset",
        { href: `#/new?preset=${encodeURIComponent(name)}` },
        h("b", title ? apiText(title) : name),
        h("small.muted", apiText(claims[0]?.sentence ?? description)),
        h("small.source", { lang: "en" }, source.title),
      ),
    ),
  );
}
