// What a person changes of a stored experiment, as a JSON merge patch.

import { readTags, writeTags } from "./tags.js";

/** The texts of an experiment that can be edited, in the order of the form. */
export const TEXTS = ["name", "description", "note"];

/** Return what the form of an experiment starts with: texts, and its tags as one line. */
export function editable(experiment) {
  const texts = Object.fromEntries(TEXTS.map((field) => [field, experiment[field] ?? ""]));
  return { ...texts, tags: writeTags(experiment.tags) };
}

/**
 * Return the patch that makes an experiment what was written; empty where nothing changed.
 *
 * Only what the form changed is in it, so that what somebody else changed meanwhile stays.
 *
 * @param before  what the form started with
 * @param written what it has now
 */
export function patchOf(before, written) {
  const changed = TEXTS.filter((field) => written[field].trim() !== before[field].trim());
  const patch = Object.fromEntries(changed.map((field) => [field, written[field].trim() || null]));
  const tags = tagsPatch(readTags(before.tags), readTags(written.tags));
  return Object.keys(tags).length ? { ...patch, tags } : patch;
}

/** Return the tags to set, and with null those to remove. */
function tagsPatch(before, after) {
  const removed = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  const set = Object.entries(after).filter(([key, value]) => before[key] !== value);
  return { ...Object.fromEntries(removed.map((key) => [key, null])), ...Object.fromEntries(set) };
}
