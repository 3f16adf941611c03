// The head of an experiment's view: its name, status, progress and actions.

import { apiKey, patch, post, send } from "../lib/api.js";
import { experimentName, moment, utc } from "../lib/format.js";
import { isActive } from "../lib/statuses.js";
import { t } from "../lib/text.js";
import { tabTitle } from "../lib/when_done.js";
import { setConnection, setStatus, statusName, tags } from "../parts/badges.js";
import { announce, h, setText, show } from "../parts/dom.js";
import { downloads, saveFrom } from "../parts/downloads.js";
import { button } from "../parts/elements.js";
import { help } from "../parts/help.js";
import { progressBar, progressText } from "../parts/progress.js";
import { savedViewsMenu } from "../parts/saved_views.js";
import { notifyButton } from "../parts/when_done.js";
import { editForm } from "./experiment_edit.js";

/** The name under which the API stores what is submitted without a key from this machine. */
const LOCAL_USER = "local";
const FILE_NAME_LENGTH = 60;

/** @param onRename called with the experiment's name after somebody changed it */
export function headerPanel(live, signal, onRename) {
  const { id, created_by: user, created_at: createdAt } = live.experiment;
  const identity = identityOf(live, onRename);
  const status = h("span");
  const connection = h("span.live");
  const bar = h("div.bar");
  const words = h("span.progress-text");
  const actions = actionButtons(live, signal, { onChange: () => update(), onEdit: identity.edit });
  let isNews = false; // whether it trained during this visit
  let announced = live.experiment.status;
  const update = () => {
    const { experiment } = live;
    identity.update();
    setStatus(status, experiment.status);
    setConnection(connection, live.finished ? "over" : live.connection);
    show(bar, progressBar(experiment));
    setText(words, progressText(experiment));
    actions.update();
    // Of one that had ended before it was opened, nothing is news.
    if (isNews || isActive(experiment)) document.title = tabTitle(experiment, experimentName(experiment));
    isNews ||= isActive(experiment);
    if (announced !== experiment.status) announce(`${statusName(experiment.status)}. ${progressText(experiment)}`);
    announced = experiment.status;
  };
  const submitted = user === LOCAL_USER && !apiKey() ? "experiment.at" : "experiment.by";
  const element = h(
    "header.top",
    h("p.crumbs", h("a", { href: "#/" }, t("nav.experiments"))),
    h(
      "div.heading",
      identity.title,
      help("experiments", t("experiment.title")),
      status,
      connection,
      identity.tags,
      actions.element,
    ),
    identity.form,
    identity.texts,
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

/** Return what an experiment is called and described by, and the form that changes it. */
function identityOf(live, onRename) {
  const elements = { title: h("h1"), tags: h("span.tags"), texts: h("div"), form: h("div") };
  let drawn = null;
  const update = () => {
    const { experiment } = live;
    const { name, description, tags: byKey, note, archived } = experiment;
    const content = JSON.stringify([name, description, byKey, note, archived]);
    if (drawn === content) return;
    if (drawn) onRename(experimentName(experiment));
    drawn = content;
    setText(elements.title, experimentName(experiment));
    show(elements.tags, archived ? h("span.tag.archived", t("experiment.archived")) : null, tags(byKey));
    show(
      elements.texts,
      description ? h("p.description", description) : null,
      note ? h("p.remark", h("b", t("experiment.field.note")), " ", note) : null,
    );
  };
  const close = () => {
    show(elements.form);
    elements.texts.hidden = false;
  };
  const edit = (opener) => {
    const onLeave = () => {
      close();
      opener.focus();
    };
    const onSave = (experiment) => {
      live.experiment = experiment;
      update();
      onLeave();
    };
    const form = editForm(live.experiment, { onSave, onLeave });
    elements.texts.hidden = true;
    show(elements.form, form);
    form.querySelector("input").focus();
  };
  return { ...elements, update, edit };
}

/**
 * @param onChange called after an action changed the experiment
 * @param onEdit   called with the button that asks for the form
 */
function actionButtons(live, signal, { onChange, onEdit }) {
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
  const archive = act(async () => {
    live.experiment = await patch(path, { archived: !live.experiment.archived });
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
  const edit = button("button", () => onEdit(edit), t("experiment.edit"));
  const archiveButton = button("button", archive);
  const notify = notifyButton(live.id, signal);
  const deleteButton = button("button.danger", remove, t("experiment.delete"));
  const update = () => {
    const { failed, cancelled } = live.experiment.runs;
    cancel.hidden = live.finished;
    retry.hidden = !(failed || cancelled);
    deleteButton.hidden = !live.finished;
    if (notify) notify.hidden = live.finished;
    setText(archiveButton, t(live.experiment.archived ? "experiment.unarchive" : "experiment.archive"));
  };
  const actions = h(
    "div.actions",
    notify,
    cancel,
    retry,
    downloads({
      [t("experiment.csv")]: save("text/csv", "csv"),
      [t("experiment.parquet")]: save("application/vnd.apache.parquet", "parquet"),
    }),
    savedViewsMenu(),
    h("a.button", { href: `#/new?from=${live.id}` }, t("experiment.again")),
    edit,
    archiveButton,
    deleteButton,
  );
  return { element: h("div.end", actions, problem), update };
}

function saveHistories({ id, name }, type, extension, signal) {
  const safeName = (name ?? "experiment").replace(/[^\w.-]+/g, "_").slice(0, FILE_NAME_LENGTH);
  const file = { name: `${safeName}.${extension}`, headers: { accept: type }, signal };
  return saveFrom(`/v1/experiments/${id}/histories`, file);
}
