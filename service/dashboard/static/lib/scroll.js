// How far a view is scrolled, kept with its entry of the browser's history, so that going back and reloading return there.

import { debounce } from "./timing.js";

const PAUSE_MILLISECONDS = 150;
/** A view grows as its answers come; after this its height is taken as it is. */
const PATIENCE_MILLISECONDS = 4_000;

let restoring = null; // ends the restoring under way

/** Keep the scroll of every view from now on. */
export function keepScroll() {
  history.scrollRestoration = "manual";
  const keep = debounce(PAUSE_MILLISECONDS, (address) => {
    // A view that has not grown yet cannot be scrolled as far as it was.
    if (location.href === address && !restoring) history.replaceState({ ...history.state, scroll: scrollY }, "");
  });
  addEventListener("scroll", () => keep(location.href), { passive: true });
}

/**
 * Scroll to where this entry of the history was left, at once and as the view grows, until the reader scrolls.
 *
 * @param element the view
 * @param signal  aborts when it is left
 */
export function restoreScroll(element, signal) {
  restoring?.abort();
  const wanted = history.state?.scroll ?? 0;
  scrollTo(0, wanted);
  if (!wanted) return;
  const stop = new AbortController();
  restoring = stop;
  const grown = new ResizeObserver(() => scrollTo(0, wanted));
  grown.observe(element);
  stop.signal.addEventListener("abort", () => {
    grown.disconnect();
    if (restoring === stop) restoring = null;
  });
  const end = () => stop.abort();
  for (const type of ["wheel", "touchstart", "keydown", "pointerdown"]) {
    addEventListener(type, end, { signal: stop.signal, passive: true });
  }
  signal.addEventListener("abort", end, { signal: stop.signal });
  setTimeout(end, PATIENCE_MILLISECONDS);
}
