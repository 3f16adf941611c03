// Saved views: addresses under names, kept in this browser.

const KEY = "actinium.views";
/** Of more views the oldest are forgotten. */
export const MOST_VIEWS = 50;

/** Return the saved views `{name, place}`, the oldest first; none where the stored text cannot be read. */
export function savedViews() {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY));
    return Array.isArray(stored) ? stored.filter(isView) : [];
  } catch {
    return [];
  }
}

/** Keep an address under a name, in place of what had the name before; return whether there was room. */
export function saveView(name, place) {
  const others = savedViews().filter((view) => view.name !== name);
  return store([...others, { name, place }].slice(-MOST_VIEWS));
}

export function forgetView(name) {
  store(savedViews().filter((view) => view.name !== name));
}

/** Whether it is a view of this page: an address that leads elsewhere is none. */
function isView(view) {
  return typeof view?.name === "string" && view.name !== "" && /^#\//.test(view?.place);
}

function store(views) {
  try {
    localStorage.setItem(KEY, JSON.stringify(views));
    return true;
  } catch {
    return false;
  }
}
