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

/** Let a box whose content is too wide for it be scrolled by keyboard, too. */
export function reachable(box) {
  const look = () => (box.scrollWidth > box.clientWidth ? box.setAttribute("tabindex", "0") : box.removeAttribute("tabindex"));
  const observer = new ResizeObserver(look);
  for (const each of [box, ...box.children]) observer.observe(each);
  return box;
}

/** Tell people who listen to the page rather than look at it. */
export function announce(text) {
  setText(document.getElementById("news"), text);
}

/** A `<select>` from `[value, label]` pairs. */
export function select(label, options, value, onChange, properties = {}) {
  const element = h("select", { ...properties, onChange: () => onChange(element.value) },
    options.map(([each, text]) => h("option", { value: each, selected: each === value }, text)));
  return h("label.field", {}, h("span", {}, label), element);
}

/** The theme that is shown: chosen here, or else the browser's. */
export function theme() {
  return document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
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
