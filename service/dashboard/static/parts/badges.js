// Small marks: statuses, connections, tags. Never by colour alone: each status has a sign and a word.

import { STATUS } from "../lib/statuses.js";
import { t } from "../lib/text.js";
import { h, setText } from "./dom.js";

const SIGNS = {
  [STATUS.QUEUED]: "○",
  [STATUS.RUNNING]: "◐",
  [STATUS.COMPLETED]: "●",
  [STATUS.DIVERGED]: "▲",
  [STATUS.FAILED]: "✕",
  [STATUS.CANCELLED]: "⊘",
};

/** Return a badge of a run's or an experiment's status. */
export function statusBadge(status) {
  return h(`span.badge.${status}`, h("span", { "aria-hidden": "true" }, SIGNS[status] ?? "·"), " ", statusName(status));
}

export function statusName(status) {
  return t(`status.${status}`);
}

/** Show a status in an element, only where it changed. */
export function setStatus(element, status) {
  if (element.dataset.status === status) return;
  element.dataset.status = status;
  element.replaceChildren(statusBadge(status));
}

/** Show in a `span.live` how its view is connected: "live", "waiting" or "over". */
export function setConnection(element, connection) {
  element.dataset.state = connection;
  setText(element, t(`live.${connection}`));
}

/** Return the tags of an experiment. */
export function tags(byKey) {
  return Object.entries(byKey ?? {}).map(([key, value]) => h("span.tag", value ? `${key}: ${value}` : key));
}
