// Elements from data. Text only ever becomes a text node, so names and tags cannot be markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Return a new element: `h("a.link", { href, onClick, class: ... }, "text", child, [children])`.
 * The properties may be left out. `null`, `undefined` and `false` are skipped, as properties and as children.
 */
export function h(selector, ...content) {
  const [name, ...classes] = selector.split(".");
  return fill(document.createElement(name || "div"), classes, content);
}

/** The same for SVG. */
export function svg(selector, ...content) {
  const [name, ...classes] = selector.split(".");
  return fill(document.createElementNS(SVG, name), classes, content);
}

function fill(element, classes, content) {
  const [properties, children] = isProperties(content[0]) ? [content[0], content.slice(1)] : [{}, content];
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(properties)) set(element, name, value);
  append(element, children);
  return element;
}

function isProperties(value) {
  return value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2).toLowerCase(), value);
  else if (name === "class") element.setAttribute("class", `${element.getAttribute("class") ?? ""} ${value}`.trim());
  else if (name === "style") for (const rule of Object.entries(value)) element.style.setProperty(...rule);
  else if (name === "value" && "value" in element) element.value = value;
  else if (["checked", "selected", "disabled", "open", "hidden", "indeterminate"].includes(name)) element[name] = value;
  else element.setAttribute(name, value === true ? "" : value);
  // The explanation of a column is for the keyboard, too: it shows on focus.
  if (name === "title" && element.localName === "th") element.tabIndex = 0;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** Replace the content of an element. */
export function show(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** Change an element's text, only where it differs: so 1,000 rows stay cheap. */
export function setText(element, text) {
  const written = String(text ?? "");
  if (element.textContent !== written) element.textContent = written;
}

/** Call `listener` once an element scrolls into view, or is about to. */
export function whenVisible(element, listener) {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      listener();
    },
    { rootMargin: "200px" },
  );
  observer.observe(element);
}

/** Have a screen reader say something. */
export function announce(text) {
  setText(document.getElementById("news"), text);
}

/** Save a blob as a file. */
export function download(blob, name) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
