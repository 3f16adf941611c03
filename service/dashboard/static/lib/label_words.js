// Labels in words: each understood without its axis, as in the names that the API gives.

import { asText } from "./axes.js";
import { known, t } from "./text.js";

/** What people have named: a variant may be called "none", or "50". */
const NAMED = ["variant", "experiment"];

/** Return the title of an axis, or of a parameter as `optimizer.learning_rate`. */
export function dimensionTitle(name) {
  const own = name.split(".").at(-1);
  return (name === own ? known(`axis.${own}`) : known(`parameter.${own}`)) ?? own.replaceAll("_", " ");
}

/** Return the title of an axis or a parameter within a sentence. */
export function inSentence(name) {
  return dimensionTitle(name).toLowerCase();
}

/** Return a label on an axis, or a parameter's value: "relu", "no dropout", "batch size 16". */
export function inWords(axis, label) {
  const text = asText(label);
  if (NAMED.includes(axis)) return text;
  if (text === "none") return t("label.without", { axis: inSentence(axis) });
  return Number.isNaN(Number(text)) ? text : `${inSentence(axis)} ${text}`;
}

/** Return labels by axis as one name: "relu · no dropout". */
export function joinedInWords(labels) {
  return Object.entries(labels)
    .map(([axis, label]) => inWords(axis, label))
    .join(" · ");
}
