// The catalog: what each axis can be, with formula, picture, parameters and source.

import { catalog } from "../lib/catalog.js";
import { h, reachable, show } from "../lib/dom.js";
import { formula } from "../lib/formula.js";
import { known, t } from "../lib/text.js";
import { Figure } from "../parts/figure.js";

export async function view({ element, rest, signal }) {
  const axes = await catalog();
  const [axis = "activation", name] = rest;
  const found = axes.get(axis);
  if (!found) throw new Error(t("error.noPage"));
  const items = name ? found.items.filter((each) => each.name === name || each.aliases.includes(name)) : found.items;
  if (!items.length) throw new Error(t("error.noPage"));
  show(
    element,
    h("div.heading", {}, h("h1", {}, t("nav.catalog"))),
    h(
      "nav.tabs",
      { "aria-label": t("catalog.axes") },
      [...axes.keys()].map((each) =>
        h(
          "a",
          { href: `#/catalog/${each}`, "aria-current": each === axis ? "page" : null },
          axisName(each),
          " ",
          h("small.muted", {}, axes.get(each).items.length),
        ),
      ),
    ),
    h(
      "p.description",
      {},
      h("span", { lang: "en" }, found.meaning),
      name ? [" ", h("a", { href: `#/catalog/${axis}` }, t("catalog.all"))] : null,
    ),
    h(
      "div.entries",
      {},
      items.map((entry) => card(axis, entry, signal)),
    ),
  );
  return name ? `${items[0].name} · ${axisName(axis)}` : axisName(axis);
}

function axisName(axis) {
  return known(`axis.${axis}`) ?? axis.replaceAll("_", " ");
}

function card(axis, entry, signal) {
  return h(
    "article.card.entry",
    { id: `entry-${entry.name}` },
    h(
      "div.heading",
      {},
      h("h2", {}, h("a", { href: `#/catalog/${axis}/${entry.name}` }, entry.name)),
      entry.aliases.length ? h("small.muted", {}, t("catalog.aliases", { names: entry.aliases.join(", ") })) : null,
    ),
    h("p", { lang: "en" }, entry.meaning),
    entry.formula ? formula(entry.formula) : null,
    entry.figure ? picture(entry, signal) : null,
    entry.auto ? h("p.note", {}, t("catalog.auto", entry.auto)) : null,
    entry.dataset
      ? h(
          "p.note",
          {},
          t("catalog.dataset", {
            train: entry.dataset.train_count,
            test: entry.dataset.test_count,
            shape: entry.dataset.input_shape.join(" × "),
            classes: entry.dataset.classes,
          }),
        )
      : null,
    entry.model
      ? h(
          "p.note",
          {},
          t("catalog.model", { layers: entry.model.layers.join(" → "), weights: entry.model.weights.toLocaleString() }),
        )
      : null,
    entry.parameters.length ? parameters(entry) : null,
    h(
      "p.source",
      {},
      h("a", { href: safe(entry.source.link), rel: "noreferrer noopener", target: "_blank" }, entry.source.title),
    ),
  );
}

function picture(entry, signal) {
  const figure = new Figure({ alt: t("catalog.picture", { name: entry.name }), width: 420, height: 175, signal });
  figure.showWhenSeen(entry.figure.svg);
  return h(
    "figure",
    {},
    figure.element,
    entry.figure.note ? h("figcaption.note", { lang: "en" }, entry.figure.note) : null,
  );
}

function parameters(entry) {
  return reachable(
    t("catalog.parameter"),
    h(
      "div.scroll",
      {},
      h(
        "table.parameters",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["parameter", "default", "range"].map((name) => h("th", { scope: "col" }, t(`catalog.${name}`))),
          ),
        ),
        h(
          "tbody",
          {},
          entry.parameters.map((each) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, h("code", {}, each.name), " ", h("small.muted", { lang: "en" }, each.meaning)),
              h(
                "td",
                {},
                each.required ? t("catalog.required") : each.default === null ? "–" : JSON.stringify(each.default),
              ),
              h("td", {}, range(each)),
            ),
          ),
        ),
      ),
    ),
  );
}

/** A parameter's range in mathematicians' brackets; its bounds are exact, so that they can be used. */
function range(parameter) {
  const { minimum, maximum, exclusive_minimum: above, exclusive_maximum: below, options, type, axis } = parameter;
  if (options.length) return options.join(", ");
  if (axis) return h("a", { href: `#/catalog/${axis}` }, axisName(axis));
  const low = minimum !== null ? `[${minimum}` : above !== null ? `(${above}` : null;
  const high = maximum !== null ? `${maximum}]` : below !== null ? `${below})` : null;
  if (low === null && high === null) return known(`type.${type}`) ?? type;
  return `${low ?? "(−∞"},\u00a0${high ?? "∞)"}`; // on one line
}

function safe(link) {
  return /^https?:\/\//.test(link) ? link : "#/catalog";
}
