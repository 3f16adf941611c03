// Files to take away: buttons behind one word, so that they are there and not in the way.

import { send } from "../lib/api.js";
import { t } from "../lib/text.js";
import { download, h, setText } from "./dom.js";
import { button } from "./elements.js";

/**
 * Return a menu of downloads.
 *
 * @param actions by the name of what is saved: functions that save it; what one throws is shown as its sentence
 */
export function downloads(actions) {
  const problem = h("p.problem", { role: "alert", hidden: true });
  const run = (action) => async () => {
    problem.hidden = true;
    try {
      await action();
      menu.open = false;
    } catch (error) {
      problem.hidden = false;
      setText(problem, error.message);
    }
  };
  const items = Object.entries(actions).map(([name, action]) => button("button.small", run(action), name));
  const menu = h("details.menu", h("summary", t("download.label")), h("div.items", items, problem));
  return menu;
}

/** Save what the API answers at an address. */
export async function saveFrom(path, { name, headers = {}, signal }) {
  const response = await send(path, { headers: { accept: "*/*", ...headers }, signal });
  download(await response.blob(), name);
}

/** Save a text. */
export function saveText(text, name, type) {
  download(new Blob([text], { type: `${type};charset=utf-8` }), name);
}
