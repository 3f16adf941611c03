// A new experiment: a spec composed from the catalog, checked as it is written, and submitted or copied.

import { find, get } from "../lib/api.js";
import { catalog } from "../lib/catalog.js";
import { drafts, findDraft, forgetDraft, keepDraft } from "../lib/draft.js";
import { wantedChanges } from "../lib/next_steps.js";
import { t, translated } from "../lib/text.js";
import { presetClaimList } from "../parts/claims.js";
import { h, show } from "../parts/dom.js";
import { apiText, button } from "../parts/elements.js";
import { help } from "../parts/help.js";
import { presetShelf } from "../parts/presets.js";
import { SpecForm } from "./compose_form.js";
import { PlanPanel } from "./compose_plan.js";

/** A small experiment that trains in seconds. */
const FIRST_SPEC = {
  activation: ["relu", "tanh"],
  dataset: { name: "mnist", train_size: 2000, test_size: 1000 },
  epochs: 3,
  seeds: 3,
};
const SIZES = ["small", "full"];

export async function view({ element, parameters, signal }) {
  const place = parameters.toString();
  const draft = findDraft(place);
  const [axes, presets, start] = await Promise.all([
    catalog(),
    find("/v1/presets", { limit: 1000 }, signal),
    startOf(parameters, draft, signal),
  ]);
  if (signal.aborted) return null;
  const { spec, origin, preset } = start;
  const keptNote = draftNote(Boolean(draft), place);
  const plan = new PlanPanel(signal, origin, () => forgetDraft(place));
  const keep = () => {
    keepDraft(place, form.spec, form.unreadable);
    keptNote.hidden = false;
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
  show(
    element,
    h("div.heading", h("h1", t("compose.title")), help("new", t("compose.title")), keptNote),
    otherDrafts(place),
    preset ? presetCard(preset, origin.size) : shelf(presets?.items ?? [], signal),
    h("div.compose", form.element, plan.element),
  );
  plan.update(spec, form);
  if (draft?.json) form.resume(draft.json);
  return t("compose.title");
}

/** Return what the form starts with: a draft, a preset, the spec of an experiment, or a small one. */
async function startOf(parameters, draft, signal) {
  const name = parameters.get("preset");
  const experimentId = parameters.get("from");
  if (name) {
    const ask = draft ? find : get; // a draft stays even where its preset is gone
    const preset = await ask(`/v1/presets/${encodeURIComponent(name)}`, {}, signal);
    if (preset) return presetStart(preset, parameters.get("size"), draft);
  }
  if (draft) return { spec: draft.spec, origin: null };
  if (!experimentId) return { spec: FIRST_SPEC, origin: null };
  const experiment = await get(`/v1/experiments/${experimentId}`, {}, signal);
  const written = experiment.submitted ?? withoutEmpty(experiment.spec);
  return { spec: { ...asCalledNow(written, experiment), ...wantedChanges(parameters) }, origin: null };
}

/** Return a submitted spec with the name, description and tags that the experiment got since. */
function asCalledNow(written, { name, description, tags }) {
  const now = { name, description, tags: Object.keys(tags).length ? tags : null };
  const kept = Object.entries(written).filter(([field]) => now[field] !== null);
  const added = Object.entries(now).filter(([, value]) => value !== null);
  return Object.fromEntries([...kept, ...added]);
}

function presetStart(preset, wantedSize, draft) {
  const size = wantedSize === "full" ? "full" : "small";
  const spec = size === "full" ? preset.spec : preset.small_spec;
  return { spec: draft?.spec ?? spec, preset, origin: { preset: preset.name, size, spec } };
}

/** The spec of an experiment of an older version has all its fields; the form is easier to read without the empty ones. */
function withoutEmpty(spec) {
  const isEmpty = (value) =>
    value === null || (typeof value === "object" && !Array.isArray(value) && !Object.keys(value).length);
  return Object.fromEntries(Object.entries(spec).filter(([, value]) => !isEmpty(value)));
}

/** Return links to the drafts of other places, the newest first; null where there are none. */
function otherDrafts(place) {
  const others = drafts().filter((draft) => draft.place !== place);
  if (!others.length) return null;
  const link = ({ place: other, spec }) => {
    const origin = new URLSearchParams(other).get("preset");
    const name = (typeof spec.name === "string" && spec.name) || origin || t("compose.unnamed");
    return h("a.tag", { href: other ? `#/new?${other}` : "#/new" }, name);
  };
  return h("p.drafts", h("small.muted", t("compose.drafts")), " ", others.toReversed().map(link));
}

function draftNote(isDraft, place) {
  const discard = () => {
    forgetDraft(place);
    if (location.hash === "#/new") dispatchEvent(new HashChangeEvent("hashchange"));
    else location.hash = "#/new";
  };
  return h(
    "p.kept",
    { hidden: !isDraft },
    h("small.muted", t("compose.kept")),
    button("button.small", discard, t("compose.discard")),
  );
}

function shelf(presets, signal) {
  if (!presets.length) return null;
  const title = t("presets.title");
  return h(
    "section.shelf",
    { "aria-labelledby": "presets-title" },
    h("p", h("b", { id: "presets-title" }, title), " ", h("small.muted", t("presets.about"))),
    presetShelf(presets, signal),
  );
}

/** Return what a preset claims, and the choice of its size. */
function presetCard({ name, title, description, claims, source, validates_on_test: onTest }, size) {
  const sizeLink = (other) =>
    h(
      "a.button.small",
      {
        href: `#/new?preset=${encodeURIComponent(name)}&size=${other}`,
        "aria-current": other === size ? "true" : null,
      },
      t(`compose.${other}`),
    );
  const heading = t("compose.preset", { name: translated(title) ?? title });
  return h(
    "section.card",
    { "aria-labelledby": "preset-title" },
    h(
      "div.heading",
      h("h2", { id: "preset-title" }, heading),
      help("preset-title", heading),
      h("div.group", { role: "group", "aria-label": t("compose.size") }, SIZES.map(sizeLink)),
    ),
    h("p.description", apiText(description)),
    onTest ? h("p.note", t("presets.onTest")) : null,
    h("p.note", t("claims.atFullSize")),
    presetClaimList(claims),
    h(
      "p.source",
      h("a", { href: source.link, lang: "en", rel: "noreferrer noopener", target: "_blank" }, source.title),
    ),
  );
}
