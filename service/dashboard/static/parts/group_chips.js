// The choice of the axes that form the groups: those that were chosen, or those the page chooses.

import { t } from "../lib/text.js";
import { h, show } from "./dom.js";
import { button } from "./elements.js";

export class GroupChips {
  /**
   * @param offered  `[axis, title]` of each axis
   * @param chosen   returns the axes that form groups now
   * @param isUsual  returns whether these are the page's own choice
   * @param onChoose called with the axes that shall form groups; none for the page's choice
   */
  constructor({ offered, chosen, isUsual, onChoose }) {
    Object.assign(this, { offered, chosen, isUsual, onChoose });
    this.element = h("fieldset.chips");
    this.draw();
  }

  draw() {
    const chip = ([axis, title]) => {
      const toggle = (event) => this.toggle(axis, event.target.checked);
      return h(
        "label.chip",
        h("input", { type: "checkbox", checked: this.chosen().includes(axis), onChange: toggle }),
        title,
      );
    };
    const usual = button("button.small.ghost", () => this.choose([]), t("toolbar.automatic"));
    show(this.element, h("legend", t("curves.groupBy")), this.offered.map(chip), !this.isUsual() && usual);
  }

  choose(axes) {
    this.onChoose(axes);
    this.draw();
  }

  /** Let an axis form groups or not; without any the page chooses. */
  toggle(axis, isChosen) {
    const names = this.offered.map(([name]) => name);
    this.choose(names.filter((other) => (other === axis ? isChosen : this.chosen().includes(other))));
    this.element.querySelectorAll("input")[names.indexOf(axis)]?.focus();
  }
}
