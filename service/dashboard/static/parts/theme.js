// Light or dark: the reader's choice, or else the browser's.

const KEY = "actinium.theme"; // also read by theme.js, before the first paint
const BROWSER_IS_DARK = matchMedia("(prefers-color-scheme: dark)");

const changes = new EventTarget();
BROWSER_IS_DARK.addEventListener("change", report);

/** Return the theme in force: "light" or "dark". */
export function theme() {
  return document.documentElement.dataset.theme ?? (BROWSER_IS_DARK.matches ? "dark" : "light");
}

/** Turn light into dark and dark into light, also for the next visit. */
export function turnTheme() {
  const other = theme() === "dark" ? "light" : "dark";
  localStorage.setItem(KEY, other);
  document.documentElement.dataset.theme = other;
  report();
}

/** Have `listener` called when the theme changes, until `signal` aborts. */
export function whenThemeChanges(listener, signal = undefined) {
  changes.addEventListener("change", listener, { signal });
}

function report() {
  changes.dispatchEvent(new Event("change"));
}

/** Return a colour of the styles in the theme in force, for canvases. */
export function ink(name) {
  const sample = document.createElement("span");
  sample.style.color = `var(--${name})`;
  document.body.append(sample);
  const { color } = getComputedStyle(sample);
  sample.remove();
  return color;
}
