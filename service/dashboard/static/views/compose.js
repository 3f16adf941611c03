// A spec composed from the catalog: checked as it is written, with its runs and cost before it
// is submitted, and the same request to copy.

import { find, get } from "../lib/api.js";
import { AXES, catalog, catalogAxis } from "../lib/catalog.js";
import { h, show } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { AxisField } from "../parts/axis_field.js";
import { presetCards } from "../parts/presets.js";
import { PlanPanel } from "./compose_plan.js";

const MAIN_AXES = ["dataset", "model", "activation", "initializer", "normalization", "clipping", "optimizer", "dropout"];
const USUAL = { dataset: "mnist", model: "mnist_cnn", initializer: "auto", bias_initializer: "zeros", normalization: "none", clipping: "none", optimizer: "adam", dropout: "auto" };
const START = { activation: ["relu", "tanh"], dataset: { name: "mnist", train_size: 2000, test_size: 1000 }, epochs: 3, seeds: 3 };

export async function view({ element, parameters, signal }) {
  const [axes, presets, { spec, origin, preset }] = await Promise.all([catalog(), find("/v1/presets", { limit: 1000 }, signal), start(parameters, signal)]);
  const plan = new PlanPanel(signal, origin);
  const form = new SpecForm(axes, spec, (changed) => plan.update(changed, form));
  show(element, h("div.heading", {}, h("h1", {}, t("compose.title"))),
    preset ? presetHead(preset, origin.size) : null,
    presets?.items.length && !preset ? h("section.shelf", { "aria-labelledby": "presets-title" }, h("p", {}, h("b", { id: "presets-title" }, t("presets.title")), " ", h("small.muted", {}, t("presets.about"))), presetCards(presets.items)) : null,
    h("div.compose", {}, form.element, plan.element));
  plan.update(spec, form);
  return t("compose.title");
}

/** What the form begins with: a preset, an experiment's spec, or something small. */
async function start(parameters, signal) {
  const name = parameters.get("preset");
  const experiment = parameters.get("from");
  if (name) {
    const preset = await get(`/v1/presets/${encodeURIComponent(name)}`, {}, signal);
    const size = parameters.get("size") === "full" ? "full" : "small";
    const spec = size === "full" ? preset.spec : preset.small_spec;
    return { spec, preset, origin: { preset: name, size, spec } };
  }
  if (experiment) return { spec: tidy((await get(`/v1/experiments/${experiment}`, {}, signal)).spec), origin: null };
  return { spec: START, origin: null };
}

/** What a preset claims, and the choice of its size. */
function presetHead(preset, size) {
  const choose = (each) => h("a.button.small", { href: `#/new?preset=${encodeURIComponent(preset.name)}&size=${each}`, "aria-current": each === size ? "true" : null }, t(`compose.${each}`));
  return h("section.card", { "aria-labelledby": "preset-title" },
    h("div.heading", {}, h("h2", { id: "preset-title" }, t("compose.preset", { name: preset.title })), h("div.group", { role: "group", "aria-label": t("compose.size") }, choose("small"), choose("full"))),
    h("p.description", {}, preset.description), h("ul.sentences", {}, preset.claims.map((claim) => h("li", {}, claim.sentence))),
    h("p.source", {}, h("a", { href: preset.source.link, rel: "noreferrer noopener", target: "_blank" }, preset.source.title)));
}

/** A stored spec has its defaults written out; the form is easier to read without empty ones. */
function tidy(spec) {
  return Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== null && !(typeof value === "object" && !Array.isArray(value) && !Object.keys(value).length)));
}

/** The form. It holds a spec; what it has no field for (variants) stays as it is. */
class SpecForm {
  constructor(axes, spec, onChange) {
    this.spec = structuredClone(spec);
    this.onChange = onChange;
    const changed = () => this.changed();
    this.fields = Object.fromEntries(AXES.filter((axis) => axes.has(catalogAxis(axis))).map((axis) =>
      [axis, new AxisField(axis, axes.get(catalogAxis(axis)).items, axes, { usual: USUAL[axis], onChange: changed })]));
    this.inputs = {
      name: h("input", { type: "text", maxlength: "200", onInput: changed }),
      description: h("textarea", { rows: "2", maxlength: "10000", onInput: changed }),
      tags: h("input", { type: "text", placeholder: "course: dl, owner: ada", onInput: changed }),
      epochs: h("input", { type: "number", min: "0", step: "1", onInput: changed }),
      seeds: h("input", { type: "text", inputmode: "numeric", onInput: changed }),
      batch_size: h("input", { type: "text", placeholder: t("compose.modelsOwn"), onInput: changed }),
      layer_statistics: h("input", { type: "text", placeholder: "auto", onInput: changed }),
      priority: h("input", { type: "number", min: "-100", max: "100", placeholder: "0", onInput: changed }),
      reuse: h("input", { type: "checkbox", onChange: changed }),
    };
    this.variants = h("div.variants");
    this.json = h("textarea.json", { rows: "14", spellcheck: "false", "aria-label": t("compose.json"), onInput: () => this.readJson() });
    this.jsonProblem = h("p.problem", { role: "alert", hidden: true });
    this.element = this.build();
    this.write();
  }

  build() {
    const field = (name, about) => h("label.field", { "data-field": name }, h("span", {}, t(`compose.${name}`)), this.inputs[name], about ? h("small.muted", {}, about) : null);
    const rest = Object.keys(this.fields).filter((axis) => !MAIN_AXES.includes(axis));
    return h("form.card.spec", { onSubmit: (event) => event.preventDefault() },
      h("div.pair", {}, field("name"), field("tags", t("compose.tags.about"))),
      MAIN_AXES.map((axis) => this.fields[axis].element), this.variants,
      h("div.pair", {}, field("epochs", t("compose.epochs.about")), field("seeds", t("compose.seeds.about"))),
      h("details", {}, h("summary", {}, t("compose.more")),
        rest.map((axis) => this.fields[axis].element),
        h("div.pair", {}, field("batch_size", t("compose.listed")), field("layer_statistics", t("compose.layer_statistics.about"))),
        h("div.pair", {}, field("priority"), h("label.check", {}, this.inputs.reuse, t("compose.reuse"))), field("description")),
      h("details.as-json", {}, h("summary", {}, t("compose.json")), this.json, this.jsonProblem));
  }

  /** Write the spec into the fields. */
  write() {
    const { spec, inputs } = this;
    for (const [axis, field] of Object.entries(this.fields)) field.set(spec[axis]);
    inputs.name.value = spec.name ?? "";
    inputs.description.value = spec.description ?? "";
    inputs.tags.value = Object.entries(spec.tags ?? {}).map(([key, value]) => `${key}: ${value}`).join(", ");
    inputs.epochs.value = spec.epochs ?? 12;
    inputs.seeds.value = Array.isArray(spec.seeds) ? spec.seeds.join(", ") + (spec.seeds.length === 1 ? "," : "") : spec.seeds ?? 1;
    inputs.batch_size.value = [spec.batch_size ?? []].flat().join(", ");
    const every = spec.layer_statistics;
    inputs.layer_statistics.value = every === "off" ? "off" : every?.every && every.every !== "auto" ? every.every : "";
    inputs.priority.value = spec.priority || "";
    inputs.reuse.checked = spec.reuse ?? true;
    this.writeVariants();
    this.json.value = JSON.stringify(spec, null, 2);
  }

  writeVariants() {
    const { variants } = this.spec;
    show(this.variants, variants?.length ? h("p.notice", {}, t("compose.variants", { n: variants.length }), " ", variants.map((each) => h("span.tag", {}, each.label)), " ",
      h("button.ghost.small", { type: "button", onClick: () => { delete this.spec.variants; this.writeVariants(); this.changed(); } }, t("compose.dropVariants"))) : null);
  }

  /** Read the fields into the spec. */
  changed() {
    const { spec, inputs } = this;
    const put = (name, value) => { if (value === undefined || value === "") delete spec[name]; else spec[name] = value; };
    put("name", inputs.name.value.trim());
    put("description", inputs.description.value.trim());
    const tags = Object.fromEntries(inputs.tags.value.split(",").map((each) => each.split(":")).filter(([key]) => key.trim()).map(([key, ...value]) => [key.trim(), value.join(":").trim()]));
    put("tags", Object.keys(tags).length ? tags : undefined);
    for (const [axis, field] of Object.entries(this.fields)) put(axis, field.get());
    put("epochs", numberOr(inputs.epochs.value));
    put("seeds", listOr(inputs.seeds.value));
    put("batch_size", listOr(inputs.batch_size.value));
    const every = inputs.layer_statistics.value.trim();
    const kept = typeof spec.layer_statistics === "object" ? spec.layer_statistics : {};
    put("layer_statistics", every === "off" ? "off" : every ? { ...kept, every: numberOr(every) } : undefined);
    put("priority", numberOr(inputs.priority.value));
    put("reuse", inputs.reuse.checked ? undefined : false);
    this.json.value = JSON.stringify(spec, null, 2);
    this.jsonProblem.hidden = true;
    this.onChange(spec);
  }

  readJson() {
    try {
      const read = JSON.parse(this.json.value);
      if (read === null || typeof read !== "object" || Array.isArray(read)) throw new Error("{…}");
      this.spec = read;
      const typed = this.json.value;
      this.write();
      this.json.value = typed;
      this.jsonProblem.hidden = true;
      this.onChange(this.spec);
    } catch (error) {
      this.jsonProblem.hidden = false;
      show(this.jsonProblem, t("compose.noJson", { reason: error.message }));
    }
  }

  /** Put each of the API's problems beside the field it points at; return those without one. */
  showProblems(errors) {
    const byField = new Map();
    const others = [];
    for (const { pointer, detail } of errors) {
      const field = pointer?.split("/")[1];
      if (field in this.fields) byField.set(field, [...(byField.get(field) ?? []), detail]);
      else others.push(field ? `${field}: ${detail}` : detail);
    }
    for (const [axis, field] of Object.entries(this.fields)) field.showProblems(byField.get(axis) ?? []);
    return { others, placed: [...byField.keys()] };
  }
}

function numberOr(text) {
  const trimmed = String(text).trim();
  return trimmed === "" ? undefined : Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
}

/** "3" is a number, "0, 1, 2" a list, "7," a list of one. */
function listOr(text) {
  const trimmed = text.trim();
  return trimmed.includes(",") ? trimmed.split(",").filter((each) => each.trim()).map(numberOr) : numberOr(trimmed);
}
