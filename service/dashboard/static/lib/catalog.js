// The catalog: every value an axis can have. Asked for once.

import { get } from "./api.js";

let loading = null;

/** Return the catalog as a map from axis to `{meaning, items}`. */
export function catalog() {
  loading ??= get("/v1/catalog", { limit: 1000 })
    .then((page) => new Map(page.items.map((entry) => [entry.axis, entry])))
    .catch((error) => {
      loading = null;
      throw error;
    });
  return loading;
}
