import { firstSpec, nameOf, uploadQuery } from "/static/lib/upload.js";
import { equal, test } from "./harness.js";

test("what a person says of a file becomes a query", () => {
  const said = { name: " wine ", target: "kind", missing: "drop", testShare: " 0.3", leftOut: ["a", "b"] };
  equal(uploadQuery(said, false), {
    name: "wine",
    target: "kind",
    missing: "drop",
    test_share: "0.3",
    leave_out: ["a", "b"],
    dry_run: null,
  });
  equal(uploadQuery(said, true).dry_run, "true");
});

test("a first spec has batches that fit the samples that are left to train on", () => {
  equal(firstSpec({ id: "1", train_count: 8000 }).batch_size, 32);
  equal(firstSpec({ id: "1", train_count: 20 }).batch_size, 4);
  equal(firstSpec({ id: "1", train_count: 2 }).batch_size, 1);
});

test("a file is named without its endings", () => {
  equal(nameOf({ name: "churn.csv.gz" }), "churn");
});
