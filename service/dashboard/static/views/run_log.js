// The log of a run: its attempts, and its events.

import { all } from "../lib/api.js";
import { duration, moment, shortId } from "../lib/format.js";
import { EARLY_STOPPING, STATUS } from "../lib/statuses.js";
import { joined, t, translated } from "../lib/text.js";
import { statusName } from "../parts/badges.js";
import { h, show } from "../parts/dom.js";
import { apiText, card, notice, scrollable } from "../parts/elements.js";

export function attemptsPanel(live, signal) {
  const body = h("div", notice(t("run.noAttempt")));
  let drawn = null;
  const update = async () => {
    const { run } = live;
    const shown = `${run.attempt} ${run.status}`;
    if (shown === drawn || !run.attempt) return;
    drawn = shown;
    const attempts = await all(`/v1/runs/${run.id}/attempts`, {}, signal).catch(() => []);
    if (!signal.aborted) show(body, h("ol.attempts", attempts.map(attemptItem)));
  };
  return { element: card("attempts-title", t("run.attempts"), body), update };
}

function attemptItem({ attempt, worker, engine, started_at: start, ended_at: end, outcome, reason }) {
  const device = [engine?.device, engine?.threads && t("run.threads", { n: engine.threads })]
    .filter(Boolean)
    .join(", ");
  const took = end && ` · ${duration((Date.parse(end) - Date.parse(start)) / 1000)}`;
  return h(
    "li",
    h("b", t("run.attempt", { n: attempt })),
    " ",
    h("span.muted", worker, device && ` (${device})`),
    " ",
    h("span", outcome ? t(`outcome.${outcome}`) : statusName(STATUS.RUNNING)),
    h("small.muted", moment(start), took),
    reason && h("p.note", apiText(reason)),
  );
}

/** Return the events of a run in order; epochs without another event between them are one line. */
export function logPanel(live) {
  const list = h("ol.log");
  let drawn = null; // the number of events drawn
  const update = () => {
    if (live.events.length === drawn) return;
    drawn = live.events.length;
    const lines = [{ type: "run.queued", data: {}, at: live.run.created_at }, ...logLines(live.events)];
    const item = (line) => h("li", h("time.muted", { datetime: line.at }, moment(line.at)), " ", sentence(line));
    show(list, lines.map(item));
  };
  const title = t("run.log");
  return { element: card("log-title", title, scrollable(title, h("div.scroll.tall", list))), update };
}

function logLines(events) {
  const lines = [];
  for (const { type, data } of events) {
    const previous = lines.at(-1);
    if (type === "run.epoch" && previous?.type === type)
      Object.assign(previous, { to: data.epoch, at: data.created_at });
    else lines.push({ type, data, from: data.epoch, to: data.epoch, at: data.created_at });
  }
  return lines;
}

const SENTENCES = {
  "run.queued": () => t("log.queued"),
  "run.started": ({ data: { worker, attempt } }) => t("log.started", { worker, attempt }),
  "run.epoch": ({ from, to }) => (from === to ? t("log.epoch", { n: to }) : t("log.epochs", { from, to })),
  "run.requeued": ({ data: { outcome, reason } }) =>
    t("log.requeued", { outcome: t(`outcome.${outcome}`), reason: translated(reason) ?? reason ?? "" }),
  "run.finished": ({ data }) => finishedSentence(data),
};

/** Return what a line says; the type itself where the page does not know it. */
function sentence(line) {
  return SENTENCES[line.type]?.(line) ?? line.type;
}

function finishedSentence({ status, reused_from: twin, error, ended_by: endedBy, epoch, epochs }) {
  const early = endedBy === EARLY_STOPPING && t("log.stoppedEarly", { epoch, epochs });
  if (!twin)
    return [
      joined([early, t("log.finished", { status: statusName(status) })]),
      error ? ` ${translated(error) ?? error}` : "",
    ];
  const link = h("a", { href: `#/runs/${twin}` }, `…${shortId(twin)}`);
  return [joined([early, t("log.reused", { status: statusName(status) })]), " ", link];
}
