// All experiments, newest first; what is under way moves by itself.

import { find, get, query } from "../lib/api.js";
import { h, select, setText, show, throttle } from "../lib/dom.js";
import { ago, dateTime, experimentName, utc } from "../lib/format.js";
import { follow, sleep } from "../lib/stream.js";
import { known, t } from "../lib/text.js";
import { progress, setLive, standing, status, tags } from "../parts/badges.js";
import { presetCards } from "../parts/presets.js";

const PAGE = 50;
const LOOK_MILLISECONDS = 1_000;
const BUSY_MILLISECONDS = 10_000;
const IDLE_MILLISECONDS = 60_000;
const FILTERS = ["status", "name", "tag"];

export async function view({ element, parameters, signal }) {
  const wanted = Object.fromEntries(FILTERS.map((key) => [key, parameters.get(key)?.trim() ?? ""]));
  const filters = new Filters(wanted, (key, value) => {
    if (wanted[key] === value) return;
    wanted[key] = value;
    shown = PAGE;
    // Asked anew in place, so that the field keeps the focus; going back enters the view again.
    history.pushState(null, "", `#/${query(wanted)}`);
    ask();
  });
  const list = h("div.list");
  const more = h("button.ghost", { type: "button", hidden: true }, t("experiments.more"));
  const live = h("span.live");
  const problem = h("p.problem", { role: "alert", hidden: true });
  let shown = PAGE;
  let busy = false;
  let refused = false;
  let redraw = () => {};
  more.addEventListener("click", () => {
    shown += PAGE;
    ask();
  });
  const presets = h("div");
  show(
    element,
    h(
      "div.heading",
      {},
      h("h1", {}, t("nav.experiments")),
      live,
      h("a.button.primary", { href: "#/new" }, t("nav.new")),
    ),
    filters.element,
    problem,
    list,
    more,
    presets,
  );

  let [asked, drawn] = [0, 0];
  async function look() {
    const mine = (asked += 1);
    const [{ items, cursor }, error] = await listed({ ...wanted }, shown, signal).then(
      (found) => [found, null],
      (reason) => [{ items: [] }, reason],
    );
    if (mine < drawn) return; // a later question was answered sooner
    if (error && !error.errors?.some(({ parameter }) => FILTERS.includes(parameter))) throw error;
    drawn = mine;
    refused = Boolean(error);
    list.hidden = refused;
    problem.hidden = true;
    filters.showProblems(error?.errors ?? []);
    busy = items.some((each) => ["queued", "running"].includes(each.status));
    const filtered = Object.values(wanted).some(Boolean);
    redraw = () => draw(list, items, filtered);
    redraw();
    more.hidden = !cursor;
    if (items.length || filtered) show(presets);
    else await offerPresets(presets, signal);
  }

  function ask() {
    look().catch((error) => {
      if (signal.aborted) return;
      problem.hidden = false;
      setText(problem, error.message);
    });
  }

  await look();
  // What was last seen stays while the service is away; its stream tells when it is back.
  const lookSoon = throttle(LOOK_MILLISECONDS, () => !signal.aborted && !refused && look().catch(() => {}));
  follow("/v1/events", {
    signal,
    replay: false,
    onEvents: lookSoon,
    onState: (state) => setLive(live, state),
  });
  passTime(
    () => (busy ? lookSoon() : redraw()),
    () => busy,
    signal,
  );
  return t("nav.experiments");
}

/** The first so many experiments that are wanted, and the cursor of those after them. */
async function listed(wanted, most, signal) {
  const items = [];
  let cursor = null;
  do {
    const page = await get("/v1/experiments", { ...wanted, limit: Math.min(most - items.length, 100), cursor }, signal);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor && items.length < most);
  return { items, cursor };
}

/** Which experiments are listed, with what is wrong with a filter beside its field. */
class Filters {
  constructor(wanted, onChoose) {
    const states = ["", "queued", "running", "completed", "failed", "cancelled"];
    const search = (key, placeholder) => {
      const take = () => onChoose(key, input.value.trim());
      // Chromium's cross to empty the field tells of a search only.
      const input = h("input", { type: "search", placeholder, value: wanted[key], onChange: take, onSearch: take });
      return h("label.field", {}, h("span", {}, t(`experiments.${key}`)), input);
    };
    this.fields = {
      status: select(
        t("experiments.status"),
        states.map((each) => [each, each ? t(`status.${each}`) : t("experiments.any")]),
        wanted.status,
        (value) => onChoose("status", value),
      ),
      name: search("name", t("experiments.exactName")),
      tag: search("tag", "key:value"),
    };
    this.problems = Object.fromEntries(
      FILTERS.map((key) => [key, h("p.problem", { id: `filter-${key}-problem`, role: "alert", hidden: true })]),
    );
    this.element = h(
      "div.controls.filters",
      {},
      FILTERS.map((key) => h("div.field", {}, this.fields[key], this.problems[key])),
    );
  }

  showProblems(errors) {
    for (const [key, problem] of Object.entries(this.problems)) {
      const found = errors.find(({ parameter }) => parameter === key);
      const input = this.fields[key].querySelector("input, select");
      problem.hidden = !found;
      setText(problem, found ? (known(`experiments.bad.${key}`) ?? found.detail) : "");
      input.setAttribute("aria-invalid", String(Boolean(found)));
      input.setAttribute("aria-describedby", problem.id);
    }
  }
}

/** What no event tells: the time that is left inside a long epoch, and how long ago it all was. */
async function passTime(act, isBusy, signal) {
  while (!signal.aborted) {
    await sleep(isBusy() ? BUSY_MILLISECONDS : IDLE_MILLISECONDS, signal);
    if (!signal.aborted && !document.hidden) act();
  }
}

async function offerPresets(place, signal) {
  const offered = await find("/v1/presets", { limit: 1000 }, signal);
  if (offered?.items.length) show(place, h("h2", {}, t("presets.title")), presetCards(offered.items));
}

/** Rows are drawn again only where the answer changed, so that focus and selection last. */
function draw(list, items, filtered) {
  if (!items.length) {
    show(
      list,
      h(
        "div.card.empty",
        {},
        h("h2", {}, filtered ? t("experiments.noneFound") : t("experiments.none")),
        h("p", {}, filtered ? h("a", { href: "#/" }, t("experiments.all")) : t("experiments.start")),
      ),
    );
    return;
  }
  const old = new Map([...list.children].map((row) => [row.dataset.id, row]));
  const rows = items.map((experiment) => {
    const seen = JSON.stringify([experiment, Math.floor(Date.now() / 60_000)]);
    const row = old.get(experiment.id);
    if (row?.seen === seen) return row;
    const fresh = card(experiment);
    fresh.seen = seen;
    return fresh;
  });
  if (rows.length !== list.childElementCount || rows.some((row, at) => list.children[at] !== row)) {
    const focused = document.activeElement?.closest("[data-id]")?.dataset.id;
    list.replaceChildren(...rows);
    if (focused) list.querySelector(`[data-id="${CSS.escape(focused)}"] a`)?.focus();
  }
}

function card(experiment) {
  return h(
    "article.experiment",
    { "data-id": experiment.id },
    h(
      "div.what",
      {},
      h("a.title", { href: `#/experiments/${experiment.id}` }, experimentName(experiment)),
      h("span.tags", {}, tags(experiment.tags)),
    ),
    h("div.state", {}, status(experiment.status)),
    h("div.how", {}, progress(experiment), h("small.muted", {}, standing(experiment))),
    h(
      "time.muted",
      { datetime: experiment.created_at, title: utc(experiment.created_at) },
      when(experiment.created_at),
    ),
  );
}

/** How long ago it was; of what is older than a day, the date. */
function when(text) {
  return Date.now() - new Date(text) < 86_400_000 ? ago(text) : dateTime(text);
}
