import { h, setText, show, svg } from "/static/parts/dom.js";
import { button, select } from "/static/parts/elements.js";
import { formula } from "/static/parts/formula.js";
import { equal, test } from "./harness.js";

test("an element has classes, properties and children", () => {
  const element = h("p.a.b", { title: "x", hidden: true }, "text", [h("b", 1), null, false], undefined);
  equal(element.outerHTML, '<p class="a b" title="x" hidden="">text<b>1</b></p>');
});

test("properties may be left out, and those without a value are skipped", () => {
  equal(h("p", "text").outerHTML, "<p>text</p>");
  equal(h("p", { title: null, lang: undefined, "data-x": false }).outerHTML, "<p></p>");
});

test("text is never markup", () => {
  equal(h("p", "<b>&").innerHTML, "&lt;b&gt;&amp;");
  equal(h("p", { title: '"><b>' }).childElementCount, 0);
});

test("an SVG element is one", () => {
  equal(svg("g.tick").namespaceURI, "http://www.w3.org/2000/svg");
});

test("showing replaces the content, and the same text is not written again", () => {
  const element = h("p", "old");
  show(element, "new", h("b"));
  equal(element.innerHTML, "new<b></b>");
  setText(element, "text");
  const node = element.firstChild;
  setText(element, "text");
  equal(element.firstChild === node, true);
});

test("a button acts and submits no form", () => {
  let pressed = 0;
  const element = button("button.small", () => (pressed += 1), { title: "x" }, "Press");
  element.click();
  equal([pressed, element.type, element.textContent, element.title], [1, "button", "Press", "x"]);
});

test("a select reports the value that is chosen", () => {
  let chosen = null;
  const field = select(
    "Name",
    [
      ["a", "A"],
      ["b", "B"],
    ],
    "b",
    (value) => (chosen = value),
  );
  const element = field.querySelector("select");
  equal([element.value, field.firstChild.textContent], ["b", "Name"]);
  element.value = "a";
  element.dispatchEvent(new Event("change"));
  equal(chosen, "a");
});

test("a formula is its LaTeX until KaTeX has set it", async () => {
  const element = formula("x^2");
  document.body.append(element);
  equal(element.textContent, "x^2");
  while (!element.querySelector(".katex")) await new Promise(requestAnimationFrame);
  equal(element.querySelector("annotation").textContent, "x^2");
});

test("a formula that cannot be set does not throw", async () => {
  const element = formula("\\frac{");
  while (!element.querySelector(".katex-error")) await new Promise(requestAnimationFrame);
  equal(element.textContent, "\\frac{");
});
