// Explanations (`title`) beside what they explain, never over it: under the pointer and on focus, until Escape
// (WCAG 2.1, 1.4.13). The browser's own appear under the pointer alone, and cover what is below it.

import { clamp } from "../lib/scale.js";
import { h, setText } from "./dom.js";

const APPEAR_MILLISECONDS = 350;
/** So long the pointer may take from what is explained to the explanation, to select its text. */
const LEAVE_MILLISECONDS = 250;
const GAP_PIXELS = 6;
const MARGIN_PIXELS = 8;
const ID = "tooltip";

/** Show the titles of elements as tooltips from now on. */
export function showTooltips() {
  new Tooltips();
}

class Tooltips {
  constructor() {
    this.box = h("div.tooltip", { id: ID, role: "tooltip", hidden: true });
    document.body.append(this.box);
    this.owner = null; // the element that is explained
    this.timer = 0;
    document.addEventListener("pointerover", (event) => event.pointerType !== "touch" && this.point(event.target));
    document.addEventListener("focusin", ({ target }) => target.matches(":focus-visible") && this.focus(target));
    document.addEventListener("focusout", () => this.hide());
    document.addEventListener("keydown", (event) => this.press(event), { capture: true });
    document.addEventListener("scroll", () => this.follow(), { capture: true, passive: true });
    addEventListener("hashchange", () => this.hide());
  }

  /** Follow the pointer: to what has an explanation, onto the explanation, or away. */
  point(target) {
    if (this.box.contains(target) || this.owner?.contains(target)) {
      clearTimeout(this.timer);
      return;
    }
    const owner = target.closest("[title]");
    if (owner) this.later(APPEAR_MILLISECONDS, () => this.show(owner, { isPointedAt: true }));
    else this.later(LEAVE_MILLISECONDS, () => this.hide());
  }

  focus(target) {
    const owner = target.closest("[title]");
    clearTimeout(this.timer);
    if (owner) this.show(owner, { isPointedAt: false });
  }

  /** Escape closes the explanation, and nothing else then. */
  press(event) {
    if (event.key !== "Escape" || this.owner === null) return;
    event.stopPropagation();
    event.preventDefault();
    this.hide();
  }

  later(milliseconds, action) {
    clearTimeout(this.timer);
    this.timer = setTimeout(action, milliseconds);
  }

  show(owner, { isPointedAt }) {
    this.hide();
    if (!owner.isConnected) return;
    this.owner = owner;
    this.text = owner.getAttribute("title");
    if (isPointedAt) owner.removeAttribute("title"); // or the browser shows it, too
    if (!owner.hasAttribute("aria-describedby")) owner.setAttribute("aria-describedby", ID);
    setText(this.box, this.text);
    (owner.closest("#bar, #aside, #main") ?? document.body).append(this.box); // within its landmark
    this.box.hidden = false;
    this.place(owner.getBoundingClientRect());
  }

  /** Stay beside what is explained as it is scrolled, until it is out of the window. */
  follow() {
    const rectangle = this.owner?.getBoundingClientRect();
    if (!rectangle) return;
    if (rectangle.bottom < 0 || rectangle.top > innerHeight) this.hide();
    else this.place(rectangle);
  }

  /** Place the box below an element, or above it where there is no room below. */
  place({ left, top, bottom }) {
    const { width, height } = this.box.getBoundingClientRect();
    const below = bottom + GAP_PIXELS;
    const above = top - GAP_PIXELS - height;
    const isBelow = below + height <= innerHeight - MARGIN_PIXELS || above < MARGIN_PIXELS;
    this.box.style.left = `${clamp(left, MARGIN_PIXELS, Math.max(MARGIN_PIXELS, innerWidth - width - MARGIN_PIXELS))}px`;
    this.box.style.top = `${isBelow ? below : above}px`;
  }

  hide() {
    clearTimeout(this.timer);
    if (this.owner === null) return;
    if (!this.owner.hasAttribute("title")) this.owner.setAttribute("title", this.text);
    if (this.owner.getAttribute("aria-describedby") === ID) this.owner.removeAttribute("aria-describedby");
    this.owner = null;
    this.box.hidden = true;
  }
}
