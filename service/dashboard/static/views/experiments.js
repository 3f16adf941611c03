// All experiments, the newest first; those under way are kept up to date.

import { find, get, query } from "../lib/api.js";
import { ago, dateTime, experimentName, utc } from "../lib/format.js";
import { isActive, isResultPending } from "../lib/statuses.js";
import { follow } from "../lib/stream.js";
import { t } from "../lib/text.js";
import { sleep, throttle } from "../lib/timing.js";
import { setConnection, statusBadge, tags } from "../parts/badges.js";
import { BlockedNotice } from "../parts/blocked.js";
import { h, setText, show } from "../parts/dom.js";
import { button } from "../parts/elements.js";
import { firstSteps } from "../parts/first_steps.js";
import { help } from "../parts/help.js";
import { bestResult, variedText } from "../parts/overview.js";
import { presetShelf } from "../parts/presets.js";
import { progressBar, progressText } from "../parts/progress.js";
import { savedViewsMenu } from "../parts/saved_views.js";
import { BulkActions } from "./experiments_bulk.js";
import { FILTERS, Filters } from "./experiments_filters.js";

const PAGE = 50;
const PAGE_OF_API = 100;
const RELOAD_MILLISECONDS = 1_000;
const BUSY_MILLISECONDS = 10_000;
const IDLE_MILLISECONDS = 60_000;
const MINUTE_MILLISECONDS = 60_000;
const DAY_MILLISECONDS = 86_400_000;

export async function view({ element, parameters, signal }) {
  const list = new ExperimentList(parameters, signal);
  const connection = h("span.live");
  const compose = h("a.button.primary", { href: "#/new" }, t("nav.new"));
  const title = h("h1", t("nav.experiments"));
  const heading = h("div.heading", title, help("", t("nav.experiments")), connection, savedViewsMenu(), compose);
  show(element, heading, list.element);
  await list.load();
  list.keepUpToDate((state) => setConnection(connection, state));
  return t("nav.experiments");
}

class ExperimentList {
  constructor(parameters, signal) {
    this.signal = signal;
    this.wanted = Object.fromEntries(FILTERS.map((key) => [key, parameters.get(key)?.trim() ?? ""]));
    this.limit = PAGE;
    this.isEmpty = false; // or why
    this.experiments = [];
    this.isRefused = false; // by the API, for a filter it cannot read
    this.asked = 0; // number of the last question
    this.answered = 0; // number of the question whose answer is shown
    this.filters = new Filters(this.wanted, (key, value) => this.filter(key, value));
    this.problem = h("p.problem", { role: "alert", hidden: true });
    this.rows = h("div.list");
    this.more = button("button.ghost", () => this.showMore(), { hidden: true }, t("experiments.more"));
    this.presets = h("div");
    this.blocked = new BlockedNotice(signal);
    this.bulk = new BulkActions(() => {
      this.showSelection();
      this.ask();
    });
    const above = [this.blocked.element, this.filters.element, this.problem, this.bulk.element];
    this.element = [...above, this.rows, this.more, this.presets];
  }

  filter(key, value) {
    if (this.wanted[key] === value) return;
    this.wanted[key] = value;
    this.limit = PAGE;
    // The list is asked again in place, so that the field keeps the focus; going back enters the view again.
    history.pushState(null, "", `#/${query(this.wanted)}`);
    this.ask();
  }

  showMore() {
    this.limit += PAGE;
    this.ask();
  }

  /** Load the list; a failure is shown above it. */
  async ask() {
    try {
      await this.load();
    } catch (error) {
      if (this.signal.aborted) return;
      this.problem.hidden = false;
      setText(this.problem, error.message);
    }
  }

  /** Load the list; a failure other than a filter that cannot be read is thrown. */
  async load() {
    this.asked += 1;
    const question = this.asked;
    const { experiments, hasMore, errors } = await listExperiments({ ...this.wanted }, this.limit, this.signal);
    if (question < this.answered) return; // a later question was answered sooner
    this.answered = question;
    this.experiments = experiments;
    this.isRefused = errors.length > 0;
    this.rows.hidden = this.isRefused;
    this.problem.hidden = true;
    this.filters.showProblems(errors);
    this.more.hidden = !hasMore;
    this.bulk.update(experiments);
    this.draw();
    if (experiments.some(isActive)) this.blocked.ask();
    else this.blocked.hide();
    if (experiments.length || this.isFiltered) show(this.presets);
    else if (!this.presets.hasChildNodes()) await this.offerPresets();
  }

  get isFiltered() {
    return Object.values(this.wanted).some(Boolean);
  }

  /** Draw the rows; a row whose content is the same is kept, with its focus and selection. */
  draw() {
    if (!this.experiments.length) {
      this.showEmpty();
      return;
    }
    this.isEmpty = false;
    const drawn = new Map([...this.rows.children].map((row) => [row.dataset.id, row]));
    const minute = Math.floor(Date.now() / MINUTE_MILLISECONDS);
    const rows = this.experiments.map((experiment) => {
      const content = JSON.stringify([experiment, minute]);
      const row = drawn.get(experiment.id);
      const { bulk } = this;
      return row?.content === content ? row : Object.assign(experimentRow(experiment, bulk), { content });
    });
    if (rows.length === drawn.size && rows.every((row, index) => this.rows.children[index] === row)) return;
    const focused = document.activeElement?.closest("[data-id]")?.dataset.id;
    this.rows.replaceChildren(...rows);
    const inRow = document.activeElement === document.body && focused;
    if (inRow) this.rows.querySelector(`[data-id="${CSS.escape(focused)}"] a`)?.focus();
  }

  /** Say why there is nothing; what was said before stays, with the focus in it. */
  showEmpty() {
    const said = this.isFiltered ? "filtered" : "new";
    if (this.isEmpty === said) return;
    this.isEmpty = said;
    show(this.rows, this.isFiltered ? nothingFound() : firstSteps(this.signal));
  }

  /** Check the boxes of what is selected. */
  showSelection() {
    for (const row of this.rows.querySelectorAll("[data-id]")) {
      row.querySelector("input").checked = this.bulk.selected.has(row.dataset.id);
    }
  }

  async offerPresets() {
    const presets = await find("/v1/presets", { limit: 1000 }, this.signal);
    if (!presets?.items.length) return;
    const heading = h("div.heading", h("h2", t("presets.title")), help("presets-title", t("presets.title")));
    show(this.presets, heading, presetShelf(presets.items, this.signal));
  }

  /** Reload after events and as time passes; while the service is away, the last answer stays. */
  async keepUpToDate(onState) {
    const { signal } = this;
    const reload = throttle(RELOAD_MILLISECONDS, () => {
      if (!signal.aborted && !this.isRefused) this.load().catch(() => {});
    });
    follow("/v1/events", { signal, replay: false, onEvents: reload, onState });
    while (!signal.aborted) {
      // No event reports the time left inside a long epoch, nor how long ago something was.
      const isBusy = () => this.experiments.some((found) => isActive(found) || isResultPending(found));
      await sleep(isBusy() ? BUSY_MILLISECONDS : IDLE_MILLISECONDS, signal);
      if (signal.aborted || document.hidden) continue;
      if (isBusy()) reload();
      else this.draw();
    }
  }
}

/** Return the first experiments that pass the filters, or what is wrong with a filter. */
async function listExperiments(filters, limit, signal) {
  const experiments = [];
  let cursor = null;
  try {
    do {
      const size = Math.min(limit - experiments.length, PAGE_OF_API);
      const page = await get("/v1/experiments", { ...filters, limit: size, cursor }, signal);
      experiments.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor && experiments.length < limit);
  } catch (error) {
    const isOfFilter = error.errors?.some(({ parameter }) => FILTERS.includes(parameter));
    if (!isOfFilter) throw error;
    return { experiments: [], hasMore: false, errors: error.errors };
  }
  return { experiments, hasMore: cursor !== null, errors: [] };
}

function nothingFound() {
  const all = h("a", { href: "#/" }, t("experiments.all"));
  return h("div.card.empty", h("h2", t("experiments.noneFound")), h("p", all));
}

function experimentRow(experiment, bulk) {
  const { id, tags: byKey, status, created_at: createdAt, varying } = experiment;
  const name = experimentName(experiment);
  const box = h("input", {
    type: "checkbox",
    checked: bulk.selected.has(id),
    "aria-label": t("bulk.select", { name }),
    onChange: () => bulk.select(experiment, box.checked),
  });
  return h(
    "article.experiment",
    { "data-id": id },
    box,
    h(
      "div.what",
      h("a.title", { href: `#/experiments/${id}` }, name),
      h("span.tags", experiment.archived ? h("span.tag.archived", t("experiment.archived")) : null, tags(byKey)),
      varying.length ? h("small.muted.varied", variedText(varying)) : null,
    ),
    h("div.state", statusBadge(status)),
    h("div.result", bestResult(experiment)),
    h("div.how", progressBar(experiment), h("small.muted", progressText(experiment))),
    h("time.muted", { datetime: createdAt, title: utc(createdAt) }, when(createdAt)),
  );
}

/** Return how long ago it was; the date where it is more than a day. */
function when(text) {
  return Date.now() - new Date(text) < DAY_MILLISECONDS ? ago(text) : dateTime(text);
}
