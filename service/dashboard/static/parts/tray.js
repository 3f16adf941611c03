// The runs chosen for comparison, across experiments; they last as long as the tab.

const KEY = "actinium.compare";
const MOST = 24;

export function chosen() {
  return JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
}

export function choose(id, wanted) {
  const others = chosen().filter((each) => each !== id);
  keep(wanted ? [...others, id].slice(-MOST) : others);
}

export function keep(ids) {
  sessionStorage.setItem(KEY, JSON.stringify(ids));
  document.dispatchEvent(new CustomEvent("tray-changed"));
}
