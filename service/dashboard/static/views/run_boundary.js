// The decision boundary of a run, epoch by epoch: the class its network sees at each point of a plane.

import { epochName } from "../lib/format.js";
import { t } from "../lib/text.js";
import { h, setText, show } from "../parts/dom.js";
import { button, card, notice } from "../parts/elements.js";
import { Figure } from "../parts/figure.js";

const FEATURES = 2;

/** Return the panel; it is hidden without layer statistics or classes, and where there are other than two features.
 * @param layers the panel that knows which epochs have statistics */
export function boundaryPanel(live, axes, layers, signal) {
  const body = h("div.boundary", notice(t("boundary.waiting")));
  const element = card("boundary-title", t("boundary.title"), body);
  const { name, input_shape: own } = live.run.config.dataset; // uploaded data have a shape of their own
  const shape = own ?? axes.get("dataset").items.find((entry) => entry.name === name)?.dataset?.input_shape;
  const hasClasses = live.run.task !== "regression";
  element.hidden = shape?.join() !== String(FEATURES) || live.run.config.layer_statistics === "off" || !hasClasses;
  if (element.hidden) return { element, update: () => {} };
  const figure = new Figure({ alt: t("boundary.alt"), signal });
  const picture = h("div");
  const label = h("output");
  const slider = h("input.slider", {
    type: "range",
    min: 0,
    max: 0,
    step: 1,
    value: 0,
    "aria-label": t("boundary.epoch"),
    onInput: () => setPlaying(false),
  });
  let drawn = null; // the epoch that is shown
  let playing = false; // a film of all epochs
  const play = button("button.small", () => setPlaying(!playing), t("layers.play"));
  const setPlaying = (now) => {
    playing = now;
    setText(play, t(playing ? "layers.pause" : "layers.play"));
    if (playing) {
      drawn = null;
      setText(label, "");
      show(picture, figure.element);
      figure.show(`/v1/runs/${live.run.id}/figures/decision_boundary.gif`);
    } else draw();
  };
  const draw = async () => {
    const epoch = layers.epochs[Number(slider.value)];
    setText(label, epochName(epoch));
    slider.setAttribute("aria-valuetext", epochName(epoch));
    if (epoch === drawn) return;
    drawn = epoch;
    try {
      const { also_recorded } = await layers.load(epoch);
      if (drawn !== epoch) return; // the reader went on meanwhile
      const recorded = also_recorded.includes("decision_boundary");
      show(picture, recorded ? figure.element : notice(t("boundary.none")));
      if (recorded) figure.show(`/v1/runs/${live.run.id}/figures/decision_boundary.svg?epoch=${epoch}`);
    } catch (error) {
      if (!signal.aborted) show(picture, notice(error.message));
    }
  };
  const controls = h("div.controls", h("div.replay", play, slider, label));
  layers.whenLoaded((loaded) => {
    if (!loaded) return;
    const newest = slider.value === slider.max;
    slider.max = String(layers.epochs.length - 1);
    if (newest) slider.value = slider.max;
    if (!body.contains(slider)) show(body, [controls, picture]);
    play.hidden = layers.epochs.length < 2;
    if (!playing) draw();
  });
  return { element, update: () => {} };
}
