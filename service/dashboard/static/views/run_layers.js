// Why a run behaves as it does: its diagnosis, and its layers epoch by epoch.

import { get } from "../lib/api.js";
import { ENDED } from "../lib/board.js";
import { announce, h, reachable, select, setText, show, throttle } from "../lib/dom.js";
import { significant } from "../lib/format.js";
import { sleep } from "../lib/stream.js";
import { known, t } from "../lib/text.js";
import { notice, verdict, verdictName } from "../parts/badges.js";
import { hasValues, QUANTITIES, rangeOf, violins } from "../parts/violins.js";

const FRAME_MILLISECONDS = 450;
const MOST_FINDINGS = 8;
const MOST_LOADED = 100;
/** Of what the table gives the standard deviation. */
const SPREADS = ["z", "activation", "gradient"];
/** Findings that condemn nothing. */
const REMARKS = ["dying", "plateau", "clipping_active"];

/** The diagnosis in sentences, each pointing at its layer. */
export function diagnosisPanel(state, point) {
  const body = h("div");
  let seen = null;
  const update = () => {
    const { run } = state;
    const told = run.diagnosis;
    const now = `${run.status} ${JSON.stringify(told)}`;
    if (now === seen) return;
    seen = now;
    if (!told?.verdict && !told?.findings.length) {
      show(body, notice(ENDED.has(run.status) ? t("diagnosis.none") : t("diagnosis.waiting")));
      return;
    }
    point.mark(told.findings);
    show(
      body,
      told.verdict ? h("p.lead", {}, verdict(told.verdict), " ", known(`verdict.${told.verdict}.about`)) : null,
      findings(told.findings.slice(0, MOST_FINDINGS), point),
      told.findings.length > MOST_FINDINGS
        ? h(
            "details",
            {},
            h("summary", {}, t("diagnosis.more", { n: told.findings.length - MOST_FINDINGS })),
            findings(told.findings.slice(MOST_FINDINGS), point),
          )
        : null,
    );
  };
  return {
    element: h(
      "section.card",
      { "aria-labelledby": "diagnosis-title" },
      h("h2", { id: "diagnosis-title" }, t("diagnosis.title")),
      body,
    ),
    update,
  };
}

function findings(list, point) {
  return h(
    "ul.findings",
    {},
    list.map((finding) =>
      h(
        REMARKS.includes(finding.kind) ? "li.remark" : "li",
        {},
        h("p", {}, h("b", {}, verdictName(finding.kind)), " — ", finding.explanation),
        h(
          "p.evidence",
          {},
          finding.layer &&
            h(
              "button.tag",
              { type: "button", onClick: () => point.open(finding) },
              t("diagnosis.layer", { layer: finding.layer }),
            ),
          h("span.tag", {}, finding.epoch === 0 ? t("layers.initial") : t("curves.epoch", { n: finding.epoch })),
          h(
            "span.muted",
            {},
            t("diagnosis.value", { value: significant(finding.value), threshold: significant(finding.threshold) }),
          ),
        ),
      ),
    ),
  );
}

/** Layer statistics with a slider over epochs; play shows the network learn. */
export function layersPanel(state, signal) {
  const cache = new Map(); // by epoch
  const shown = { epochs: [], at: 0, quantity: "", same: true, layer: null, marked: [], following: true };
  const stage = h("div.violin-grid");
  const slider = h("input.slider", {
    type: "range",
    min: 0,
    max: 0,
    step: 1,
    value: 0,
    "aria-label": t("layers.epoch"),
    onInput: () => {
      shown.following = false;
      move(Number(slider.value));
    },
  });
  const label = h("output");
  const play = h("button.small", { type: "button", onClick: replay }, t("layers.play"));
  const facts = reachable(t("layers.title"), h("div.scroll"));
  const same = h("input", {
    type: "checkbox",
    checked: true,
    onChange: () => {
      shown.same = same.checked;
      draw();
    },
  });
  const controls = h(
    "div.controls",
    {},
    h("div.replay", {}, play, slider, label),
    select(
      t("layers.show"),
      [["", t("layers.all")], ...QUANTITIES.map((name) => [name, t(`layers.${name}`)])],
      "",
      (value) => {
        shown.quantity = value;
        draw();
      },
    ),
    h("label.check", {}, same, t("layers.sameScale")),
  );
  const body = h("div", {}, notice(t("layers.waiting")));
  const element = h(
    "section.card",
    { "aria-labelledby": "layers-title", tabindex: "-1" },
    h("h2", { id: "layers-title" }, t("layers.title")),
    body,
  );
  document.addEventListener("theme-changed", draw, { signal });
  const resized = new ResizeObserver(throttle(100, () => !signal.aborted && widthOf(stage) !== shown.width && draw()));
  resized.observe(stage);
  signal.addEventListener("abort", () => resized.disconnect());

  async function load(epoch) {
    if (!cache.has(epoch)) {
      cache.set(epoch, await get(`/v1/runs/${state.run.id}/layers`, { epoch }, signal));
    }
  }

  /** Before they are played, so that all are on one scale from the first. */
  async function loadSome() {
    for (const epoch of shown.epochs.slice(0, MOST_LOADED)) {
      if (!signal.aborted) await load(epoch).catch(() => {});
    }
  }

  let seen = null;
  async function update() {
    const now = `${state.run.epoch} ${state.run.status}`;
    if (now === seen) return;
    seen = now;
    const off = state.run.config.layer_statistics === "off";
    if (off || !state.run.diagnosis?.verdict) {
      // a verdict rests on layer statistics
      show(body, notice(off ? t("layers.off") : ENDED.has(state.run.status) ? t("layers.none") : t("layers.waiting")));
      return;
    }
    try {
      const last = await get(`/v1/runs/${state.run.id}/layers`, {}, signal);
      cache.set(last.epoch, last);
      shown.epochs = last.epochs_available;
      if (!body.contains(stage)) show(body, controls, stage, facts, h("p.note", {}, t("layers.note")));
      slider.max = String(shown.epochs.length - 1);
      play.hidden = shown.epochs.length < 2;
      await move(shown.following ? shown.epochs.length - 1 : shown.at);
    } catch (error) {
      if (!signal.aborted) show(body, notice(error.message));
    }
  }

  async function move(at) {
    shown.at = Math.max(0, Math.min(at, shown.epochs.length - 1));
    slider.value = String(shown.at);
    const epoch = shown.epochs[shown.at];
    setText(label, epoch === 0 ? t("layers.initial") : t("curves.epoch", { n: epoch }));
    slider.setAttribute("aria-valuetext", label.textContent);
    await load(epoch);
    if (!signal.aborted) draw();
  }

  function draw() {
    const answer = cache.get(shown.epochs[shown.at]);
    if (!answer) return;
    stage.classList.toggle("single", Boolean(shown.quantity));
    shown.width = widthOf(stage);
    const quantities = shown.quantity ? [shown.quantity] : QUANTITIES;
    const everything = [...cache.values()].flatMap((each) => each.layers);
    show(
      stage,
      quantities.map((quantity) =>
        h(
          "figure",
          {},
          h("figcaption", {}, t(`layers.${quantity}`), " ", h("small.muted", {}, t(`layers.${quantity}.about`))),
          violins(answer.layers, quantity, {
            range: shown.same ? rangeOf(everything, quantity) : null,
            marked: marked(),
            width: shown.width,
            open: look,
          }),
        ),
      ),
    );
    show(facts, figures(answer.layers, shown, look));
  }

  /** Mark one layer, or all again that a finding points at. */
  function look(layer) {
    shown.layer = shown.layer === layer ? null : layer;
    const focused = facts.contains(document.activeElement);
    draw();
    if (focused) facts.querySelector(`[data-layer="${CSS.escape(layer)}"]`)?.focus();
  }

  function marked() {
    return shown.layer ? [shown.layer] : shown.marked;
  }

  let playing = false;
  async function replay() {
    playing = !playing;
    setText(play, playing ? t("layers.pause") : t("layers.play"));
    if (playing) await loadSome();
    if (playing && shown.at === shown.epochs.length - 1) await move(0);
    while (playing && !signal.aborted && shown.at < shown.epochs.length - 1) {
      shown.following = false;
      await sleep(FRAME_MILLISECONDS, signal);
      if (playing) await move(shown.at + 1);
    }
    playing = false;
    setText(play, t("layers.play"));
  }

  const point = {
    mark(findings) {
      shown.marked = findings.map((each) => each.layer).filter(Boolean);
      draw();
    },
    /** Go to the layer and the epoch that a finding speaks of. */
    open(finding) {
      shown.layer = finding.layer;
      shown.following = false;
      const at = shown.epochs.findLastIndex((epoch) => epoch <= (finding.epoch ?? Infinity));
      if (shown.epochs.length) move(Math.max(0, at));
      announce(t("diagnosis.layer", { layer: finding.layer }));
      element.scrollIntoView({ behavior: "smooth", block: "start" });
      element.focus({ preventScroll: true });
    },
  };
  return { element, update, point };
}

/** How wide a picture in the grid is, so that its text is as large as the page's. */
function widthOf(stage) {
  return Math.max(240, Math.floor(parseFloat(getComputedStyle(stage).gridTemplateColumns)) || 0);
}

/** The numbers of each layer, for those who want them exactly. */
function figures(layers, shown, look) {
  const share = (value) => (value === null || value === undefined ? "–" : `${(100 * Number(value)).toFixed(1)}%`);
  const numbers = (layer) => {
    if (!SPREADS.some((name) => hasValues(layer, name)))
      return h("td.number.muted", { colspan: String(SPREADS.length + 2) }, t("layers.notFinite"));
    // Units whose z-values are not finite are neither dead nor saturated.
    const shares = hasValues(layer, "z") ? [layer.dead_fraction, layer.saturated_fraction] : [null, null];
    return [...SPREADS.map((name) => (layer[name] ? significant(layer[name].std) : "–")), ...shares.map(share)].map(
      (text) => h("td.number", {}, text),
    );
  };
  return h(
    "table",
    {},
    h("caption.unseen", {}, t("layers.title")),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        [
          t("layers.layer"),
          ...SPREADS.map((name) => `${t(`layers.${name}`)} std`),
          t("layers.dead"),
          t("layers.saturated"),
        ].map((name, at) => h(at ? "th.number" : "th", { scope: "col" }, name)),
      ),
    ),
    h(
      "tbody",
      {},
      layers.map((layer) =>
        h(
          layer.name === shown.layer ? "tr.marked" : "tr",
          {},
          h(
            "th",
            { scope: "row" },
            h(
              "button.plain",
              {
                type: "button",
                "data-layer": layer.name,
                "aria-pressed": String(layer.name === shown.layer),
                onClick: () => look(layer.name),
              },
              layer.name,
            ),
          ),
          numbers(layer),
        ),
      ),
    ),
  );
}
