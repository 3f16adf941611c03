// All experiments, newest first; what is under way moves by itself.

import { get, find } from "../lib/api.js";
import { h, select, show } from "../lib/dom.js";
import { ago, moment } from "../lib/format.js";
import { sleep } from "../lib/stream.js";
import { t } from "../lib/text.js";
import { progress, standing, status, tags } from "../parts/badges.js";
import { presetCards } from "../parts/presets.js";

const PAGE = 50;
const LOOK_AGAIN_MILLISECONDS = 2_000;
const IDLE_MILLISECONDS = 8_000;

export async function view({ element, signal }) {
  const wanted = { status: "", tag: "", name: "" };
  const list = h("div.list");
  const more = h("button.ghost", { type: "button", hidden: true }, t("experiments.more"));
  let shown = PAGE;
  more.addEventListener("click", () => { shown += PAGE; look(); });
  const field = (key, placeholder) => h("label.field", {}, h("span", {}, t(`experiments.${key}`)),
    h("input", { type: "search", placeholder, onChange: (event) => { wanted[key] = event.target.value.trim(); look(); } }));
  const states = ["", "queued", "running", "completed", "failed", "cancelled"];
  const presets = h("div");
  show(element, h("div.heading", {}, h("h1", {}, t("nav.experiments")), h("a.button.primary", { href: "#/new" }, t("nav.new"))),
    h("div.controls", {},
      select(t("experiments.status"), states.map((each) => [each, each ? t(`status.${each}`) : t("experiments.any")]), "", (value) => { wanted.status = value; look(); }),
      field("name", t("experiments.exactName")), field("tag", "key:value")),
    list, more, presets);

  async function look() {
    const items = [];
    let cursor = null;
    do {
      const page = await get("/v1/experiments", { ...wanted, limit: Math.min(shown - items.length, 100), cursor }, signal);
      items.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor && items.length < shown);
    draw(list, items, Object.values(wanted).some(Boolean));
    more.hidden = !cursor;
    return items;
  }

  const items = await look();
  if (!items.length) {
    const offered = await find("/v1/presets", { limit: 1000 }, signal);
    if (offered?.items.length) show(presets, h("h2", {}, t("presets.title")), presetCards(offered.items));
  }
  keepLooking(look, signal);
  return t("nav.experiments");
}

async function keepLooking(look, signal) {
  let busy = true;
  while (!signal.aborted) {
    await sleep(busy ? LOOK_AGAIN_MILLISECONDS : IDLE_MILLISECONDS, signal);
    if (signal.aborted) return;
    if (document.hidden) continue;
    try {
      busy = (await look()).some((each) => ["queued", "running"].includes(each.status));
    } catch {
      busy = false; // the service is away: what was last seen stays, and the next look may succeed
    }
  }
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
