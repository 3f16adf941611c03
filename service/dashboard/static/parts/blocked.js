// A notice of runs that no worker can take, so that nobody waits for them.

import { find } from "../lib/api.js";
import { gibibytes, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { h, show } from "./dom.js";

export class BlockedNotice {
  /** @param signal aborts when the view is left */
  constructor(signal) {
    this.signal = signal;
    this.element = h("div.notice.blocked", { role: "status", hidden: true });
  }

  /** Ask the service what is blocked, and show it; while the service is away the last answer stays. */
  async ask() {
    const queue = await find("/v1/queue", {}, this.signal).catch(() => null);
    if (queue && !this.signal.aborted) this.show(queue);
  }

  show({ blocked }) {
    this.element.hidden = !blocked.length;
    show(
      this.element,
      blocked.map((runs) => h("p", blockedSentence(runs))),
    );
  }

  hide() {
    this.element.hidden = true;
  }
}

/** Return why no worker can take some runs, as a sentence in the reader's language. */
export function blockedSentence({ reason, runs, device, memory_bytes: bytes }) {
  return t(`blocked.${reason}`, { n: runs, count: whole(runs), device, memory: gibibytes(bytes) });
}
