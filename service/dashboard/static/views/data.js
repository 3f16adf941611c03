// Data sets of one's own: a file is dropped, what is understood is shown, and then it is stored.

import { all, get, send, sendFile } from "../lib/api.js";
import { keepDraft } from "../lib/draft.js";
import { t } from "../lib/text.js";
import { firstSpec, nameOf, uploadQuery } from "../lib/upload.js";
import { h, show } from "../parts/dom.js";
import { button, card, notice, scrollableTable, select } from "../parts/elements.js";
import { help } from "../parts/help.js";
import { understood } from "../parts/understood.js";

const MISSING = ["refuse", "impute", "drop"];
const COLUMNS = ["name", "task", "input", "classes", "rows"];

export async function view({ element, rest: [id], signal }) {
  if (id) return one(element, id, signal);
  const stored = h("div");
  const upload = new Upload(signal);
  const heading = h("div.heading", h("h1", t("nav.data")), help("data", t("nav.data")));
  show(element, heading, h("p.description", t("data.about")), upload.element, stored);
  show(stored, listCard(await all("/v1/datasets", {}, signal)));
  return t("nav.data");
}

/** Show one data set. */
async function one(element, id, signal) {
  const dataset = await get(`/v1/datasets/${encodeURIComponent(id)}`, {}, signal);
  const problem = h("p.problem", { role: "alert", hidden: true });
  const remove = async () => {
    try {
      await send(`/v1/datasets/${dataset.id}`, { method: "DELETE", signal });
      location.hash = "#/data";
    } catch (error) {
      showProblem(problem, error);
    }
  };
  show(
    element,
    h(
      "div.heading",
      h("h1", dataset.name),
      help("data", dataset.name),
      trainButton(dataset),
      button("button.small", remove, t("data.remove")),
    ),
    problem,
    h("section.card", understood(dataset)),
  );
  return dataset.name;
}

function listCard(datasets) {
  if (!datasets.length) return notice(t("data.noneYet"));
  const heads = COLUMNS.map((name) => h("th", { scope: "col" }, t(`data.${name}`)));
  return card(
    "stored-title",
    t("data.stored"),
    scrollableTable(t("data.stored"), "table.datasets", h("thead", h("tr", heads)), h("tbody", datasets.map(listRow))),
  );
}

function listRow({ id, name, task, input_shape: shape, classes, train_count: train, test_count: test }) {
  return h(
    "tr",
    h("th", { scope: "row" }, h("a", { href: `#/data/${id}` }, name)),
    h("td", t(`data.task.${task}`)),
    h("td", shape.join(" × ")),
    h("td", classes || "–"),
    h("td", t("data.parts", { train, test })),
  );
}

function trainButton(dataset) {
  const train = () => {
    const place = `dataset=${dataset.id}`;
    keepDraft(place, firstSpec(dataset), null);
    location.hash = `#/new?${place}`;
  };
  return button("button.primary", train, t("data.train"));
}

function showProblem(element, error) {
  element.hidden = false;
  show(
    element,
    (error.sentences ?? [error.message]).map((sentence) => h("span", sentence)),
  );
}

/** A file on its way: chosen or dropped, understood, and stored when that is right. */
class Upload {
  constructor(signal) {
    this.signal = signal;
    this.file = null;
    this.asked = 0;
    this.problem = h("p.problem", { role: "alert", hidden: true });
    this.found = h("div");
    this.element = h("section.card", { "aria-label": t("data.upload") }, this.dropZone(), this.problem, this.found);
  }

  dropZone() {
    const input = h("input.unseen", { type: "file", onChange: () => this.take(input.files[0]) });
    const zone = h("label.drop", input, h("b", t("data.drop")), h("small.muted", t("data.formats")));
    const mark = (isOver) => (event) => {
      event.preventDefault();
      zone.classList.toggle("over", isOver);
    };
    zone.addEventListener("dragover", mark(true));
    zone.addEventListener("dragleave", mark(false));
    zone.addEventListener("drop", (event) => {
      mark(false)(event);
      this.take(event.dataTransfer.files[0]);
    });
    return zone;
  }

  take(file) {
    if (!file) return;
    this.file = file;
    this.fields = { name: nameOf(file), target: "", missing: "refuse", testShare: "", leftOut: [] };
    this.names = [];
    this.understand();
  }

  change(changed) {
    Object.assign(this.fields, changed);
    this.understand();
  }

  /** Ask what the file means with the present fields; only the latest answer is shown. */
  async understand() {
    this.asked += 1;
    const asked = this.asked;
    this.problem.hidden = true;
    try {
      const dataset = await this.send(true);
      if (asked !== this.asked) return;
      const inputs = dataset.features.map(({ name }) => name);
      const others = dataset.left_out.map(({ name }) => name);
      this.names = dataset.target ? [...new Set([...this.names, ...inputs, ...others, dataset.target])] : [];
      show(
        this.found,
        this.form(dataset.target),
        understood(dataset, (...change) => this.leave(...change)),
      );
    } catch (error) {
      if (error.name === "AbortError" || asked !== this.asked) return;
      showProblem(this.problem, error);
      show(this.found, this.form(this.fields.target));
    }
  }

  leave(name, isLeftOut) {
    const others = this.fields.leftOut.filter((other) => other !== name);
    this.change({ leftOut: isLeftOut ? [...others, name] : others });
  }

  form(target) {
    const { name, missing, testShare } = this.fields;
    const field = (label, value, onChange) => {
      const input = h("input", { type: "text", value, onChange: () => onChange(input.value) });
      return h("label.field", h("span", label), input);
    };
    const targets = this.names.map((column) => [column, column]);
    const meanings = MISSING.map((meaning) => [meaning, t(`data.missing.${meaning}`)]);
    return h(
      "div.upload-form",
      field(t("data.name"), name, (value) => Object.assign(this.fields, { name: value })),
      targets.length ? select(t("data.target"), targets, target, (value) => this.change({ target: value })) : null,
      select(t("data.missing"), meanings, missing, (value) => this.change({ missing: value })),
      field(t("data.testShare"), testShare, (value) => this.change({ testShare: value })),
      button("button.primary", () => this.store(), t("data.store")),
    );
  }

  async store() {
    try {
      const dataset = await this.send(false);
      location.hash = `#/data/${dataset.id}`;
    } catch (error) {
      if (error.name !== "AbortError") showProblem(this.problem, error);
    }
  }

  send(isDryRun) {
    return sendFile("/v1/datasets", uploadQuery(this.fields, isDryRun), this.file, this.signal);
  }
}
