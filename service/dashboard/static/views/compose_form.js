// The form that holds a spec: fields for its axes and settings, and the spec itself as JSON.

import { AXES, catalogAxis } from "../lib/catalog.js";
import { h, show } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { AxisField } from "../parts/axis_field.js";

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
/** What the API takes where nothing is chosen. */
const USUAL = {
  dataset: "mnist",
  model: "mnist_cnn",
  initializer: "auto",
  bias_initializer: "zeros",
  normalization: "none",
  clipping: "none",
  optimizer: "adam",
  dropout: "auto",
};

/** What it has no field for (variants) stays as it is. */
export class SpecForm {
  /**
   * @param onChange     called with the spec after each change
   * @param onUnreadable called while the JSON field holds no spec
   */
  constructor(axes, spec, { onChange, onUnreadable }) {
    Object.assign(this, { spec: structuredClone(spec), onChange, onUnreadable });
    this.typed = false; // the spec came from the JSON field
    this.unreadable = null; // what stands there while it is no spec
    const changed = () => this.changed();
    this.fields = Object.fromEntries(
      AXES.filter((axis) => axes.has(catalogAxis(axis))).map((axis) => [
        axis,
        new AxisField(axis, axes.get(catalogAxis(axis)).items, axes, { usual: USUAL[axis], onChange: changed }),
      ]),
    );
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
    this.inputs.json = h("textarea.json", {
      rows: "14",
      spellcheck: "false",
      "aria-label": t("compose.json"),
      onInput: () => this.readJson(),
    });
    this.problems = Object.fromEntries(
      Object.entries(this.inputs).map(([name, input]) => {
        input.setAttribute("aria-describedby", `compose-${name}-problem`);
        return [name, h("p.problem", { id: `compose-${name}-problem`, role: "alert", hidden: true })];
      }),
    );
    this.element = this.build();
    this.write();
  }

  build() {
    const field = (name, about) =>
      h(
        "div.field",
        { "data-field": name },
        h(
          "label.field",
          {},
          h("span", {}, t(`compose.${name}`)),
          this.inputs[name],
          about ? h("small.muted", {}, about) : null,
        ),
        this.problems[name],
      );
    const rest = Object.keys(this.fields).filter((axis) => !MAIN_AXES.includes(axis));
    return h(
      "form.card.spec",
      { onSubmit: (event) => event.preventDefault() },
      h("div.pair", {}, field("name"), field("tags", t("compose.tags.about"))),
      MAIN_AXES.map((axis) => this.fields[axis].element),
      this.variants,
      h("div.pair", {}, field("epochs", t("compose.epochs.about")), field("seeds", t("compose.seeds.about"))),
      h(
        "details",
        {},
        h("summary", {}, t("compose.more")),
        rest.map((axis) => this.fields[axis].element),
        h(
          "div.pair",
          {},
          field("batch_size", t("compose.listed")),
          field("layer_statistics", t("compose.layer_statistics.about")),
        ),
        h(
          "div.pair",
          {},
          field("priority"),
          h(
            "div.field",
            { "data-field": "reuse" },
            h("label.check", {}, this.inputs.reuse, t("compose.reuse")),
            this.problems.reuse,
          ),
        ),
        field("description"),
      ),
      h("details.as-json", {}, h("summary", {}, t("compose.json")), this.inputs.json, this.problems.json),
    );
  }

  /** Write the spec into the fields. */
  write() {
    const { spec, inputs } = this;
    for (const [axis, field] of Object.entries(this.fields)) field.set(spec[axis]);
    inputs.name.value = spec.name ?? "";
    inputs.description.value = spec.description ?? "";
    inputs.tags.value = Object.entries(spec.tags ?? {})
      .map(([key, value]) => `${key}: ${value}`)
      .join(", ");
    inputs.epochs.value = spec.epochs ?? 12;
    inputs.seeds.value = Array.isArray(spec.seeds)
      ? spec.seeds.join(", ") + (spec.seeds.length === 1 ? "," : "")
      : (spec.seeds ?? 1);
    inputs.batch_size.value = [spec.batch_size ?? []].flat().join(", ");
    const every = spec.layer_statistics;
    inputs.layer_statistics.value = every === "off" ? "off" : every?.every && every.every !== "auto" ? every.every : "";
    inputs.priority.value = spec.priority || "";
    inputs.reuse.checked = spec.reuse ?? true;
    this.writeVariants();
    inputs.json.value = JSON.stringify(spec, null, 2);
  }

  writeVariants() {
    const { variants } = this.spec;
    show(
      this.variants,
      Array.isArray(variants) && variants.length
        ? h(
            "p.notice",
            {},
            t("compose.variants", { n: variants.length }),
            " ",
            variants.map((each) => h("span.tag", {}, each?.label)),
            " ",
            h(
              "button.ghost.small",
              {
                type: "button",
                onClick: () => {
                  delete this.spec.variants;
                  this.writeVariants();
                  this.changed();
                },
              },
              t("compose.dropVariants"),
            ),
          )
        : null,
    );
  }

  /** Read the fields into the spec. */
  changed() {
    const { spec, inputs } = this;
    const put = (name, value) => {
      if (value === undefined || value === "") delete spec[name];
      else spec[name] = value;
    };
    put("name", inputs.name.value.trim());
    put("description", inputs.description.value.trim());
    const tags = Object.fromEntries(
      inputs.tags.value
        .split(",")
        .map((each) => each.split(":"))
        .filter(([key]) => key.trim())
        .map(([key, ...value]) => [key.trim(), value.join(":").trim()]),
    );
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
    inputs.json.value = JSON.stringify(spec, null, 2);
    this.read(spec, false);
  }

  /** Go on with what was typed as JSON before. */
  resume(json) {
    this.inputs.json.value = json;
    this.inputs.json.closest("details").open = true;
    this.readJson();
  }

  readJson() {
    const { json } = this.inputs;
    const typed = json.value;
    let read;
    try {
      read = JSON.parse(typed);
    } catch (error) {
      this.refuseJson(t("compose.noJson", { reason: error.message }));
      return;
    }
    if (read === null || typeof read !== "object" || Array.isArray(read)) {
      this.refuseJson(t("compose.noObject"));
      return;
    }
    this.spec = read;
    this.write();
    json.value = typed;
    this.read(read, true);
  }

  read(spec, typed) {
    Object.assign(this, { spec, typed, unreadable: null });
    this.tell("json", []);
    this.onChange(spec);
  }

  refuseJson(sentence) {
    Object.assign(this, { typed: false, unreadable: this.inputs.json.value });
    this.showProblems([]);
    this.tell("json", [sentence]);
    this.onUnreadable();
  }

  /** Say what is wrong with a field, beside it. */
  tell(name, sentences) {
    if (name in this.fields) {
      this.fields[name].showProblems(sentences);
      return;
    }
    const [input, problem] = [this.inputs[name], this.problems[name]];
    problem.hidden = !sentences.length;
    show(
      problem,
      sentences.map((each) => h("span", {}, each)),
    );
    if (sentences.length) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }

  /**
   * Put each of the API's problems beside the field it points at, and beside the JSON where that
   * was typed; return those without a field.
   */
  showProblems(errors) {
    const names = [...Object.keys(this.fields), ...Object.keys(this.inputs)];
    const byField = new Map(names.map((name) => [name, []]));
    const others = [];
    for (const { pointer, detail } of errors) {
      const field = pointer?.split("/")[1];
      if (byField.has(field)) byField.get(field).push(detail);
      else others.push(field ? `${field}: ${detail}` : detail);
      if (this.typed) byField.get("json").push(pointer ? `${pointer}: ${detail}` : detail);
    }
    for (const name of names) this.tell(name, byField.get(name));
    return { others, placed: names.filter((name) => name !== "json" && byField.get(name).length) };
  }

  /** What a field is called. */
  nameOf(name) {
    return t(name in this.fields ? `axis.${name}` : `compose.${name}`);
  }

  /** Bring a field into view, ready to be typed into. */
  reveal(name) {
    const element = this.fields[name]?.element ?? this.inputs[name];
    element.closest("details")?.setAttribute("open", "");
    element.scrollIntoView({ behavior: "smooth", block: "center" });
    (this.inputs[name] ?? element.querySelector("button, input")).focus({ preventScroll: true });
  }
}

function numberOr(text) {
  const trimmed = String(text).trim();
  return trimmed === "" ? undefined : Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
}

/** "3" is a number, "0, 1, 2" a list, "7," a list of one. */
function listOr(text) {
  const trimmed = text.trim();
  return trimmed.includes(",")
    ? trimmed
        .split(",")
        .filter((each) => each.trim())
        .map(numberOr)
    : numberOr(trimmed);
}
