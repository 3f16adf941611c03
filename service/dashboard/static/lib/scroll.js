// How far a view is scrolled, kept with its entry of the browser's history, so that going back and reloading return there.

import { debounce } from "./timing.js";

const PAUSE_MILLISECONDS = 150;
/** A view grows as its answers come; after this its height is taken as it is. */
const PATIENCE_MILLISECONDS = 4_000;

let isEntering = false; // a view loads, or is scrolled to where it was left

/** Keep the scroll of every view from now on. */
export function keepScroll() {
  history.scrollRestoration = "manual";
  const keep = debounce(PAUSE_MILLISECONDS, (address) => {
    // A view that loads, or has not grown yet, cannot be scrolled as far as it was.
    if (location.href === address && !isEntering) history.replaceState({ ...history.state, scroll: scrollY }, "");
  });
  addEventListener("scroll", () => keep(location.href), { passive: true });
}

/**
 * Enter a view: from now on no scroll is kept, for the page shrinks while the view loads.
 *
 * @param signal aborts when the view is left
 * @returns a function that, called with the loaded view, scrolls to where this entry of the history was left, at once
 *     and as the view grows, until the reader scrolls
 */
export function enterScroll(signal) {
  const entry = new AbortController();
  isEntering = true;
  const end = () => entry.abort();
  entry.signal.addEventListener("abort", () => (isEntering = false));
  signal.addEventListener("abort", end, { signal: entry.signal });
  const wanted = history.state?.scroll ?? 0;

  return (element) => {
    scrollTo(0, wanted);
    if (!wanted) return end();
    const grown = new ResizeObserver(() => scrollTo(0, wanted));
    grown.observe(element);
    entry.signal.addEventListener("abort", () => grown.disconnect());
    for (const type of ["wheel", "touchstart", "keydown", "pointerdown"]) {
      addEventListener(type, end, { signal: entry.signal, passive: true });
    }
    setTimeout(end, PATIENCE_MILLISECONDS);
  };
}
