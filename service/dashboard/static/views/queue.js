// The queue and the workers: who trains what since when, and who waits for how much.

import { all, get } from "../lib/api.js";
import { ago, gibibytes, moment, shortId, whole } from "../lib/format.js";
import { follow } from "../lib/stream.js";
import { t } from "../lib/text.js";
import { sleep, throttle } from "../lib/timing.js";
import { setConnection } from "../parts/badges.js";
import { BlockedNotice } from "../parts/blocked.js";
import { h, show } from "../parts/dom.js";
import { card, notice, scrollableTable } from "../parts/elements.js";
import { help } from "../parts/help.js";

const RELOAD_MILLISECONDS = 1_000;
/** No event tells that a worker came or went. */
const IDLE_MILLISECONDS = 5_000;
const WORKER_COLUMNS = ["worker", "device", "processor", "memory", "trains", "since", "seen"];
const CALLER_COLUMNS = ["caller", "queued", "running", "waiting"];

export async function view({ element, signal }) {
  const connection = h("span.live");
  const blocked = new BlockedNotice(signal);
  const [workers, callers] = [h("div"), h("div")];
  const load = async () => {
    const [queue, found] = await Promise.all([get("/v1/queue", {}, signal), all("/v1/workers", {}, signal)]);
    if (signal.aborted) return;
    blocked.show(queue);
    show(workers, found.length ? table("workers", WORKER_COLUMNS, found.map(workerRow)) : notice(t("queue.noWorkers")));
    show(
      callers,
      queue.callers.length ? table("callers", CALLER_COLUMNS, queue.callers.map(callerRow)) : notice(t("queue.empty")),
    );
  };
  show(
    element,
    h("div.heading", h("h1", t("nav.queue")), help("queue", t("nav.queue")), connection),
    blocked.element,
    card("workers-title", t("queue.workers"), workers),
    card("callers-title", t("queue.callers"), callers),
  );
  await load();
  keepUpToDate(load, signal, (state) => setConnection(connection, state));
  return t("nav.queue");
}

/** Load again after events, and as workers come and go; while the service is away, the last answer stays. */
async function keepUpToDate(load, signal, onState) {
  const reload = throttle(RELOAD_MILLISECONDS, () => !signal.aborted && load().catch(() => {}));
  follow("/v1/events", { signal, replay: false, onEvents: reload, onState });
  while (!signal.aborted) {
    await sleep(IDLE_MILLISECONDS, signal);
    if (!signal.aborted && !document.hidden) reload();
  }
}

function table(name, columns, rows) {
  const head = columns.map((column) => h("th", { scope: "col" }, t(`queue.${column}`)));
  return scrollableTable(t(`queue.${name}`), "table", h("thead", h("tr", head)), h("tbody", rows));
}

function workerRow(worker) {
  const { name, device, processor, memory_bytes: bytes, runs, experiment_ids: ids, busy_since: since } = worker;
  return h(
    "tr",
    h("th", { scope: "row" }, name),
    h("td", device),
    h("td", processor),
    h("td", gibibytes(bytes)),
    h("td", runs ? [t("runs.count", { n: runs, count: whole(runs) }), ids.map(experimentLink)] : t("queue.idle")),
    h("td", since && { title: moment(since) }, since && ago(since)),
    h("td", { title: moment(worker.seen_at) }, ago(worker.seen_at)),
  );
}

function experimentLink(id) {
  return [" ", h("a", { href: `#/experiments/${id}` }, `…${shortId(id)}`)];
}

function callerRow({ caller, queued, running, waiting_since: since }) {
  return h(
    "tr",
    h("th", { scope: "row" }, caller),
    h("td", whole(queued)),
    h("td", whole(running)),
    h("td", since && { title: moment(since) }, since && ago(since)),
  );
}
