// One axis of a spec in the form: which values it takes, and their parameters.

import { h, show } from "../lib/dom.js";
import { known, t } from "../lib/text.js";

export class AxisField {
  /**
   * @param axis    as in a spec
   * @param entries the catalog's entries of it
   * @param axes    the whole catalog, for parameters that are choices of another axis
   * @param usual   the value where none is chosen
   */
  constructor(axis, entries, axes, { usual, onChange }) {
    Object.assign(this, { axis, entries, axes, onChange, chosen: [] });
    this.buttons = new Map(
      entries.map((entry) => [
        entry.name,
        h(
          "button.chip",
          {
            type: "button",
            "aria-pressed": "false",
            title: entry.meaning,
            onClick: () => this.toggle(entry.name),
          },
          entry.name,
        ),
      ]),
    );
    this.usual = h("small.muted", {}, usually(axis, usual));
    this.rows = h("div.chosen");
    this.problem = h("p.problem", { role: "alert", hidden: true });
    this.element = h(
      "fieldset.axis",
      { "data-axis": axis },
      h("legend", {}, t(`axis.${axis}`), " ", this.usual),
      h("div.cloud", {}, [...this.buttons.values()]),
      this.rows,
      this.problem,
    );
  }

  /** Take the values of a spec: one or a list, each a name, an object or (a dropout rate) a number. */
  set(values) {
    const list = values === undefined || values === null ? [] : [values].flat();
    this.chosen = list.map((value) => {
      if (typeof value === "number" && this.axis === "dropout") return { name: this.axis, parameters: { rate: value } };
      if (typeof value === "string") return { name: this.canonical(value), parameters: {} };
      if (typeof value?.name !== "string") return { raw: value }; // for the API to refuse
      const { name, ...parameters } = value;
      return { name: this.canonical(name), parameters };
    });
    this.draw();
  }

  canonical(name) {
    return this.entries.find((entry) => entry.aliases.includes(name))?.name ?? name;
  }

  /** The field of a spec; undefined where nothing is chosen. */
  get() {
    const values = this.chosen.map(({ name, parameters, raw }) =>
      name === undefined ? raw : Object.keys(parameters).length ? { name, ...parameters } : name,
    );
    return values.length > 1 ? values : values[0];
  }

  showProblems(sentences) {
    this.problem.hidden = !sentences.length;
    show(
      this.problem,
      sentences.map((each) => h("span", {}, each)),
    );
    this.element.classList.toggle("wrong", sentences.length > 0);
  }

  toggle(name) {
    const others = this.chosen.filter((each) => each.name !== name);
    this.chosen = others.length < this.chosen.length ? others : [...this.chosen, { name, parameters: {} }];
    this.changed();
  }

  changed() {
    this.draw();
    this.onChange();
  }

  draw() {
    for (const [name, button] of this.buttons) {
      button.setAttribute("aria-pressed", String(this.chosen.some((each) => each.name === name)));
    }
    this.usual.hidden = this.chosen.length > 0;
    show(
      this.rows,
      this.chosen.map((each) => this.row(each)),
    );
  }

  row(value) {
    const entry = this.entries.find((each) => each.name === value.name);
    if (!entry?.parameters.length) return null;
    const remove = () => {
      this.chosen = this.chosen.filter((each) => each !== value);
      this.changed();
    };
    const again = () => {
      this.chosen.splice(this.chosen.indexOf(value) + 1, 0, { name: value.name, parameters: { ...value.parameters } });
      this.changed();
    };
    return h(
      "div.value",
      {},
      h("b", {}, value.name),
      entry.parameters.map((parameter) => this.input(value, parameter)),
      h(
        "button.ghost.small",
        {
          type: "button",
          title: t("compose.another", { name: value.name }),
          "aria-label": t("compose.another", { name: value.name }),
          onClick: again,
        },
        "＋",
      ),
      h(
        "button.ghost.small",
        { type: "button", "aria-label": t("compose.remove", { name: value.name }), onClick: remove },
        "✕",
      ),
    );
  }

  input(value, parameter) {
    const { name, type, default: usual, meaning } = parameter;
    const given = value.parameters[name];
    const set = (read) => {
      if (read === undefined) delete value.parameters[name];
      else value.parameters[name] = read;
      this.onChange();
    };
    const word = known(`parameter.${name}`) ?? name;
    // Heard, a field has its raw name too: no title is read aloud.
    const label = word === name ? name : `${word} (${name})`;
    const options =
      type === "boolean"
        ? ["true", "false"]
        : type === "option"
          ? parameter.options
          : type === "choice" && (given === undefined || typeof given === "string")
            ? this.axes.get(parameter.axis).items.map((each) => each.name)
            : null;
    const field = options
      ? h(
          "select",
          {
            "aria-label": label,
            onChange: () =>
              set(field.value === "" ? undefined : type === "boolean" ? field.value === "true" : field.value),
          },
          options.map((each) =>
            each === String(usual)
              ? h(
                  "option",
                  { value: "", selected: [undefined, usual].includes(given) },
                  t("compose.default", { value: optionName(name, each) }),
                )
              : h("option", { value: each, selected: String(given) === each }, optionName(name, each)),
          ),
        )
      : h("input", {
          type: "text",
          "aria-label": label,
          size: width(written(given ?? usual), type),
          value: given === undefined ? "" : written(given),
          placeholder: parameter.required
            ? t("catalog.required")
            : usual === null
              ? t("compose.modelsOwn")
              : written(usual),
          onInput: () => {
            field.size = width(field.value, type);
            set(readValue(field.value, type));
          },
        });
    return h("label.parameter", { title: `${name}: ${meaning}` }, h("span", {}, word), field);
  }
}

/** What holds where nothing is chosen. */
function usually(axis, usual) {
  if (usual === "none") return t("compose.usually.none");
  return usual ? t("compose.usual", { usual }) : known(`compose.usually.${axis}`);
}

function optionName(parameter, option) {
  return known(`option.${parameter}.${option}`) ?? option;
}

/** How many characters a field shows: a list of layers is longer than a number. */
function width(text, type) {
  const least = ["integers", "numbers", "choice"].includes(type) ? 16 : 6;
  return Math.max(least, Math.min(48, text.length + 2));
}

function written(value) {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Read what was typed; what is no number goes to the API as it is, which says what is wrong. */
export function readValue(text, type) {
  const trimmed = text.trim();
  if (!trimmed) return undefined;
  if (type === "choice") {
    try {
      return JSON.parse(trimmed);
    } catch {
      return trimmed;
    }
  }
  const one = (part) => (part.trim() !== "" && Number.isFinite(Number(part)) ? Number(part) : part.trim());
  if (type === "integers" || (type === "numbers" && trimmed.includes(","))) {
    return trimmed
      .replace(/^\[|\]$/g, "")
      .split(",")
      .filter((part) => part.trim())
      .map(one);
  }
  return one(trimmed);
}
