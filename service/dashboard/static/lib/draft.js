// The specs that are being composed, one for each place the form was opened at, kept in this tab until each is submitted
// or discarded.

const KEY = "actinium.drafts";
/** Of more drafts the oldest are forgotten. */
export const MOST_DRAFTS = 8;

/**
 * Keep a draft in place of the previous one of the same place.
 *
 * @param place the query with which the form was opened: "", "preset=…" or "from=…"
 * @param spec  the last spec that could be read
 * @param json  the text of the JSON field while it cannot be read, or null
 */
export function keepDraft(place, spec, json) {
  const others = drafts().filter((draft) => draft.place !== place);
  // Where all are larger than a tab may keep, the oldest go; an older one of this place would be mistaken for it.
  for (const kept of [others.slice(-(MOST_DRAFTS - 1)), []]) {
    if (store([...kept, { place, spec, json }])) return;
  }
  store(others);
}

/** Return the drafts `{place, spec, json}`, the oldest first; none where the stored text cannot be read. */
export function drafts() {
  try {
    const stored = JSON.parse(sessionStorage.getItem(KEY));
    return Array.isArray(stored) ? stored.filter(isDraft) : [];
  } catch {
    return [];
  }
}

/** Return the draft of a place, or null. */
export function findDraft(place) {
  return drafts().find((draft) => draft.place === place) ?? null;
}

export function forgetDraft(place) {
  store(drafts().filter((draft) => draft.place !== place));
}

function isDraft(draft) {
  const isSpec = draft?.spec !== null && typeof draft?.spec === "object" && !Array.isArray(draft.spec);
  return isSpec && typeof draft.place === "string" && (draft.json === null || typeof draft.json === "string");
}

/** Store drafts; return whether they fit. */
function store(kept) {
  try {
    if (kept.length) sessionStorage.setItem(KEY, JSON.stringify(kept));
    else sessionStorage.removeItem(KEY);
    return true;
  } catch {
    return false;
  }
}
