// One parameter of a chosen value in the form: a list of options, or text.

import { parameterText, readParameter } from "../lib/spec_fields.js";
import { known, t, translated } from "../lib/text.js";
import { h, show } from "./dom.js";

const LONG_TYPES = ["integers", "numbers", "expression", "constants", "choice", "layers"];
const [LEAST_WIDTH, LEAST_LONG_WIDTH, MOST_WIDTH] = [6, 16, 48];
const BOOLEANS = ["true", "false"];

/**
 * Return a labelled field.
 *
 * @param parameter the catalog's entry of the parameter
 * @param given     its value in the spec, or undefined
 * @param axes      the whole catalog, for parameters that are choices of another axis
 * @param onChange  called with the new value; undefined: the default
 */
export function parameterField(parameter, given, axes, onChange) {
  return isChoice(parameter, given)
    ? choiceField(parameter, given, axes, onChange)
    : labelled(parameter, given, axes, onChange);
}

/** Return a field with the word for its parameter. */
function labelled(parameter, given, axes, onChange) {
  const { name, meaning } = parameter;
  const word = known(`parameter.${name}`) ?? name;
  // Screen readers do not read a title, so the raw name is in the label, too.
  const label = word === name ? name : `${word} (${name})`;
  const options = optionsOf(parameter, given, axes);
  const field = options ? optionField(parameter, given, options, onChange) : textField(parameter, given, onChange);
  field.setAttribute("aria-label", label);
  const title = `${name}: ${translated(meaning) ?? meaning}${options ? "" : ` (${t("compose.listed")})`}`;
  return h("label.parameter", { title }, h("span", word), field);
}

/** Whether a value is an entry of another axis; several entries are typed as JSON. */
function isChoice({ type }, given) {
  return type === "choice" && (given === undefined || typeof given === "string" || typeof given?.name === "string");
}

/** Return the field of an entry of another axis, and beside it the fields of that entry's own parameters. */
function choiceField(parameter, given, axes, onChange) {
  const { name: chosen, ...parameters } = typeof given === "string" ? { name: given } : (given ?? {});
  const own = h("span.own");
  const draw = (name, values) => {
    const entry = entryOf(axes.get(parameter.axis).items, name ?? parameter.default);
    const tell = () => onChange(Object.keys(values).length ? { name: entry.name, ...values } : name);
    const change = (key, value) => {
      if (value === undefined) delete values[key];
      else values[key] = value;
      tell();
    };
    show(
      own,
      (entry?.parameters ?? []).map((each) =>
        parameterField(each, values[each.name], axes, (value) => change(each.name, value)),
      ),
    );
  };
  const choose = (name) => {
    draw(name, {});
    onChange(name);
  };
  draw(chosen, parameters);
  return h("span.own", labelled(parameter, chosen, axes, choose), own);
}

function entryOf(entries, name) {
  return entries.find((entry) => entry.name === name || entry.aliases.includes(name));
}

/** Return the options of a parameter; null where its value is typed, as several values are. */
function optionsOf({ type, options, axis }, given, axes) {
  if (Array.isArray(given)) return null;
  if (type === "boolean") return BOOLEANS;
  if (type === "option") return options;
  return isChoice({ type }, given) ? axes.get(axis).items.map((entry) => entry.name) : null;
}

function optionField({ name, type, default: usual }, given, options, onChange) {
  const field = h("select", {
    onChange: () => {
      const { value } = field;
      if (value === "") onChange(undefined);
      else onChange(type === "boolean" ? value === "true" : value);
    },
  });
  for (const option of options) {
    const text = known(`option.${name}.${option}`) ?? option;
    const isDefault = option === String(usual);
    const selected = isDefault ? [undefined, usual].includes(given) : String(given) === option;
    const value = isDefault ? "" : option;
    field.append(h("option", { value, selected }, isDefault ? t("compose.default", { value: text }) : text));
  }
  return field;
}

function textField({ type, default: usual, required }, given, onChange) {
  const field = h("input", {
    type: "text",
    size: widthOf(parameterText(given ?? usual), type),
    value: parameterText(given),
    placeholder: placeholderOf(usual, required, type),
    onInput: () => {
      field.size = widthOf(field.value, type);
      onChange(readParameter(field.value, type));
    },
  });
  return field;
}

function placeholderOf(usual, required, type) {
  if (required) return t("catalog.required");
  if (usual !== null) return parameterText(usual);
  return type === "numbers" ? t("compose.modelsOwn") : t("compose.usually.none");
}

/** Return how many characters a field shows: a list of layers is longer than a number. */
function widthOf(text, type) {
  const least = LONG_TYPES.includes(type) ? LEAST_LONG_WIDTH : LEAST_WIDTH;
  return Math.max(least, Math.min(MOST_WIDTH, text.length + 2));
}
