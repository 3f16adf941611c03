// A picture drawn by the API, in the page's theme; drawn again when the theme changes.

import { picture } from "../lib/api.js";
import { h, whenVisible } from "./dom.js";
import { notice } from "./elements.js";
import { theme, whenThemeChanges } from "./theme.js";

export class Figure {
  /** @param alt what the picture shows, for screen readers */
  constructor({ alt, signal, width = null, height = null }) {
    this.signal = signal;
    this.address = null; // of the picture, without its theme
    this.image = h("img.figure.pending", { alt, width, height });
    this.element = h("div", this.image);
    whenThemeChanges(() => this.address && this.draw(), signal);
  }

  /** Show the picture at an address; the previous one stays until then. */
  show(address) {
    this.address = address;
    return this.draw();
  }

  async draw() {
    const path = `${this.address}${this.address.includes("?") ? "&" : "?"}theme=${theme()}`;
    try {
      this.wanted = path;
      const source = await picture(path, this.signal);
      if (this.wanted !== path) return; // a later one was asked for meanwhile
      URL.revokeObjectURL(this.image.src);
      this.image.src = source;
      this.image.classList.remove("pending");
      this.element.replaceChildren(this.image);
    } catch (error) {
      if (!this.signal.aborted && this.wanted === path) this.element.replaceChildren(notice(error.message));
    }
  }

  /** Show the picture once its place scrolls into view. */
  showWhenVisible(address) {
    whenVisible(this.element, () => this.show(address));
  }
}
