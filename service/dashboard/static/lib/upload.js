// What a person says of a file, and what is made of it: the query of an upload, a first spec, a picture.

const BATCH_SIZE = 32;
const HELD_OUT = 0.2;

/** Return the query of an upload; what is left empty the service guesses. */
export function uploadQuery({ name, target, missing, testShare, leftOut }, isDryRun) {
  return {
    name: name.trim(),
    target,
    missing,
    test_share: testShare.trim(),
    leave_out: leftOut,
    dry_run: isDryRun ? "true" : null,
  };
}

/** Return a small experiment on a data set, for the form of a new one. */
export function firstSpec({ id, train_count: rows }) {
  const trained = Math.floor(rows * (1 - HELD_OUT));
  return {
    dataset: { name: "uploaded", id },
    model: { name: "mlp", hidden_units: [32] },
    activation: ["relu", "tanh"],
    batch_size: Math.max(1, Math.min(BATCH_SIZE, Math.floor(trained / 4))),
    epochs: 10,
    seeds: 3,
  };
}

/** Return the name of a file without its endings. */
export function nameOf(file) {
  return file.name.split(".")[0];
}

/** Return an address for `<img>` of a picture that came as a data URI, which the page may not load itself. */
export function pictureOf(dataUri) {
  const bytes = Uint8Array.from(atob(dataUri.split(",")[1]), (character) => character.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
}
