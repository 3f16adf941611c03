// The `?` beside a title: it opens the documentation where it explains what stands below.

import { helpAddress } from "../lib/help.js";
import { t } from "../lib/text.js";
import { h } from "./dom.js";

/**
 * Return the `?` of a view or section; null where nothing explains it.
 *
 * @param topic the name of the view, or the id of the section's title
 * @param what  the title, for screen readers
 */
export function help(topic, what) {
  const href = helpAddress(topic);
  if (href === null) return null;
  return h("a.help", { href, target: "_blank", hreflang: "en", "aria-label": t("help.about", { what }) }, "?");
}
