// The form that holds a spec: fields for its axes and settings, and the whole spec as JSON.

import { AXES, catalogAxis } from "../lib/axes.js";
import { metricTitle, STOPPING_METRICS } from "../lib/metrics.js";
import { settingsOf, USUAL } from "../lib/settings.js";
import { DEVICES, fieldsOf, TICKET_SCOPES, valuesOf } from "../lib/spec_fields.js";
import { t } from "../lib/text.js";
import { AxisField } from "../parts/axis_field.js";
import { axisTitle } from "../parts/configuration.js";
import { h, show } from "../parts/dom.js";
import { button } from "../parts/elements.js";

/** The axes that are shown without opening "More". */
const MAIN_AXES = [
  "dataset",
  "model",
  "activation",
  "initializer",
  "normalization",
  "clipping",
  "optimizer",
  "dropout",
];
/** Fields that hold a part of one value of a spec. */
const PART_OF = {
  stopping_metric: "early_stopping",
  min_delta: "early_stopping",
  ticket_keep: "ticket",
  ticket_scope: "ticket",
};
/** Lists of a spec that are written as JSON, and what names an item of each. */
const WRITTEN_LISTS = { variants: "label", claims: "statement" };

/** A spec, as fields for each part of it but the lists that are written as JSON, which stay as they are. */
export class SpecForm {
  /**
   * @param onChange     called with the spec after each change
   * @param onUnreadable called while the JSON field holds no spec
   */
  constructor(axes, spec, { onChange, onUnreadable }) {
    Object.assign(this, { axes, spec: structuredClone(spec), onChange, onUnreadable });
    this.isTyped = false; // whether the spec came from the JSON field
    this.unreadable = null; // the text of the JSON field while it is no spec
    const change = () => this.change();
    const offered = AXES.filter((axis) => axes.has(catalogAxis(axis)));
    this.axisFields = Object.fromEntries(
      offered.map((axis) => {
        const entries = axes.get(catalogAxis(axis)).items;
        return [axis, new AxisField(axis, entries, axes, { usual: USUAL[axis], onChange: change })];
      }),
    );
    this.inputs = newInputs(change);
    this.json = h("textarea.json", {
      rows: "14",
      spellcheck: "false",
      "aria-label": t("compose.json"),
      onInput: () => this.readJson(),
    });
    this.problems = Object.fromEntries(
      Object.entries({ ...this.inputs, json: this.json }).map(([name, input]) => [name, problemOf(name, input)]),
    );
    this.lists = Object.fromEntries(
      Object.keys(WRITTEN_LISTS).map((name) => [name, h("div.variants", { "data-field": name })]),
    );
    this.settings = h("div.chips.settings", { role: "group", "aria-label": t("compose.settings") });
    this.element = this.build();
    this.write();
  }

  build() {
    const field = (name, about) => {
      const note = about ? h("small.muted", about) : null;
      const label = h("label.field", h("span", t(`compose.${name}`)), this.inputs[name], note);
      return h("div.field", { "data-field": PART_OF[name] ?? name }, label, this.problems[name]);
    };
    const pair = (...fields) => h("div.pair", fields);
    const reuse = h("label.check", this.inputs.reuse, t("compose.reuse"));
    const others = Object.keys(this.axisFields).filter((axis) => !MAIN_AXES.includes(axis));
    const elements = (axes) => axes.map((axis) => this.axisFields[axis].element);
    return h(
      "form.card.spec",
      { onSubmit: (event) => event.preventDefault() },
      pair(field("name"), field("tags", t("compose.tags.about"))),
      this.settings,
      elements(MAIN_AXES),
      Object.values(this.lists),
      pair(field("epochs", t("compose.epochs.about")), field("seeds", t("compose.seeds.about"))),
      h(
        "details",
        h("summary", t("compose.more")),
        elements(others),
        pair(field("batch_size", t("compose.listed")), field("layer_statistics", t("compose.layer_statistics.about"))),
        pair(field("early_stopping", t("compose.early_stopping.about")), field("stopping_metric")),
        pair(field("min_delta", t("compose.min_delta.about")), field("max_attempts", t("compose.max_attempts.about"))),
        field("ticket", t("compose.ticket.about")),
        pair(field("ticket_keep"), field("ticket_scope")),
        pair(field("priority"), field("device")),
        h("div.field", { "data-field": "reuse" }, reuse, this.problems.reuse),
        field("description"),
      ),
      h("details.as-json", h("summary", t("compose.json")), this.json, this.problems.json),
    );
  }

  /** Write the spec into the fields. */
  write() {
    for (const [axis, field] of Object.entries(this.axisFields)) field.set(this.spec[axis]);
    const { reuse, ...texts } = fieldsOf(this.spec);
    for (const [name, text] of Object.entries(texts)) this.inputs[name].value = text;
    this.inputs.reuse.checked = reuse;
    this.writeLists();
    this.writeSettings();
    this.json.value = JSON.stringify(this.spec, null, 2);
  }

  /** Name every setting that has a default, with its value; a press leads to its field. */
  writeSettings() {
    show(
      this.settings,
      settingsOf(this.spec, this.axes).map(({ name, value, usual }) => {
        const isChanged = value !== usual;
        return button(
          `button.chip${isChanged ? ".changed" : ""}`,
          () => this.reveal(name),
          h("span.muted", this.titleOf(name)),
          value,
          isChanged && h("small.muted", t("compose.insteadOf", { usual })),
        );
      }),
    );
  }

  /** Name the items of the lists that are written as JSON. */
  writeLists() {
    for (const [name, element] of Object.entries(this.lists)) {
      const items = this.spec[name];
      show(element, Array.isArray(items) && items.length ? this.listNotice(name, items) : null);
    }
  }

  listNotice(name, items) {
    const drop = () => {
      delete this.spec[name];
      this.writeLists();
      this.change();
    };
    return h(
      "p.notice",
      t(`compose.list.${name}`, { n: items.length }),
      " ",
      items.map((item) => h("span.tag", item?.[WRITTEN_LISTS[name]])),
      " ",
      button("button.ghost.small", drop, t(`compose.drop.${name}`)),
    );
  }

  /** Read the fields into the spec. */
  change() {
    const axes = Object.entries(this.axisFields).map(([axis, field]) => [axis, field.get()]);
    const texts = Object.entries(this.inputs).map(([name, input]) => [name, input.value]);
    const fields = { ...Object.fromEntries(texts), reuse: this.inputs.reuse.checked };
    const values = { ...Object.fromEntries(axes), ...valuesOf(fields, this.spec) };
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) delete this.spec[name];
      else this.spec[name] = value;
    }
    this.json.value = JSON.stringify(this.spec, null, 2);
    this.writeSettings();
    this.accept(this.spec, { isTyped: false });
  }

  /** Continue with text that was typed into the JSON field before. */
  resume(json) {
    this.json.value = json;
    this.json.closest("details").open = true;
    this.readJson();
  }

  /** Read the JSON field into the spec, and write that into the other fields. */
  readJson() {
    const text = this.json.value;
    let spec;
    try {
      spec = JSON.parse(text);
    } catch (error) {
      this.refuseJson(t("compose.noJson", { reason: error.message }));
      return;
    }
    if (spec === null || typeof spec !== "object" || Array.isArray(spec)) {
      this.refuseJson(t("compose.noObject"));
      return;
    }
    this.spec = spec;
    this.write();
    this.json.value = text;
    this.accept(spec, { isTyped: true });
  }

  accept(spec, { isTyped }) {
    Object.assign(this, { spec, isTyped, unreadable: null });
    this.setProblems("json", []);
    this.onChange(spec);
  }

  refuseJson(sentence) {
    Object.assign(this, { isTyped: false, unreadable: this.json.value });
    this.showProblems([]);
    this.setProblems("json", [sentence]);
    this.onUnreadable();
  }

  /** Show sentences beside a field; none removes them. */
  setProblems(name, sentences) {
    if (name in this.axisFields) {
      this.axisFields[name].showProblems(sentences);
      return;
    }
    const problem = this.problems[name];
    problem.hidden = !sentences.length;
    show(
      problem,
      sentences.map((sentence) => h("span", sentence)),
    );
    const input = this.inputs[name] ?? this.json;
    if (sentences.length) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }

  /**
   * Show each of the API's errors beside the field it points at, and beside the JSON where that was typed.
   *
   * @returns `{others, placed}`: sentences without a field, and the names of the fields with one
   */
  showProblems(errors) {
    const names = [...Object.keys(this.axisFields), ...Object.keys(this.inputs)];
    const sentences = new Map([...names, "json"].map((name) => [name, []]));
    const others = [];
    for (const { pointer, detail } of errors) {
      const field = pointer?.split("/")[1];
      if (names.includes(field)) sentences.get(field).push(detail);
      else others.push(field ? `${field}: ${detail}` : detail);
      if (this.isTyped) sentences.get("json").push(pointer ? `${pointer}: ${detail}` : detail);
    }
    for (const [name, list] of sentences) this.setProblems(name, list);
    return { others, placed: names.filter((name) => sentences.get(name).length) };
  }

  titleOf(name) {
    return name in this.axisFields ? axisTitle(name) : t(`compose.${name}`);
  }

  /** Bring a field into view, ready to be typed into. */
  reveal(name) {
    const element = this.axisFields[name]?.element ?? this.inputs[name] ?? this.json;
    element.closest("details")?.setAttribute("open", "");
    element.scrollIntoView({ behavior: "smooth", block: "center" });
    const field = element.matches("fieldset") ? element.querySelector("button, input") : element;
    field.focus({ preventScroll: true });
  }
}

/** Return the inputs of the settings by their names in a spec. */
function newInputs(onInput) {
  const text = (properties) => h("input", { type: "text", onInput, ...properties });
  // The first is the API's default, which is left out of the spec.
  const options = (names, title) =>
    h(
      "select",
      { onChange: onInput },
      names.map((name, index) => {
        const value = index ? name : "";
        return h("option", { value }, index ? title(name) : t("compose.default", { value: title(name) }));
      }),
    );
  return {
    name: text({ maxlength: "200" }),
    description: h("textarea", { rows: "2", maxlength: "10000", onInput }),
    tags: text({ placeholder: "course: dl, owner: ada" }),
    epochs: text({ type: "number", min: "0", step: "1" }),
    seeds: text({ inputmode: "numeric" }),
    batch_size: text({ placeholder: t("compose.modelsOwn") }),
    layer_statistics: text({ placeholder: "auto" }),
    early_stopping: text({ type: "number", min: "1", step: "1", placeholder: t("compose.never") }),
    stopping_metric: options(STOPPING_METRICS, metricTitle),
    min_delta: text({ type: "number", min: "0", step: "any", placeholder: "0" }),
    ticket: text({ placeholder: t("compose.ticket.none") }),
    ticket_keep: text({ type: "number", min: "0", max: "1", step: "any", placeholder: "0.2" }),
    ticket_scope: options(TICKET_SCOPES, (scope) => t(`compose.ticket.${scope}`)),
    priority: text({ type: "number", min: "-100", max: "100", placeholder: "0" }),
    max_attempts: text({ type: "number", min: "1", max: "20", step: "1", placeholder: "3" }),
    device: options(DEVICES, String),
    reuse: h("input", { type: "checkbox", onChange: onInput }),
  };
}

/** Return the element for what is wrong with an input. */
function problemOf(name, input) {
  const id = `compose-${name}-problem`;
  input.setAttribute("aria-describedby", id);
  return h("p.problem", { id, role: "alert", hidden: true });
}
