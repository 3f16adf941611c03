// Names that tell the runs of a comparison apart, also those of different experiments.

import { labelOn, labelsOn, varyingAxes } from "./axes.js";
import { shortId } from "./format.js";
import { inWords } from "./label_words.js";
import { t } from "./text.js";

/** Return a name for each run: its labels on what differs, and the end of its id where that is not enough. */
export function distinctNames(runs) {
  const others = ["variant", "seed"].filter((axis) => labelsOn(runs, axis).length > 1);
  const axes = [...varyingAxes(runs), ...others];
  const names = runs.map((run) => axes.map((axis) => labelInWords(run, axis)).join(" · "));
  return names.map((name, index) => {
    const isDistinct = name && names.filter((other) => other === name).length === 1;
    return isDistinct ? name : `${name || runs[index].name} (…${shortId(runs[index].id)})`;
  });
}

function labelInWords(run, axis) {
  return axis === "seed" ? t("run.seed", { seed: run.seed }) : inWords(axis, labelOn(run, axis));
}
