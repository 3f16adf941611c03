// The head of an experiment's view: its name, status, progress and actions.

import { apiKey, post, send } from "../lib/api.js";
import { experimentName, moment, utc } from "../lib/format.js";
import { t } from "../lib/text.js";
import { setConnection, setStatus, statusName, tags } from "../parts/badges.js";
import { announce, h, setText, show } from "../parts/dom.js";
import { downloads, saveFrom } from "../parts/downloads.js";
import { button } from "../parts/elements.js";
import { progressBar, progressText } from "../parts/progress.js";

/** The name under which the API stores what is submitted without a key from this machine. */
const LOCAL_USER = "local";
const FILE_NAME_LENGTH = 60;

export function headerPanel(live, signal) {
  const { id, description, tags: byKey, created_by: user, created_at: createdAt } = live.experiment;
  const status = h("span");
  const connection = h("span.live");
  const bar = h("div.bar");
  const words = h("span.progress-text");
  const actions = actionButtons(live, signal, () => update());
  let announced = live.experiment.status;
  const update = () => {
    const { experiment } = live;
    setStatus(status, experiment.status);
    setConnection(connection, live.finished ? "over" : live.connection);
    show(bar, progressBar(experiment));
    setText(words, progressText(experiment));
    actions.update();
    if (announced !== experiment.status) announce(`${statusName(experiment.status)}. ${progressText(experiment)}`);
    announced = experiment.status;
  };
  const submitted = user === LOCAL_USER && !apiKey() ? "experiment.at" : "experiment.by";
  const element = h(
    "header.top",
    h("p.crumbs", h("a", { href: "#/" }, t("nav.experiments"))),
    h(
      "div.heading",
      h("h1", experimentName(live.experiment)),
      status,
      connection,
      h("span.tags", tags(byKey)),
      actions.element,
    ),
    description ? h("p.description", description) : null,
    bar,
    h(
      "div.facts-line",
      words,
      h("span.muted", { title: utc(createdAt) }, t(submitted, { by: user, at: moment(createdAt) })),
      h("code.muted", id),
    ),
  );
  return { element, update };
}

/** @param onChange called after an action changed the experiment */
function actionButtons(live, signal, onChange) {
  const path = `/v1/experiments/${live.id}`;
  const problem = h("p.problem", { role: "alert", hidden: true });
  const act = (action) => async () => {
    problem.hidden = true;
    try {
      await action();
    } catch (error) {
      if (signal.aborted) return;
      problem.hidden = false;
      setText(problem, error.message);
    }
  };
  const cancelAll = act(async () => {
    live.experiment = await post(`${path}/cancel`);
    onChange();
  });
  const retryAll = act(async () => {
    await post(`${path}/retry`);
    dispatchEvent(new HashChangeEvent("hashchange")); // enters the view again, with the runs queued
  });
  const remove = act(async () => {
    if (!confirm(t("experiment.reallyDelete"))) return;
    await send(path, { method: "DELETE" });
    location.hash = "#/";
  });
  const save = (type, extension) => () => saveHistories(live.experiment, type, extension, signal);
  const cancel = button("button", cancelAll, t("experiment.cancel"));
  const retry = button("button", retryAll, t("experiment.retry"));
  const deleteButton = button("button.danger", remove, t("experiment.delete"));
  const update = () => {
    const { failed, cancelled } = live.experiment.runs;
    cancel.hidden = live.finished;
    retry.hidden = !(failed || cancelled);
    deleteButton.hidden = !live.finished;
  };
  const actions = h(
    "div.actions",
    cancel,
    retry,
    downloads({
      [t("experiment.csv")]: save("text/csv", "csv"),
      [t("experiment.parquet")]: save("application/vnd.apache.parquet", "parquet"),
    }),
    h("a.button", { href: `#/new?from=${live.id}` }, t("experiment.again")),
    deleteButton,
  );
  return { element: h("div.end", actions, problem), update };
}

function saveHistories({ id, name }, type, extension, signal) {
  const safeName = (name ?? "experiment").replace(/[^\w.-]+/g, "_").slice(0, FILE_NAME_LENGTH);
  const file = { name: `${safeName}.${extension}`, headers: { accept: type }, signal };
  return saveFrom(`/v1/experiments/${id}/histories`, file);
}
