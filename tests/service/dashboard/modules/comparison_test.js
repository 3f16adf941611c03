import {
  chosenLevels,
  detail,
  difference,
  headline,
  notes,
  reachedShare,
  trainedShare,
  wordName,
} from "/static/lib/comparison.js";
import { useMetrics } from "/static/lib/metrics.js";
import { useSentences } from "/static/lib/text.js";
import { effects, levelMeans, strongestAxes } from "/static/parts/effects.js";
import { ranking } from "/static/parts/ranking.js";
import { equal, METRICS, test } from "./harness.js";

const SEEDS = [0.9, 0.91, 0.92];

/** A group of three seeds that trained, named by its activation. */
function group(name, word, more = {}) {
  const seeds = SEEDS.map((value, seed) => ({ seed, value, trained: true, reached: true, chosen: {} }));
  const counts = { rank: 1, n: 3, trained: 3, reached: 3, seeds };
  const found = { mean: 0.91, shrunk_mean: null, std: 0.01, ci95: [0.89, 0.93], ...counts };
  const nothing = { difference: null, p_value: null, seeds_needed: null, chosen: {}, curve: null };
  const all = { ...found, ...nothing, diverged: 0, unfinished: 0, missing: 0, ...more };
  const runs = { runs: all.n, runs_trained: all.trained, runs_reached: all.reached };
  return { by: { activation: name }, word, ...runs, ...all };
}

const LEADER = group("relu", "leads");
const BEHIND = { difference: { mean: -0.034, ci95: [-0.056, -0.012] }, p_value: 0.004, rank: 2 };
const WORSE = group("elu", "worse", BEHIND);
const OPEN = group("selu", "undecided", { ...BEHIND, p_value: 0.3, seeds_needed: 5 });
const FAILED = group("tanh", "did_not_train", { rank: null, trained: 0, ci95: null });

function comparison(groups, more = {}) {
  const asked = { metric: "val_accuracy", at: "final", target: null, by: ["activation"], tune: [], average: [] };
  return {
    ...asked,
    margin: 0.01,
    guess: 0.1135,
    censored: null,
    higher_is_better: true,
    groups,
    effects: [],
    levels: [],
    components: null,
    scale: "raw",
    unfinished: 0,
    ...more,
  };
}

/** Take the page's own sentences in a language. */
async function speak(language) {
  const files = language === "en" ? ["en"] : ["en", language];
  const loaded = await Promise.all(files.map(async (name) => (await fetch(`/static/strings/${name}.json`)).json()));
  useSentences(language, Object.assign({}, ...loaded));
  useMetrics(METRICS);
}

function textOf(content) {
  const holder = document.createElement("div");
  holder.append(...content.flat(Infinity).filter(Boolean));
  return holder;
}

test("the headline says who leads, who is undecided and how many are not", async () => {
  await speak("en");
  const groups = [LEADER, group("gelu", "equivalent"), OPEN, { ...OPEN, seeds_needed: 1 }, WORSE, FAILED];
  const undecided = "Undecided: selu (5 more seeds), selu (1 more seed).";
  equal(headline(comparison(groups)), `relu leads. Equivalent: gelu. ${undecided} 1 is worse. 1 did not train.`);
  equal(headline(comparison([LEADER, WORSE, WORSE])), "relu is best. 2 are worse.");
});

test("a leader that mostly failed, or does no better than guessing, is not called the best", async () => {
  await speak("en");
  const partly = group("relu", "leads", { trained: 1, mean: 0.38, ci95: null });
  equal(
    headline(comparison([partly, WORSE], { guess: 0.5375 })),
    "relu leads. It trained with 1 of 3 seeds. It is not shown to be better than guessing (53.75%). 1 is worse.",
  );
  equal(headline(comparison([LEADER, WORSE], { guess: 0.9 })).includes("guessing (90.00%)"), true);
  const loss = { metric: "val_loss", guess: 2.3, higher_is_better: false };
  equal(headline(comparison([LEADER, WORSE], loss)), "relu is best. 1 is worse.");
});

test("the headline is whole sentences of Chinese, without spaces between them", async () => {
  await speak("zh");
  equal(headline(comparison([LEADER, OPEN, WORSE])), "relu 领先。尚无定论：selu（再加 5 个种子）。1 组更差。");
});

test("more than five names are counted", async () => {
  await speak("en");
  const open = Array.from({ length: 7 }, () => ({ ...OPEN, seeds_needed: null }));
  equal(headline(comparison([LEADER, ...open])), "relu leads. Undecided: selu, selu, selu, selu, selu and 2 more.");
});

test("a headline does not name a leader where there is none", async () => {
  await speak("en");
  const waiting = group("elu", null, { n: 0, rank: null, mean: null, seeds: [], unfinished: 3 });
  equal(headline(comparison([waiting, waiting])), "No run has a value to compare yet.");
  equal(headline(comparison([FAILED, FAILED])), "No configuration trained.");
  equal(headline(comparison([LEADER])), "There is one configuration only: nothing to compare.");
  equal(headline(comparison([LEADER, waiting])), "relu leads. 1 has no result yet.");
  const never = { ...waiting, unfinished: 0, missing: 3 };
  equal(headline(comparison([never, never])), "No run has a value to compare.");
  equal(headline(comparison([LEADER, never])), "relu leads. 1 has no value.");
  equal([wordName(waiting), wordName(never)], ["no result yet", "no value"]);
});

test("who trained where the other seeds did not choose it is told", async () => {
  await speak("en");
  const tune = ["optimizer.learning_rate"];
  const lucky = { ...FAILED, curve: { points: [{ trained: 0 }, { trained: 1 }], good_range: null } };
  const told = "No configuration trained at the learning rate that the other seeds chose.";
  equal(headline(comparison([lucky, FAILED], { tune })), told);
  equal(
    notes(comparison([LEADER, lucky], { tune })).at(-1),
    "With some seed a run of tanh trained, but at no learning rate that the other seeds chose.",
  );
});

test("against a group, the headline begins with it", async () => {
  await speak("en");
  const groups = [group("elu", "better"), group("relu", "reference"), WORSE];
  equal(headline(comparison(groups)), "Against relu. Better: elu. 1 is worse.");
});

test("what would settle a group is said of it", async () => {
  await speak("en");
  const asked = comparison([]);
  equal(detail(OPEN, asked), "needs 5 more seeds");
  equal(detail({ ...OPEN, seeds_needed: null }, asked), "needs over 400 more seeds");
  equal(detail({ ...OPEN, difference: null, n: 1 }, asked), "one seed");
  equal(detail({ ...OPEN, difference: null }, asked), "no spread to judge by");
  equal(detail(group("gelu", "equivalent"), asked), "within the margin of 1 point");
  equal(detail(WORSE, asked), null);
  equal([trainedShare(group("elu", "worse", { trained: 2 })), trainedShare(LEADER)], ["trained 2 of 3", null]);
});

test("runs that never reached the target are told apart from those that did not train", async () => {
  await speak("en");
  const asked = { metric: "epochs_to", target: { metric: "val_accuracy", value: 0.97 }, guess: null, censored: 31 };
  const never = [31, 31, 31].map((value, seed) => ({ seed, value, trained: true, reached: false, chosen: {} }));
  const short = group("tanh", "not_reached", { rank: null, reached: 0, ci95: null, mean: 31, seeds: never });
  equal(headline(comparison([LEADER, short, FAILED], asked)), "relu is best. 1 never reached it. 1 did not train.");
  equal(headline(comparison([short, short], asked)), "No run reached the target: Validation accuracy 97.00%.");
  equal(
    notes(comparison([LEADER, short], asked)).at(-1),
    "3 runs of those compared never reached the target (Validation accuracy 97.00%): such a run counts as 31, " +
      "one epoch more than the longest, and a mean with it is at least that.",
  );
  equal([reachedShare(group("elu", "worse", { reached: 2 })), reachedShare(LEADER)], ["reached by 2 of 3", null]);
  const shown = textOf(ranking(comparison([LEADER, short], asked), () => {}));
  equal(shown.querySelectorAll("path.untrained").length, 3);
});

test("where runs are averaged over, runs are counted and not seeds", async () => {
  await speak("en");
  const asked = { metric: "epochs_to", target: { metric: "val_accuracy", value: 0.97 }, guess: null, censored: 31 };
  const seeds = [22, 25, 28].map((value, seed) => ({ seed, value, trained: false, reached: false, chosen: {} }));
  const counts = { runs: 9, runs_trained: 8, runs_reached: 5, trained: 0, reached: 0 };
  const averaged = group("relu", "leads", { ...counts, seeds, ci95: null });
  const found = comparison([averaged, WORSE], asked);
  equal(
    headline(found),
    "relu leads. It trained with 8 of 9 runs. It reached the target with 5 of 9 runs. 1 is worse.",
  );
  equal(
    notes(found).at(-1),
    "4 runs of those compared never reached the target (Validation accuracy 97.00%): such a run counts as 31, " +
      "one epoch more than the longest, and a mean with it is at least that.",
  );
  equal([trainedShare(averaged), reachedShare(averaged)], ["trained 8 of 9 runs", "reached by 5 of 9 runs"]);
  const drawn = textOf(ranking(found, () => {})).querySelector("svg.interval");
  equal(drawn.getAttribute("aria-label").includes("22 (not every run trained)"), true);
});

test("differences have a sign and two digits, shares in points", async () => {
  await speak("en");
  const shown = [0.0341, -0.1234, 0, 0.5].map((value) => difference("val_accuracy", value));
  equal(shown, ["+3.4", "−12", "0", "+50"]);
  equal(difference("val_loss", -0.01234), "−0.012");
});

test("notes say what three seeds cannot show, and what was chosen", async () => {
  await speak("en");
  const rare = "With 3 seeds a configuration that fails on up to 63% of seeds may have shown no failure.";
  equal(notes(comparison([LEADER, WORSE])), [rare]);
  const one = { n: 1, trained: 1, seeds: LEADER.seeds.slice(0, 1) };
  equal(notes(comparison([{ ...LEADER, ...one }])), ["One seed says nothing of chance: nothing is tested."]);
  const curve = { points: [], good_range: { low: 1, high: 1, factor: 1, at_edge: true } };
  const tuned = { ...LEADER, curve, chosen: { "optimizer.learning_rate": 0.1 } };
  equal(chosenLevels(tuned), ["learning rate 0.1"]);
  const said = notes(comparison([tuned, WORSE], { tune: ["optimizer.learning_rate"], average: ["dataset"] }));
  equal(said.slice(1), [
    "Each at its best learning rate, chosen on the other seeds.",
    "With fewer than five seeds these choices overlap: take p as approximate.",
    "Averaged over data set within each seed.",
    "The best learning rate of relu is at an end of the grid: a better one may lie beyond.",
  ]);
});

test("a note says where the spread comes from, where the data were drawn anew", async () => {
  await speak("en");
  const components = { data: 0.008, seeds: 0.0123, rest: 0 };
  equal(notes(comparison([LEADER, WORSE], { components })).slice(1), [
    "Standard deviations within a configuration: 0.8 points between draws of the data, 1.2 points between seeds, " +
      "0 points beside both.",
  ]);
});

test("a row shows the word, the difference with p, and a mark per seed", async () => {
  await speak("en");
  const partly = {
    ...OPEN,
    trained: 2,
    runs_trained: 2,
    ci95: null,
    seeds: OPEN.seeds.map((s) => ({ ...s, trained: s.seed > 0 })),
  };
  const shown = textOf(ranking(comparison([LEADER, partly, WORSE, FAILED]), () => {}));
  const [leader, open, worse, failed] = shown.querySelectorAll("tbody tr");
  equal(
    [leader, open, worse, failed].map((row) => row.querySelector(".word").textContent),
    ["leads", "undecided", "worse", "did not train"],
  );
  const behind = worse.cells[4].querySelector("div");
  equal([behind.textContent, behind.title], ["−3.4−5.6 to −1.2", "p 0.004"]);
  equal([open.querySelectorAll("circle").length, open.querySelectorAll("path.untrained").length], [2, 1]);
  equal(open.textContent.includes("trained 2 of 3"), true);
  const bars = [leader, worse].map((row) => row.querySelector(".range"));
  const lines = [leader, worse].map((row) => row.querySelector(".best").getAttribute("x1"));
  equal(new Set(lines).size, 1);
  equal(Number(bars[1].getAttribute("x2")) < Number(lines[1]), true); // worse: the bar ends before the best
  equal(failed.querySelectorAll(".range").length, 0);
  equal(failed.cells[0].textContent, "–");
});

test("axes are columns, and what comes after the eighth row is behind a button", async () => {
  await speak("en");
  const named = (number) => ({ ...LEADER, by: { activation: "relu", initializer: `normal(stddev=${number})` } });
  const groups = Array.from({ length: 11 }, (_, number) => named(number));
  const shown = textOf(ranking(comparison(groups, { by: ["activation", "initializer"] }), () => {}));
  equal(
    [...shown.querySelectorAll("thead th")].slice(1, 4).map((cell) => cell.textContent),
    ["Activation", "Initializer", "Result"],
  );
  equal(shown.querySelectorAll("tbody tr").length, 8);
  shown.querySelector("button.small").click();
  equal([shown.querySelectorAll("tbody tr").length, shown.querySelectorAll("button.small").length], [11, 0]);
  equal(shown.querySelectorAll("tbody tr")[10].cells[2].textContent, "normal(stddev=10)");
  equal(shown.querySelectorAll("tbody button")[10].getAttribute("aria-label"), "relu · normal(stddev=10)");
});

test("a press on a group compares the others with it", async () => {
  await speak("en");
  const chosen = [];
  const shown = textOf(ranking(comparison([LEADER, WORSE]), (labels) => chosen.push(labels)));
  shown.querySelectorAll("tbody button")[1].click();
  const again = textOf(ranking(comparison([LEADER, group("elu", "reference")]), (labels) => chosen.push(labels)));
  again.querySelector("button.small").click();
  equal(chosen, [{ activation: "elu" }, null]);
});

test("effects are omega squared with its interval", async () => {
  await speak("en");
  const effect = { axes: ["activation"], df: 1, omega_squared: 0.82, omega_ci95: [-0.1, 0.911], p_value: 0.02 };
  const unknown = { ...effect, omega_squared: null };
  const shown = effects(comparison([], { effects: [effect, unknown], scale: "logit" }));
  equal(shown.querySelectorAll("li").length, 1);
  equal(shown.querySelector("li").textContent, "Activation82% (0 to 91%) p 0.020");
  equal(shown.querySelector(".range").style.width, "91.1%");
  equal(shown.querySelector("p").textContent.endsWith("Computed on the logit scale."), true);
  equal(effects(comparison([], { effects: [unknown] })), null);
});

test("the axis that matters most is named only where it cannot be chance", async () => {
  await speak("en");
  const effect = { axes: ["activation"], df: 1, omega_squared: 0.2, omega_ci95: [0.1, 0.3], p_value: 0.02 };
  const larger = { ...effect, axes: ["initializer"], omega_squared: 0.6, omega_ci95: [0.5, 0.7] };
  const said = (found) => strongestAxes(comparison([], { effects: found, by: ["activation", "initializer"] }));
  equal(said([effect, larger]), "Initializer matters most: 60% of the variation (50 to 70%).");
  equal(said([effect, { ...larger, p_value: 0.2 }]), "Activation matters most: 20% of the variation (10 to 30%).");
  equal(said([{ ...larger, p_value: 0.2 }]), null);
});

test("levels have their mean and the share that trained, where several axes vary", async () => {
  await speak("en");
  const level = { axis: "activation", level: "relu", mean: 0.5, ci95: [0.4, 0.6], trained: 3, n: 4 };
  const levels = [level, { ...level, axis: "initializer", level: "zeros", mean: null, ci95: null, trained: 0 }];
  const shown = levelMeans(comparison([], { levels, by: ["activation", "initializer"] }));
  const rows = [...shown.querySelectorAll("tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent));
  equal(rows, [
    ["Activation"],
    ["relu", "50.00%", "40.00% to 60.00%", "75.0%"],
    ["Initializer"],
    ["zeros", "–", "", "0.0%"],
  ]);
  equal(levelMeans(comparison([], { levels })), null);
});
