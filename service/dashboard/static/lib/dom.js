// Elements from data. Text only ever becomes a text node, so names and tags cannot be markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element: `h("a.link", {href, onClick, class: ...}, "text", child, [children])`.
 * `null`, `undefined` and `false` are left out, as properties and as children.
 */
export function h(selector, properties = {}, ...children) {
  const [name, ...classes] = selector.split(".");
  return fill(document.createElement(name || "div"), classes, properties, children);
}

/** The same for SVG. */
export function svg(selector, properties = {}, ...children) {
  const [name, ...classes] = selector.split(".");
  return fill(document.createElementNS(SVG, name), classes, properties, children);
}

function fill(element, classes, properties, children) {
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(properties ?? {})) set(element, name, value);
  append(element, children);
  return element;
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2).toLowerCase(), value);
  else if (name === "class") element.setAttribute("class", `${element.getAttribute("class") ?? ""} ${value}`.trim());
  else if (name === "style") for (const [key, each] of Object.entries(value)) element.style.setProperty(key, each);
  else if (name === "value" && "value" in element) element.value = value;
  else if (["checked", "selected", "disabled", "open", "hidden", "indeterminate"].includes(name)) element[name] = value;
  else element.setAttribute(name, value === true ? "" : value);
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** Replace what an element holds. */
export function show(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** Change an element's text only where it differs, which keeps 1,000 rows cheap. */
export function setText(element, text) {
  const written = String(text ?? "");
  if (element.textContent !== written) element.textContent = written;
}

/** Call at most once per so many milliseconds, and once more after the last call. */
export function throttle(milliseconds, action) {
  let timer = null;
  let due = 0;
  return () => {
    if (timer !== null) return;
    const wait = Math.max(0, due - performance.now());
    timer = setTimeout(() => {
      timer = null;
      due = performance.now() + milliseconds;
      action();
    }, wait);
  };
}

/**
 * Let a box whose content is too large for it be scrolled by keyboard, too, as a region with a
 * name; `data-more` says on which sides there is more, so that it can be seen.
 */
export function reachable(name, box) {
  let seen = null;
  const look = () => {
    const [over, before] = [box.scrollWidth - box.clientWidth, box.scrollLeft];
    const scrolls = over > 1 || box.scrollHeight - box.clientHeight > 1;
    const more = [before > 1 && "before", before < over - 1 && "after"].filter(Boolean).join(" ");
    if (`${scrolls} ${more}` === seen) return;
    seen = `${scrolls} ${more}`;
    box.dataset.more = more;
    for (const [attribute, value] of [
      ["tabindex", "0"],
      ["role", "region"],
      ["aria-label", name],
    ]) {
      if (scrolls) box.setAttribute(attribute, value);
      else box.removeAttribute(attribute);
    }
  };
  const sizes = new ResizeObserver(look);
  const watch = () => {
    sizes.disconnect();
    for (const each of [box, ...box.children]) sizes.observe(each); // each is looked at once by that
  };
  new MutationObserver(watch).observe(box, { childList: true });
  box.addEventListener("scroll", look, { passive: true });
  watch();
  return box;
}

/** Tell people who listen to the page rather than look at it. */
export function announce(text) {
  setText(document.getElementById("news"), text);
}

/** A `<select>` from `[value, label]` pairs. */
export function select(label, options, value, onChange, properties = {}) {
  const element = h(
    "select",
    { ...properties, onChange: () => onChange(element.value) },
    options.map(([each, text]) => h("option", { value: each, selected: each === value }, text)),
  );
  return h("label.field", {}, h("span", {}, label), element);
}

/** The theme that is shown: chosen here, or else the browser's. */
export function theme() {
  return (
    document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")
  );
}

/** The value of a CSS variable, for canvases. */
export function ink(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Save a blob under a name. */
export function download(blob, name) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
