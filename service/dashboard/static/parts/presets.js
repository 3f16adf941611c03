// Presets: published claims, one click from being a spec in the form.

import { h } from "../lib/dom.js";
import { t } from "../lib/text.js";

export function presetCards(presets) {
  return h(
    "div.presets",
    {},
    presets.map((preset) =>
      h(
        "a.preset",
        { href: `#/new?preset=${encodeURIComponent(preset.name)}` },
        h("b", {}, preset.title ?? preset.name),
        h("small.muted", {}, preset.claims[0]?.sentence ?? preset.description),
        h("small.source", {}, preset.source.title),
      ),
    ),
  );
}
