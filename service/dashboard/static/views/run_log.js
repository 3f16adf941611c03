// What happened to a run: its attempts, and its changes of state.

import { all } from "../lib/api.js";
import { h, reachable, show } from "../lib/dom.js";
import { duration, moment, shortId } from "../lib/format.js";
import { t } from "../lib/text.js";
import { notice } from "../parts/badges.js";

export function attemptsCard(state, signal) {
  const body = h("div", {}, notice(t("run.noAttempt")));
  let seen = null;
  const update = async () => {
    const { run } = state;
    const now = `${run.attempt} ${run.status}`;
    if (now === seen || !run.attempt) return;
    seen = now;
    const attempts = await all(`/v1/runs/${run.id}/attempts`, {}, signal).catch(() => []);
    if (!signal.aborted) show(body, h("ol.attempts", {}, attempts.map(attempt)));
  };
  const element = h(
    "section.card",
    { "aria-labelledby": "attempts-title" },
    h("h2", { id: "attempts-title" }, t("run.attempts")),
    body,
  );
  return { element, update };
}

function attempt({ attempt: number, worker, engine, started_at: start, ended_at: end, outcome, reason }) {
  const on = [engine?.device, engine?.threads && t("run.threads", { n: engine.threads })].filter(Boolean).join(", ");
  return h(
    "li",
    {},
    h("b", {}, t("run.attempt", { n: number })),
    " ",
    h("span.muted", {}, worker, on && ` (${on})`),
    " ",
    h("span", {}, outcome ? t(`outcome.${outcome}`) : t("status.running")),
    h("small.muted", {}, moment(start), end && ` · ${duration((Date.parse(end) - Date.parse(start)) / 1000)}`),
    reason && h("p.note", {}, reason),
  );
}

/** What happened, in order; epochs between two changes of state are one line. */
export function logCard(state) {
  const list = h("ol.log");
  let drawn = -1;
  const update = () => {
    if (state.events.length === drawn) return;
    drawn = state.events.length;
    const lines = [{ type: "run.queued", data: {}, at: state.run.created_at }];
    for (const { type, data } of state.events) {
      const last = lines.at(-1);
      if (type === "run.epoch" && last.type === type) Object.assign(last, { to: data.epoch, at: data.created_at });
      else lines.push({ type, data, from: data.epoch, to: data.epoch, at: data.created_at });
    }
    show(
      list,
      lines.map((line) => h("li", {}, h("time.muted", { datetime: line.at }, moment(line.at)), " ", sentence(line))),
    );
  };
  const element = h(
    "section.card",
    { "aria-labelledby": "log-title" },
    h("h2", { id: "log-title" }, t("run.log")),
    reachable(t("run.log"), h("div.scroll.tall", {}, list)),
  );
  return { element, update };
}

function sentence({ type, data, from, to }) {
  switch (type) {
    case "run.queued":
      return t("log.queued");
    case "run.started":
      return t("log.started", { worker: data.worker, attempt: data.attempt });
    case "run.epoch":
      return from === to ? t("log.epoch", { n: to }) : t("log.epochs", { from, to });
    case "run.requeued":
      return t("log.requeued", { outcome: t(`outcome.${data.outcome}`), reason: data.reason ?? "" });
    case "run.finished":
      return finished(data);
    default:
      return type;
  }
}

function finished({ status, reused_from: twin, error }) {
  if (twin)
    return [
      t("log.reused", { status: t(`status.${status}`) }),
      " ",
      h("a", { href: `#/runs/${twin}` }, `…${shortId(twin)}`),
    ];
  return `${t("log.finished", { status: t(`status.${status}`) })}${error ? ` ${error}` : ""}`;
}
