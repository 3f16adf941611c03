// One experiment: curves, heat map, ranking, claims and runs, live.

import { apiKey, post, send } from "../lib/api.js";
import { Board } from "../lib/board.js";
import { AXES, catalog, manyValued, places, varyingAxes } from "../lib/catalog.js";
import { announce, download, h, setText, show } from "../lib/dom.js";
import { experimentName, moment, utc } from "../lib/format.js";
import { t } from "../lib/text.js";
import { progress, setLive, setStatus, standing, tags } from "../parts/badges.js";
import { RunTable, verdictCounts } from "../parts/runs.js";
import { curvesPanel } from "./experiment_curves.js";
import { claimsPanel, comparePanel, heatPanel } from "./experiment_results.js";

export async function view({ element, rest, signal, entitle }) {
  const state = { placed: null, axes: [], many: [], naming: [] };
  let panels = [];
  const board = new Board(rest[0], signal, () => panels.forEach((panel) => panel()));
  const [axes] = await Promise.all([catalog(), board.load()]);
  const place = () => {
    const runs = [...board.runs.values()];
    state.placed = places(axes, runs);
    state.axes = varyingAxes([...state.placed.values()]);
    state.many = manyValued([...state.placed.values()]);
    state.naming = [...varyingAxes([...state.placed.values()], ["variant", ...AXES]), "seed"];
  };
  place();

  const table = new RunTable();
  const runsSection = h(
    "section.card",
    { "aria-labelledby": "runs-title" },
    h("div.heading", {}, h("h2", { id: "runs-title" }, t("runs.title")), h("span.muted.verdicts")),
    table.element,
  );
  const showRuns = (where) => {
    table.only(where);
    runsSection.scrollIntoView({ behavior: "smooth" });
  };
  const header = head(board, signal);
  const curves = curvesPanel(board, state, signal);
  const heat = heatPanel(board, state, signal, showRuns);
  const compared = comparePanel(board, state, signal);
  const claimed = claimsPanel(board, signal);
  show(
    element,
    header.element,
    h(
      "div.grid",
      {},
      h("div.main", {}, curves.element, heat.element),
      h("div.side", {}, claimed.element, compared.element),
    ),
    runsSection,
  );

  const drawRuns = () => {
    const runs = [...board.runs.values()];
    table.update(runs, state.placed, state.naming);
    setText(runsSection.querySelector(".verdicts"), verdictCounts(runs));
  };
  panels = [header.update, curves.update, heat.update, compared.update, claimed.update, drawRuns];
  panels.forEach((panel) => panel());
  board.follow();
  const title = experimentName(board.experiment);
  entitle(title);
  return title;
}

function head(board, signal) {
  const { id, name, description, tags: given, created_by: by, created_at: at } = board.experiment;
  const state = h("span");
  const live = h("span.live");
  const bar = h("div.bar");
  const words = h("p.standing");
  const actions = h("div.actions");
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
  const change = (verb) =>
    act(async () => {
      board.experiment = await post(`/v1/experiments/${id}/${verb}`);
      if (verb === "retry") dispatchEvent(new HashChangeEvent("hashchange"));
      else update();
    });
  const save = (type, extension) =>
    act(async () => {
      const response = await send(`/v1/experiments/${id}/histories`, { headers: { accept: type }, signal });
      download(await response.blob(), `${(name ?? "experiment").replace(/[^\w.-]+/g, "_").slice(0, 60)}.${extension}`);
    });
  const remove = act(async () => {
    if (!confirm(t("experiment.reallyDelete"))) return;
    await send(`/v1/experiments/${id}`, { method: "DELETE" });
    location.hash = "#/";
  });
  const cancel = h("button", { type: "button", onClick: change("cancel") }, t("experiment.cancel"));
  const retry = h("button", { type: "button", onClick: change("retry") }, t("experiment.retry"));
  const drop = h("button.danger", { type: "button", onClick: remove }, t("experiment.delete"));
  show(
    actions,
    cancel,
    retry,
    h("button", { type: "button", onClick: save("text/csv", "csv") }, t("experiment.csv")),
    h("button", { type: "button", onClick: save("application/vnd.apache.parquet", "parquet") }, "Parquet"),
    h("a.button", { href: `#/new?from=${id}` }, t("experiment.again")),
    drop,
  );
  let told = board.experiment.status;
  const update = () => {
    const { experiment } = board;
    setStatus(state, experiment.status);
    show(bar, progress(experiment));
    setText(words, standing(experiment));
    setLive(live, board.finished ? "over" : board.connection);
    cancel.hidden = board.finished;
    drop.hidden = !board.finished;
    retry.hidden = !(experiment.runs.failed || experiment.runs.cancelled);
    if (told !== experiment.status) announce(`${t(`status.${experiment.status}`)}. ${standing(experiment)}`);
    told = experiment.status;
  };
  const element = h(
    "header.top",
    {},
    h("p.crumbs", {}, h("a", { href: "#/" }, t("nav.experiments"))),
    h("div.heading", {}, h("h1", {}, experimentName(board.experiment)), state, live, h("span.tags", {}, tags(given))),
    description ? h("p.description", {}, description) : null,
    bar,
    words,
    h(
      "p.muted.by",
      {},
      h(
        "span",
        { title: utc(at) },
        t(by === "local" && !apiKey() ? "experiment.at" : "experiment.by", { by, at: moment(at) }),
      ),
      " · ",
      h("code", {}, id),
    ),
    actions,
    problem,
  );
  return { element, update };
}
