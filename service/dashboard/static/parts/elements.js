// Elements that every view is made of: cards, tables, controls.

import { translated } from "../lib/text.js";
import { h } from "./dom.js";
import { help } from "./help.js";

/**
 * Make a box that may overflow a group with a name, which the keyboard can scroll. It is no landmark: a view has
 * dozens of such boxes, and most have the name of their section, which is one.
 * `data-more` holds the sides ("before", "after") on which more can be scrolled to, for the styles.
 */
export function scrollable(name, box) {
  const group = { tabindex: "0", role: "group", "aria-label": name };
  let drawn = null;
  const update = () => {
    const [overflow, before] = [box.scrollWidth - box.clientWidth, box.scrollLeft];
    const scrolls = overflow > 1 || box.scrollHeight - box.clientHeight > 1;
    const more = [before > 1 && "before", before < overflow - 1 && "after"].filter(Boolean).join(" ");
    if (`${scrolls} ${more}` === drawn) return;
    drawn = `${scrolls} ${more}`;
    box.dataset.more = more;
    for (const [attribute, value] of Object.entries(group)) {
      if (scrolls) box.setAttribute(attribute, value);
      else box.removeAttribute(attribute);
    }
  };
  const sizes = new ResizeObserver(update); // also calls it once for each element it begins to observe
  const observe = () => {
    sizes.disconnect();
    for (const element of [box, ...box.children]) sizes.observe(element);
  };
  new MutationObserver(observe).observe(box, { childList: true });
  box.addEventListener("scroll", update, { passive: true });
  observe();
  return box;
}

/** Return a table in a box that scrolls sideways. */
export function scrollableTable(name, selector, ...content) {
  return scrollable(name, h("div.scroll", h(selector, ...content)));
}

/** Return a card: a section with a heading, and the `?` of what explains it. */
export function card(id, title, ...content) {
  const heading = h("div.heading", h("h2", { id }, title), help(id, title));
  return h("section.card", { "aria-labelledby": id }, heading, content);
}

/** Return a text of the API in the reader's language, or else as what it is: English. */
export function apiText(text) {
  const own = translated(text);
  return h("span", { lang: own === null ? "en" : null }, own ?? text);
}

/** Return a box that says why something is not shown. */
export function notice(text) {
  return h("p.notice", text);
}

/** Return a list of terms and values from `[term, value]` pairs. */
export function termList(selector, pairs) {
  return h(
    selector,
    pairs.map(([term, value]) => h("div", h("dt", term), h("dd", value))),
  );
}

/** Return a labelled `<select>` of `[value, label]` pairs. */
export function select(label, options, selected, onChange) {
  const element = h(
    "select",
    { onChange: () => onChange(element.value) },
    options.map(([value, text]) => h("option", { value, selected: value === selected }, text)),
  );
  return h("label.field", h("span", label), element);
}

/** Return a labelled checkbox. */
export function checkbox(label, checked, onChange) {
  const box = h("input", { type: "checkbox", checked, onChange: () => onChange(box.checked) });
  return h("label.check", box, label);
}

/** Return a button: `button("button.small", onClick, { title }, "text")`. */
export function button(selector, onClick, ...content) {
  const element = h(selector, ...content);
  element.type = "button";
  element.addEventListener("click", onClick);
  return element;
}
