// A picture drawn by the API, in the page's theme and again where that changes.

import { picture } from "../lib/api.js";
import { h, theme } from "../lib/dom.js";
import { notice } from "./badges.js";

export class Figure {
  /** @param alt what the picture shows, for people who listen to it */
  constructor({ alt, signal, width = null, height = null }) {
    this.signal = signal;
    this.image = h("img.figure.pending", { alt, width, height });
    this.element = h("div", {}, this.image);
    document.addEventListener("theme-changed", () => this.address && this.draw(), { signal });
  }

  /** Draw what is at an address (without its theme); what was drawn before stays until then. */
  show(address) {
    this.address = address;
    return this.draw();
  }

  async draw() {
    const asked = `${this.address}${this.address.includes("?") ? "&" : "?"}theme=${theme()}`;
    try {
      const source = await picture(asked, this.signal);
      URL.revokeObjectURL(this.image.src);
      this.image.src = source;
      this.image.classList.remove("pending");
      this.element.replaceChildren(this.image);
    } catch (error) {
      if (!this.signal.aborted) this.element.replaceChildren(notice(error.message));
    }
  }

  /** Draw it once it comes into sight. */
  showWhenSeen(address) {
    const watcher = new IntersectionObserver(
      (seen) => {
        if (!seen.some((each) => each.isIntersecting)) return;
        watcher.disconnect();
        this.show(address);
      },
      { rootMargin: "200px" },
    );
    watcher.observe(this.element);
  }
}
