// A spec composed from the catalog: checked as it is written, with its runs and cost before it
// is submitted, and the same request to copy.

import { find, get } from "../lib/api.js";
import { catalog } from "../lib/catalog.js";
import { h, reachable, show } from "../lib/dom.js";
import { findDraft, forgetDraft, keepDraft } from "../lib/draft.js";
import { t } from "../lib/text.js";
import { presetCards } from "../parts/presets.js";
import { SpecForm } from "./compose_form.js";
import { PlanPanel } from "./compose_plan.js";

const START = {
  activation: ["relu", "tanh"],
  dataset: { name: "mnist", train_size: 2000, test_size: 1000 },
  epochs: 3,
  seeds: 3,
};

export async function view({ element, parameters, signal }) {
  const draft = findDraft(parameters.toString());
  const place = draft?.place ?? parameters.toString();
  const [axes, presets, { spec, origin, preset }] = await Promise.all([
    catalog(),
    find("/v1/presets", { limit: 1000 }, signal),
    start(new URLSearchParams(place), draft, signal),
  ]);
  if (signal.aborted) return null;
  if (draft) history.replaceState(null, "", place ? `#/new?${place}` : "#/new");
  const plan = new PlanPanel(signal, origin);
  const keep = () => {
    keepDraft(place, form.spec, form.unreadable);
    kept.hidden = false;
  };
  const form = new SpecForm(axes, spec, {
    onChange: (changed) => {
      plan.update(changed, form);
      keep();
    },
    onUnreadable: () => {
      plan.hold(form);
      keep();
    },
  });
  const kept = h(
    "p.kept",
    { hidden: !draft },
    h("small.muted", {}, t("compose.kept")),
    h("button.small", { type: "button", onClick: beginAfresh }, t("compose.afresh")),
  );
  show(
    element,
    h("div.heading", {}, h("h1", {}, t("compose.title")), kept),
    preset ? presetHead(preset, origin.size) : null,
    presets?.items.length && !preset
      ? h(
          "section.shelf",
          { "aria-labelledby": "presets-title" },
          h(
            "p",
            {},
            h("b", { id: "presets-title" }, t("presets.title")),
            " ",
            h("small.muted", {}, t("presets.about")),
          ),
          reachable(t("presets.title"), presetCards(presets.items)),
        )
      : null,
    h("div.compose", {}, form.element, plan.element),
  );
  plan.update(spec, form);
  if (draft?.json) form.resume(draft.json);
  return t("compose.title");
}

/** What the form begins with: a draft, a preset, an experiment's spec, or something small. */
async function start(parameters, draft, signal) {
  const name = parameters.get("preset");
  const experiment = parameters.get("from");
  const path = `/v1/presets/${encodeURIComponent(name)}`;
  // A draft lasts, also where its preset has gone.
  const preset = name ? await (draft ? find : get)(path, {}, signal) : null;
  if (preset) {
    const size = parameters.get("size") === "full" ? "full" : "small";
    const spec = size === "full" ? preset.spec : preset.small_spec;
    return { spec: draft?.spec ?? spec, preset, origin: { preset: name, size, spec } };
  }
  if (draft) return { spec: draft.spec, origin: null };
  if (experiment) return { spec: tidy((await get(`/v1/experiments/${experiment}`, {}, signal)).spec), origin: null };
  return { spec: START, origin: null };
}

function beginAfresh() {
  forgetDraft();
  if (location.hash === "#/new") dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = "#/new";
}

/** What a preset claims, and the choice of its size. */
function presetHead(preset, size) {
  const choose = (each) =>
    h(
      "a.button.small",
      {
        href: `#/new?preset=${encodeURIComponent(preset.name)}&size=${each}`,
        "aria-current": each === size ? "true" : null,
      },
      t(`compose.${each}`),
    );
  return h(
    "section.card",
    { "aria-labelledby": "preset-title" },
    h(
      "div.heading",
      {},
      h("h2", { id: "preset-title" }, t("compose.preset", { name: preset.title })),
      h("div.group", { role: "group", "aria-label": t("compose.size") }, choose("small"), choose("full")),
    ),
    h("p.description", {}, preset.description),
    h(
      "ul.sentences",
      {},
      preset.claims.map((claim) => h("li", {}, claim.sentence)),
    ),
    h(
      "p.source",
      {},
      h("a", { href: preset.source.link, rel: "noreferrer noopener", target: "_blank" }, preset.source.title),
    ),
  );
}

/** A stored spec has its defaults written out; the form is easier to read without empty ones. */
function tidy(spec) {
  return Object.fromEntries(
    Object.entries(spec).filter(
      ([, value]) =>
        value !== null && !(typeof value === "object" && !Array.isArray(value) && !Object.keys(value).length),
    ),
  );
}
