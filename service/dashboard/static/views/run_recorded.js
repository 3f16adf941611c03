// What is recorded after a run's last epoch: a card that waits for the end, and is hidden where there is nothing.

import { hasEnded } from "../lib/statuses.js";
import { h, show } from "../parts/dom.js";
import { card, notice } from "../parts/elements.js";

/**
 * Return the panel of what the API's answer with layer statistics calls `name`.
 * @param texts  the panel's title, and what stands there until the run has ended
 * @param layers the panel that knows what is recorded
 * @param draw   called with the card's body once the run has ended
 */
export function recordedPanel(name, { title, waiting }, live, layers, draw) {
  const body = h("div.outputs", notice(waiting));
  const element = card(`${name}-title`, title, body);
  const neverRecorded = live.run.config.layer_statistics === "off" || live.run.task === "regression";
  element.hidden = neverRecorded;
  let drawn = false;
  layers.whenLoaded((newest) => {
    if (!hasEnded(live.run)) return;
    element.hidden = !newest?.also_recorded.includes(name);
    if (element.hidden || drawn) return;
    drawn = true;
    show(body); // it is drawn once it is in view
    draw(body);
  });
  const update = () => {
    if (hasEnded(live.run) || neverRecorded) return;
    element.hidden = false; // a run that is tried again
    if (drawn) show(body, notice(waiting));
    drawn = false;
  };
  return { element, update };
}
