// All experiments, newest first; what is under way moves by itself.

import { get, find } from "../lib/api.js";
import { h, select, setText, show, throttle } from "../lib/dom.js";
import { ago, moment } from "../lib/format.js";
import { follow, sleep } from "../lib/stream.js";
import { t } from "../lib/text.js";
import { progress, standing, status, tags } from "../parts/badges.js";
import { presetCards } from "../parts/presets.js";

const PAGE = 50;
const LOOK_MILLISECONDS = 1_000;
const BUSY_MILLISECONDS = 10_000;
const IDLE_MILLISECONDS = 60_000;

export async function view({ element, signal }) {
  const wanted = { status: "", tag: "", name: "" };
  const list = h("div.list");
  const more = h("button.ghost", { type: "button", hidden: true }, t("experiments.more"));
  const live = h("span.live");
  const problem = h("p.problem", { role: "alert", hidden: true });
  let shown = PAGE;
  let busy = false;
  let redraw = () => {};
  more.addEventListener("click", () => { shown += PAGE; ask(); });
  const field = (key, placeholder) => h("label.field", {}, h("span", {}, t(`experiments.${key}`)),
    h("input", { type: "search", placeholder, onChange: (event) => { wanted[key] = event.target.value.trim(); ask(); } }));
  const states = ["", "queued", "running", "completed", "failed", "cancelled"];
  const presets = h("div");
  show(element, h("div.heading", {}, h("h1", {}, t("nav.experiments")), live, h("a.button.primary", { href: "#/new" }, t("nav.new"))),
    h("div.controls", {},
      select(t("experiments.status"), states.map((each) => [each, each ? t(`status.${each}`) : t("experiments.any")]), "", (value) => { wanted.status = value; ask(); }),
      field("name", t("experiments.exactName")), field("tag", "key:value")),
    problem, list, more, presets);

  let [asked, drawn] = [0, 0];
  async function look() {
    const mine = (asked += 1);
    const items = [];
    let cursor = null;
    do {
      const page = await get("/v1/experiments", { ...wanted, limit: Math.min(shown - items.length, 100), cursor }, signal);
      items.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor && items.length < shown);
    if (mine < drawn) return; // a later question was answered sooner
    drawn = mine;
    problem.hidden = true;
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
      show(problem, error.message, error.errors?.map((each) => ` ${each.detail}`));
    });
  }

  await look();
  // What was last seen stays while the service is away; its stream tells when it is back.
  const lookSoon = throttle(LOOK_MILLISECONDS, () => !signal.aborted && look().catch(() => {}));
  follow("/v1/events", {
    signal,
    replay: false,
    onEvents: lookSoon,
    onState(state) {
      live.dataset.state = state;
      setText(live, t(`live.${state}`));
    },
  });
  passTime(() => (busy ? lookSoon() : redraw()), () => busy, signal);
  return t("nav.experiments");
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
    show(list, h("div.card.empty", {}, h("h2", {}, filtered ? t("experiments.noneFound") : t("experiments.none")), filtered ? null : h("p", {}, t("experiments.start"))));
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
  return h("article.experiment", { "data-id": experiment.id },
    h("div.what", {}, h("a.title", { href: `#/experiments/${experiment.id}` }, experiment.name ?? t("experiment.unnamed")), h("span.tags", {}, tags(experiment.tags))),
    h("div.state", {}, status(experiment.status)),
    h("div.how", {}, progress(experiment), h("small.muted", {}, standing(experiment))),
    h("time.muted", { datetime: experiment.created_at, title: moment(experiment.created_at) }, ago(experiment.created_at)));
}
