// One axis of a spec in the form: its chosen values, and their parameters.

import { known, t, translated } from "../lib/text.js";
import { axisTitle } from "./configuration.js";
import { h, show } from "./dom.js";
import { button } from "./elements.js";
import { parameterField } from "./parameter_field.js";

export class AxisField {
  /**
   * @param axis     name of the axis in a spec
   * @param entries  the catalog's values of it
   * @param axes     the whole catalog
   * @param usual    the value the API takes where none is chosen
   * @param onChange called after each change
   */
  constructor(axis, entries, axes, { usual, onChange }) {
    Object.assign(this, { axis, entries, axes, onChange });
    this.chosen = []; // of {name, parameters}, or {raw} for what the API is to refuse
    this.buttons = new Map(entries.map((entry) => [entry.name, this.valueButton(entry)]));
    this.usual = h("small.muted", usualText(axis, usual));
    this.rows = h("div.chosen");
    this.problem = h("p.problem", { role: "alert", hidden: true });
    this.element = h(
      "fieldset.axis",
      { "data-axis": axis },
      h("legend", axisTitle(axis), " ", this.usual),
      h("div.cloud", [...this.buttons.values()]),
      this.rows,
      this.problem,
    );
  }

  valueButton({ name, meaning }) {
    return button(
      "button.chip",
      () => this.toggle(name),
      { "aria-pressed": "false", title: translated(meaning) ?? meaning },
      name,
    );
  }

  /** Take the values of a spec: one or a list, each a name, an object or (a dropout rate) a number. */
  set(values) {
    const list = values === undefined || values === null ? [] : [values].flat();
    this.chosen = list.map((value) => this.parse(value));
    this.draw();
  }

  parse(value) {
    if (typeof value === "number" && this.axis === "dropout") return { name: this.axis, parameters: { rate: value } };
    if (typeof value === "string") return { name: this.canonical(value), parameters: {} };
    if (typeof value?.name !== "string") return { raw: value };
    const { name, ...parameters } = value;
    return { name: this.canonical(name), parameters };
  }

  canonical(name) {
    return this.entries.find((entry) => entry.aliases.includes(name))?.name ?? name;
  }

  /** Return the axis' value in a spec; undefined where nothing is chosen. */
  get() {
    const values = this.chosen.map(({ name, parameters, raw }) => {
      if (name === undefined) return raw;
      return Object.keys(parameters).length ? { name, ...parameters } : name;
    });
    return values.length > 1 ? values : values[0];
  }

  showProblems(sentences) {
    this.problem.hidden = !sentences.length;
    show(
      this.problem,
      sentences.map((sentence) => h("span", sentence)),
    );
    this.element.classList.toggle("wrong", sentences.length > 0);
  }

  /** Choose a value, or remove every form of it. */
  toggle(name) {
    const others = this.chosen.filter((value) => value.name !== name);
    this.change(others.length < this.chosen.length ? others : [...this.chosen, { name, parameters: {} }]);
  }

  change(chosen) {
    this.chosen = chosen;
    this.draw();
    this.onChange();
  }

  draw() {
    const names = new Set(this.chosen.map((value) => value.name));
    for (const [name, element] of this.buttons) element.setAttribute("aria-pressed", String(names.has(name)));
    this.usual.hidden = this.chosen.length > 0;
    show(
      this.rows,
      this.chosen.map((value, index) => this.row(value, index)),
    );
  }

  /** Return a row with the parameters of a chosen value; null where it has none. */
  row(value, index) {
    const { name, parameters } = value;
    const entry = this.entries.find((candidate) => candidate.name === name);
    if (!entry?.parameters.length) return null;
    const remove = () => this.change(this.chosen.toSpliced(index, 1));
    const repeat = () => this.change(this.chosen.toSpliced(index + 1, 0, { name, parameters: { ...parameters } }));
    const fields = entry.parameters.map((parameter) =>
      parameterField(parameter, parameters[parameter.name], this.axes, (given) => {
        if (given === undefined) delete parameters[parameter.name];
        else parameters[parameter.name] = given;
        this.onChange();
      }),
    );
    const another = t("compose.another", { name });
    return h(
      "div.chosen-value",
      h("b", name),
      fields,
      button("button.ghost.small", repeat, { title: another, "aria-label": another }, "＋"),
      button("button.ghost.small", remove, { "aria-label": t("compose.remove", { name }) }, "✕"),
    );
  }
}

/** Return what holds where nothing is chosen. */
function usualText(axis, usual) {
  if (usual === "none") return t("compose.usually.none");
  return usual ? t("compose.usual", { usual }) : known(`compose.usually.${axis}`);
}
