// One run: curves, layers, diagnosis, configuration, attempts, and what happened to it.

import { find, get, post } from "../lib/api.js";
import { ENDED, record } from "../lib/board.js";
import { AXES, catalog, places } from "../lib/catalog.js";
import { h, select, setText, show, throttle } from "../lib/dom.js";
import { duration, shortId, showValue } from "../lib/format.js";
import { follow } from "../lib/stream.js";
import { t } from "../lib/text.js";
import { notice, setLive, setStatus, verdict, verdictOf } from "../parts/badges.js";
import { configuration } from "../parts/configuration.js";
import { Curves } from "../parts/curves.js";
import { metricName } from "../parts/metrics.js";
import { choose, chosen } from "../parts/tray.js";
import { boundaryCard } from "./run_boundary.js";
import { diagnosisPanel, layersPanel } from "./run_layers.js";
import { attemptsCard, logCard } from "./run_log.js";

const PAIRS = [
  ["accuracy", "val_accuracy"],
  ["loss", "val_loss"],
  ["gradient_norm"],
  ["clipped_fraction"],
  ["learning_rate"],
  ["epoch_seconds"],
];

export async function view({ element, rest, signal }) {
  const id = rest[0];
  const [run, history, axes] = await Promise.all([
    get(`/v1/runs/${id}`, {}, signal),
    get(`/v1/runs/${id}/history`, {}, signal),
    catalog(),
  ]);
  const experiment = await find(`/v1/experiments/${run.experiment_id}`, {}, signal);
  const state = {
    run,
    experiment,
    name: nameOf(run, experiment, axes),
    histories: new Map([[id, history]]),
    events: [],
    connection: "over",
  };
  const header = head(state, signal);
  const curves = curvesCard(state, signal);
  const layers = layersPanel(state, signal);
  const diagnosis = diagnosisPanel(state, layers.point);
  const boundary = boundaryCard(state, axes, signal);
  const attempts = attemptsCard(state, signal);
  const log = logCard(state);
  show(
    element,
    header.element,
    h(
      "div.grid",
      {},
      h("div.main", {}, diagnosis.element, curves.element, boundary.element, layers.element),
      h(
        "div.side",
        {},
        card("config-title", t("run.config"), configuration(run.config)),
        attempts.element,
        log.element,
      ),
    ),
  );
  const draw = () => [header, curves, diagnosis, boundary, layers, attempts, log].forEach((each) => each.update());
  draw();
  live(state, signal, draw);
  return t("run.title", { name: state.name });
}

export function card(id, title, ...children) {
  return h("section.card", { "aria-labelledby": id }, h("h2", { id }, title), children);
}

/** A run is called by what its experiment varies, and where that is nothing, by the two axes asked for most. */
function nameOf(run, experiment, axes) {
  const place = places(axes, [run]).get(run.id);
  const varied = AXES.filter((axis) => Array.isArray(experiment?.spec[axis]) && experiment.spec[axis].length > 1);
  const told = varied.length || run.label ? varied : ["activation", "initializer"];
  return [run.label, ...told.map((axis) => place[axis]), t("run.seed", { seed: run.seed })].filter(Boolean).join(" · ");
}

/** Follow the run's events from its first one; they are its log, too. */
function live(state, signal, draw) {
  const { id } = state.run;
  const loadedAt = Date.now() - 2_000;
  const drawSoon = throttle(250, draw);
  const reload = throttle(600, async () => {
    try {
      state.run = await get(`/v1/runs/${id}`, {}, signal);
      const history = await get(`/v1/runs/${id}/history`, {}, signal);
      state.histories.set(id, history);
      draw();
    } catch {
      // The stream reconnects, and the next event asks again.
    }
  });
  follow(`/v1/runs/${id}/events`, {
    signal,
    onEvents(events) {
      for (const { type, data } of events) {
        const fresh = Date.parse(data.created_at) > loadedAt;
        if (type === "run.progress") {
          state.run.fraction = data.fraction;
          continue;
        }
        state.events.push({ type, data });
        if (type === "run.epoch") {
          record(state.histories, id, data);
          if (fresh) Object.assign(state.run, { status: "running", epoch: data.epoch, fraction: 0 });
        } else if (fresh) reload();
      }
      drawSoon();
    },
    onState(connection) {
      state.connection = connection;
      drawSoon();
    },
  });
}

function head(state, signal) {
  const { run } = state;
  const badge = h("span");
  const live = h("span.live");
  const told = h("span");
  const facts = h("dl.facts");
  const bar = h("i.running");
  const error = h("p.problem", { role: "alert", hidden: true });
  const cancel = h(
    "button",
    {
      type: "button",
      onClick: async () => {
        try {
          state.run = await post(`/v1/runs/${run.id}/cancel`, undefined, {}, signal);
          update();
        } catch (failure) {
          error.hidden = false;
          setText(error, failure.message);
        }
      },
    },
    t("run.cancel"),
  );
  const isChosen = () => chosen().includes(run.id);
  const compare = h(
    "button",
    {
      type: "button",
      onClick: () => {
        choose(run.id, !isChosen());
        setText(compare, t(isChosen() ? "run.uncompare" : "run.compare"));
      },
    },
    t(isChosen() ? "run.uncompare" : "run.compare"),
  );
  const update = () => {
    const { run: now, connection } = state;
    const over = ENDED.has(now.status);
    setStatus(badge, now.status);
    setLive(live, over ? "over" : connection);
    show(told, verdictOf(now) ? verdict(verdictOf(now)) : null);
    bar.className = now.status;
    bar.style.width = `${100 * Math.min(1, (now.epoch + (now.fraction ?? 0)) / Math.max(1, now.epochs))}%`;
    cancel.hidden = over;
    error.hidden = !now.error;
    if (now.error) setText(error, now.error);
    show(
      facts,
      factsOf(now).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
    );
  };
  const element = h(
    "header.top",
    {},
    h(
      "p.crumbs",
      {},
      h("a", { href: "#/" }, t("nav.experiments")),
      " / ",
      h("a", { href: `#/experiments/${run.experiment_id}` }, state.experiment?.name ?? t("run.experiment")),
    ),
    h("div.heading", {}, h("h1", {}, state.name), badge, told, live),
    h("div.bar", {}, h("div.progress", { "aria-hidden": "true" }, bar)),
    error,
    facts,
    h("div.actions", {}, cancel, compare),
  );
  return { element, update };
}

function factsOf(run) {
  const facts = [[t("runs.epoch"), `${run.epoch} / ${run.epochs}`]];
  for (const name of ["val_accuracy", "val_loss", "test_accuracy"]) {
    if (run.final?.[name] !== null && run.final?.[name] !== undefined)
      facts.push([metricName(name), showValue(name, run.final[name])]);
  }
  if (run.best)
    facts.push([
      t("run.best"),
      `${showValue("val_accuracy", run.best.val_accuracy)} (${t("curves.epoch", { n: run.best.epoch })})`,
    ]);
  if (run.worker) facts.push([t("run.worker"), `${run.worker}${run.device ? ` (${run.device})` : ""}`]);
  if (run.started_at && run.finished_at)
    facts.push([t("run.took"), duration((Date.parse(run.finished_at) - Date.parse(run.started_at)) / 1000)]);
  if (run.reused_from)
    facts.push([t("run.reused"), h("a", { href: `#/runs/${run.reused_from}` }, `…${shortId(run.reused_from)}`)]);
  facts.push(["id", h("code", {}, run.id)]);
  return facts;
}

function curvesCard(state, signal) {
  let pair = PAIRS[0];
  const curves = new Curves({ label: t("curves.title"), height: 260 });
  signal.addEventListener("abort", () => curves.destroy());
  const log = h("input", { type: "checkbox", onChange: () => curves.setLog(log.checked) });
  const options = PAIRS.map((names, at) => [String(at), names.map(metricName).join(", ")]);
  const body = h("div");
  const controls = h(
    "div.controls",
    {},
    select(t("curves.metric"), options, "0", (value) => {
      pair = PAIRS[Number(value)];
      update();
    }),
    h("label.check", {}, log, t("curves.log")),
  );
  const update = () => {
    const { epoch, metrics } = state.histories.get(state.run.id);
    const drawn = pair.filter((name) => metrics[name]?.some((value) => Number.isFinite(Number(value))));
    if (!epoch.length || !drawn.length) {
      show(body, notice(ENDED.has(state.run.status) ? t("curves.nothing") : t("curves.waiting")));
      return;
    }
    if (!body.contains(curves.element)) show(body, curves.element);
    const lines = drawn.map((name) => {
      const mean = metrics[name].map((value) =>
        value !== null && Number.isFinite(Number(value)) ? Number(value) : null,
      );
      return { label: metricName(name), runs: 1, diverged: 0, mean, low: mean, high: mean };
    });
    curves.update({ metric: pair[0], epochs: epoch, lines, note: "" });
  };
  return { element: card("run-curves", t("curves.title"), controls, body), update };
}
