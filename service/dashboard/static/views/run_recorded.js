// What is recorded after a run's last epoch: a card that waits for the end, and is hidden where there is nothing.

import { hasEnded } from "../lib/statuses.js";
import { t } from "../lib/text.js";
import { h, show } from "../parts/dom.js";
import { card, notice } from "../parts/elements.js";

/** Return the panel of what the API's answer with layer statistics calls `name`.
 * @param layers the panel that knows what is recorded with them
 * @param draw   called with the card's body once the run has ended */
export function recordedPanel(name, live, layers, draw) {
  const waiting = () => notice(t(`${name}.waiting`));
  const body = h("div.outputs", waiting());
  const element = card(`${name}-title`, t(`${name}.title`), body);
  const neverRecorded = live.run.config.layer_statistics === "off" || live.run.task === "regression";
  element.hidden = neverRecorded;
  let drawn = false;
  layers.whenLoaded((newest) => {
    if (!hasEnded(live.run)) return;
    element.hidden = !newest?.also_recorded.includes(name);
    if (element.hidden || drawn) return;
    drawn = true;
    draw(body);
  });
  const update = () => {
    if (hasEnded(live.run) || neverRecorded) return;
    element.hidden = false; // a run that is tried again
    if (drawn) show(body, waiting());
    drawn = false;
  };
  return { element, update };
}
