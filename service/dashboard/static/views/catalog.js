// The catalog: every value of an axis, with its formula, picture, parameters and source.

import { catalog } from "../lib/catalog.js";
import { known, space, t, translated } from "../lib/text.js";
import { axisTitle } from "../parts/configuration.js";
import { h, show } from "../parts/dom.js";
import { apiText, scrollableTable } from "../parts/elements.js";
import { Figure } from "../parts/figure.js";
import { formula } from "../parts/formula.js";
import { help } from "../parts/help.js";

const FIRST_AXIS = "activation";
const PICTURE_SIZE = { width: 420, height: 175 };
const PHASES_SIZE = { width: 420, height: 250 };
const COLUMNS = ["parameter", "default", "range"];
const ADVICE_PARTS = ["solved", "strengths", "remains", "use_when"];

export async function view({ element, rest, signal }) {
  const axes = await catalog();
  const [axis = FIRST_AXIS, name] = rest;
  const shown = axes.get(axis);
  const isShown = (entry) => !name || entry.name === name || entry.aliases.includes(name);
  const entries = shown?.items.filter(isShown) ?? [];
  if (!entries.length) throw new Error(t("error.noPage"));
  show(
    element,
    h("div.heading", h("h1", t("nav.catalog")), help("catalog", t("nav.catalog"))),
    h(
      "nav.tabs",
      { "aria-label": t("catalog.axes") },
      [...axes.values()].map((other) => tab(other, other === shown)),
    ),
    h(
      "p.description",
      apiText(shown.meaning),
      name ? [" ", h("a", { href: `#/catalog/${axis}` }, t("catalog.all"))] : null,
    ),
    h(
      "div.entries",
      entries.map((entry) => entryCard(axis, entry, signal, Boolean(name))),
    ),
  );
  return name ? `${entries[0].name} · ${axisTitle(axis)}` : axisTitle(axis);
}

function tab({ axis, items }, isCurrent) {
  const properties = { href: `#/catalog/${axis}`, "aria-current": isCurrent ? "page" : null };
  return h("a", properties, axisTitle(axis), " ", h("small.muted", items.length));
}

function entryCard(axis, entry, signal, isAlone) {
  const { name, aliases, meaning, source } = entry;
  return h(
    "article.card.entry",
    { id: `entry-${name}` },
    h(
      "div.heading",
      h("h2", h("a", { href: `#/catalog/${axis}/${name}` }, name)),
      aliases.length ? h("small.muted", t("catalog.aliases", { names: aliases.join(", ") })) : null,
    ),
    h("p", apiText(meaning)),
    entry.formula ? formula(entry.formula) : null,
    entry.figure ? picture(entry, signal) : null,
    entry.figure && isAlone ? phases(entry, signal) : null,
    notesOn(entry).map((note) => h("p.note", note)),
    entry.parameters.length ? parameterTable(entry.parameters) : null,
    entry.advice ? advicePanel(entry.advice, isAlone) : null,
    h("p.source", sourceLink(source)),
  );
}

/** Return what is known of an entry, part by part; open where the entry is shown alone. */
function advicePanel(advice, isOpen) {
  return h(
    "details.advice",
    { open: isOpen },
    h("summary", t("catalog.advice")),
    ADVICE_PARTS.map((part) => [h("h3", t(`catalog.advice.${part}`)), h("ul", advice[part].map(adviceItem))]),
  );
}

function adviceItem({ text, source, claim }) {
  const link = source ? sourceLink(source) : claim ? claimLink(claim) : null;
  return h("li", apiText(text), space(), link && h("small.source", link));
}

function sourceLink({ title, link }) {
  return h("a", { href: safeLink(link), lang: "en", rel: "noreferrer noopener", target: "_blank" }, title);
}

function claimLink({ preset, sentence, status, size }) {
  const text = t("catalog.advice.claim", { preset, status: t(`claim.${status}`), size: t(`compose.size.${size}`) });
  const title = translated(sentence) ?? sentence;
  return h("a", { href: `#/new?preset=${encodeURIComponent(preset)}`, title }, text);
}

function picture({ name, figure: { svg, note } }, signal) {
  const figure = new Figure({ alt: t("catalog.picture", { name }), ...PICTURE_SIZE, signal });
  figure.showWhenVisible(svg);
  return h("figure", figure.element, note ? h("figcaption.note", apiText(note)) : null);
}

/** Return the picture of where deep networks of an activation vanish or explode. */
function phases({ name, links }, signal) {
  const figure = new Figure({ alt: t("catalog.phases", { name }), ...PHASES_SIZE, signal });
  figure.showWhenVisible(`${links.self}/phase_diagram.svg`);
  return h("figure", figure.element, h("figcaption.note", t("catalog.phases.about")));
}

/** Return what an entry says of its own kind: an activation's defaults, a data set's size, a model's layers. */
function notesOn({ auto, dataset, model }) {
  return [
    auto && [t("catalog.auto", auto), space(), apiText(auto.reason)],
    dataset &&
      t(dataset.classes ? "catalog.dataset" : "catalog.numbers", {
        train: dataset.train_count,
        test: dataset.test_count,
        shape: dataset.input_shape.join(" × "),
        classes: dataset.classes,
      }),
    model && t("catalog.model", { layers: model.layers.join(" → "), weights: model.weights.toLocaleString() }),
  ].filter(Boolean);
}

function parameterTable(parameters) {
  return scrollableTable(
    t("catalog.parameter"),
    "table.parameters",
    h(
      "thead",
      h(
        "tr",
        COLUMNS.map((column) => h("th", { scope: "col" }, t(`catalog.${column}`))),
      ),
    ),
    h("tbody", parameters.map(parameterRow)),
  );
}

function parameterRow(parameter) {
  const { name, meaning, required, default: usual } = parameter;
  const defaultText = usual === null ? "–" : JSON.stringify(usual);
  return h(
    "tr",
    h("th", { scope: "row" }, h("code", name), " ", h("small.muted", apiText(meaning))),
    h("td", required ? t("catalog.required") : defaultText),
    h("td", range(parameter)),
  );
}

/** Return a parameter's range in brackets as mathematicians write it, with exact ends; or its options or type. */
function range({ minimum, maximum, exclusive_minimum: above, exclusive_maximum: below, options, type, axis }) {
  if (options.length) return options.join(", ");
  if (axis) return h("a", { href: `#/catalog/${axis}` }, axisTitle(axis));
  if ([minimum, maximum, above, below].every((end) => end === null)) return known(`type.${type}`) ?? type;
  const low = minimum !== null ? `[${minimum}` : `(${above ?? "−∞"}`;
  const high = maximum !== null ? `${maximum}]` : `${below ?? "∞"})`;
  return `${low},\u00a0${high}`; // a space that does not break the line
}

function safeLink(link) {
  return /^https?:\/\//.test(link) ? link : "#/catalog";
}
