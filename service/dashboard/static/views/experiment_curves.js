// The learning curves of an experiment: which metric, grouped and coloured by which axes.

import { h, select, show } from "../lib/dom.js";
import { meanCurves } from "../lib/mean.js";
import { t } from "../lib/text.js";
import { notice } from "../parts/badges.js";
import { Curves } from "../parts/curves.js";
import { Figure } from "../parts/figure.js";
import { metricName, metricOptions } from "../parts/metrics.js";

/** With more groups than this the first axis alone is shown at first. */
const CALM = 12;

export function curvesPanel(board, state, signal) {
  const chosen = { metric: "val_accuracy", colour: "", groups: startingGroups(state) };
  const curves = new Curves({ label: t("curves.title") });
  signal.addEventListener("abort", () => curves.destroy());
  const figure = new Figure({ alt: t("curves.title"), signal });
  const controls = h("div.controls");
  const body = h("div");
  const element = h(
    "section.card",
    { "aria-labelledby": "curves-title" },
    h("h2", { id: "curves-title" }, t("curves.title")),
    controls,
    body,
  );
  let known = "";

  function writeControls() {
    const options = metricOptions(board.histories.values());
    const written = JSON.stringify([options, state.many]);
    if (written === known) return;
    known = written;
    const log = h("input", { type: "checkbox", checked: curves.log, onChange: () => curves.setLog(log.checked) });
    const colours = [["", t("curves.byGroup")], ...state.many.map((axis) => [axis, t(`axis.${axis}`)])];
    show(
      controls,
      select(t("curves.metric"), options, chosen.metric, (value) => {
        chosen.metric = value;
        update();
      }),
      board.tooLarge
        ? null
        : [
            h(
              "fieldset.chips",
              {},
              h("legend", {}, t("curves.groupBy")),
              [...state.many, "seed"].map((axis) => {
                const box = h("input", {
                  type: "checkbox",
                  checked: chosen.groups.includes(axis),
                  onChange: () => {
                    chosen.groups = [...state.many, "seed"].filter((each) =>
                      each === axis ? box.checked : chosen.groups.includes(each),
                    );
                    update();
                  },
                });
                return h("label.chip", {}, box, t(`axis.${axis}`));
              }),
            ),
            select(t("curves.colourBy"), colours, chosen.colour, (value) => {
              chosen.colour = value;
              update();
            }),
            h("label.check", {}, log, t("curves.log")),
          ],
    );
  }

  function update() {
    writeControls();
    if (board.tooLarge) return drawPicture();
    if (![...board.histories.values()].some(({ epoch }) => epoch.length)) {
      show(body, notice(board.finished ? t("curves.nothing") : t("curves.waiting")));
      return;
    }
    if (!body.contains(curves.element)) show(body, curves.element);
    curves.update(lines());
  }

  function lines() {
    const { placed } = state;
    const labelOf = (run) => chosen.groups.map((axis) => placed.get(run.id)[axis]).join(" · ") || t("curves.allRuns");
    const { epochs, groups } = meanCurves([...board.runs.values()], board.histories, chosen.metric, labelOf);
    const drawn = groups.filter((group) => group.mean.some((value) => value !== null));
    const seeds = drawn.some((group) => group.counts.some((count) => count > 1));
    return {
      metric: chosen.metric,
      epochs,
      lines: coloured(drawn).map((line) => ({ ...line, runs: line.runs.length })),
      note: seeds ? t("curves.band") : "",
    };
  }

  /** Where lines are coloured by an axis, those of one value share its colour and differ in dashes. */
  function coloured(groups) {
    if (!chosen.colour) return groups;
    const values = new Map();
    return groups.map((group) => {
      const value = state.placed.get(group.runs[0].id)[chosen.colour];
      if (!values.has(value)) values.set(value, { colour: values.size, times: 0 });
      const found = values.get(value);
      found.times += 1;
      return { ...group, colour: found.colour, place: found.times - 1 };
    });
  }

  let drawn = "";
  function drawPicture() {
    const address = `/v1/experiments/${board.id}/figures/learning_curves.svg?metric=${chosen.metric}`;
    if (drawn === address + board.version) return;
    drawn = address + board.version;
    if (!body.contains(figure.element)) show(body, notice(t("curves.tooLarge")), figure.element);
    figure.image.alt = `${t("curves.title")}: ${metricName(chosen.metric)}`;
    figure.show(address);
  }

  return { element, update };
}

/** All axes that vary where that stays readable, else the one that stands for the question asked. */
function startingGroups({ placed, axes }) {
  const groups = new Set([...placed.values()].map((place) => axes.map((axis) => place[axis]).join("\n")));
  if (groups.size <= CALM) return axes;
  return [axes.includes("activation") ? "activation" : axes[0]];
}
