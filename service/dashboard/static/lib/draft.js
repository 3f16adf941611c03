// The spec that is being composed, kept in this tab until it is submitted or discarded.

const KEY = "actinium.draft";

/**
 * Keep a draft in place of the previous one.
 *
 * @param place the query with which the form was opened: "", "preset=…" or "from=…"
 * @param spec  the last spec that could be read
 * @param json  the text of the JSON field while it cannot be read, or null
 */
export function keepDraft(place, spec, json) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ place, spec, json }));
  } catch {
    // The draft is larger than a tab may keep; an older one would be mistaken for it.
    forgetDraft();
  }
}

/** Return the draft `{place, spec, json}` of a place, or null; the place "" accepts any draft. */
export function findDraft(place) {
  const draft = JSON.parse(sessionStorage.getItem(KEY));
  return draft && (place === "" || place === draft.place) ? draft : null;
}

export function forgetDraft() {
  sessionStorage.removeItem(KEY);
}
