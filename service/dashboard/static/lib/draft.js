// What is being composed, kept in this tab until it is submitted or begun afresh.

const KEY = "actinium.draft";

/**
 * Keep a draft, in place of the one before.
 *
 * @param place what the form began with, as the address has it: "", "preset=…" or "from=…"
 * @param spec  the last spec that could be read
 * @param json  what stands in the JSON field where it cannot be read, or null
 */
export function keepDraft(place, spec, json) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ place, spec, json }));
  } catch {
    // Larger than a tab may keep; an older one would be taken for it.
    forgetDraft();
  }
}

/** Give the draft `{place, spec, json}` that belongs to a place, or null; that of "" is any. */
export function findDraft(place) {
  const draft = JSON.parse(sessionStorage.getItem(KEY));
  return draft && (place === "" || place === draft.place) ? draft : null;
}

export function forgetDraft() {
  sessionStorage.removeItem(KEY);
}
