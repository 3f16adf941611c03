// The runs chosen for comparison, across experiments; they last as long as the tab.

const KEY = "actinium.compare";

/** So many runs can be told apart in one chart. */
export const MOST = 24;

/** Their ids; none where what was kept cannot be read. */
export function chosen() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY));
    return Array.isArray(kept) ? kept.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}

export function choose(id, wanted) {
  const others = chosen().filter((each) => each !== id);
  keep(wanted ? [...others, id] : others);
}

/** Choose these and no others; of too many, the last. */
export function keep(ids) {
  sessionStorage.setItem(KEY, JSON.stringify(ids.slice(-MOST)));
  document.dispatchEvent(new CustomEvent("tray-changed"));
}
