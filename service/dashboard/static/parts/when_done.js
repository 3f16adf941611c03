// The button that has the browser tell when an experiment has ended.

import { experimentName } from "../lib/format.js";
import { t } from "../lib/text.js";
import { whenDone } from "../lib/when_done.js";
import { statusName } from "./badges.js";
import { button } from "./elements.js";
import { progressText } from "./progress.js";

/** Return the button; null where the browser has no notifications. */
export function notifyButton(id, signal) {
  if (!("Notification" in window)) return null;
  const ask = async () => {
    if ((await Notification.requestPermission()) !== "granted") {
      element.textContent = t("notify.refused");
      return;
    }
    element.disabled = true;
    element.textContent = t("notify.will");
    const experiment = await whenDone(id, signal);
    if (!experiment) return;
    const body = `${statusName(experiment.status)}. ${progressText(experiment)}`;
    new Notification(experimentName(experiment), { body, icon: "/static/icon.svg", tag: id });
  };
  const element = button("button", ask, t("notify.ask"));
  return element;
}
