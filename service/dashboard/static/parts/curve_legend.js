// The legend of learning curves: a key per line, which hides or shows it.

import { t } from "../lib/text.js";
import { swatch } from "./curve_options.js";
import { lastValueText, namedValue } from "./curve_values.js";
import { h, setText, show } from "./dom.js";
import { button } from "./elements.js";

/** Keys that are shown at first; the others are behind a button. */
const FIRST_KEYS = 8;

export class CurveLegend {
  /**
   * @param onToggle called with the label of a line to be hidden or shown
   * @param onPoint  called with the number of the line that is pointed at, or null
   */
  constructor(onToggle, onPoint) {
    Object.assign(this, { onToggle, onPoint, keys: [], all: false });
    this.element = h("div.legend", { role: "group", "aria-label": t("curves.legend") });
  }

  /** Draw the keys of lines anew. */
  build(lines) {
    this.keys = lines.map(({ label, style, hidden }, index) => {
      const value = h("span.value");
      const properties = {
        title: label,
        "aria-pressed": String(!hidden),
        onPointerenter: () => this.onPoint(index),
        onPointerleave: () => this.onPoint(null),
      };
      const toggle = () => this.onToggle(index, label);
      return { key: button("button.key", toggle, properties, swatch(style), namedValue(label, value)), value };
    });
    this.draw(lines);
  }

  draw(lines) {
    const shown = this.all ? this.keys : this.keys.slice(0, FIRST_KEYS);
    const showAll = () => {
      this.all = true;
      this.draw(lines);
      this.keys[FIRST_KEYS].key.focus();
    };
    show(
      this.element,
      shown.map(({ key }) => key),
      this.keys.length > shown.length &&
        button("button.small.ghost", showAll, t("curves.allKeys", { n: this.keys.length })),
    );
  }

  /** Write the last value of each line. */
  write(shown, lines) {
    for (const [index, line] of lines.entries()) setText(this.keys[index].value, lastValueText(shown.metric, line));
  }

  /** Show whether a line is hidden. */
  press(index, hidden) {
    this.keys[index].key.setAttribute("aria-pressed", String(!hidden));
  }

  mark(marked) {
    for (const [index, { key }] of this.keys.entries()) key.classList.toggle("focused", index === marked);
  }
}
