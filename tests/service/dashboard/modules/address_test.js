import { Choices } from "/static/lib/address.js";
import { equal, test } from "./harness.js";

const DEFAULTS = { metric: "val_accuracy", by: "" };

test("choices are in the address, those at their default are not, and nothing is entered again", () => {
  let entered = 0;
  const count = () => {
    entered += 1;
  };
  addEventListener("hashchange", count);
  history.replaceState({ kept: 1 }, "", "#/experiments/1?other=x");
  const choices = new Choices(DEFAULTS, new URLSearchParams("other=x"));
  choices.set("metric", "val_loss");
  choices.set("by", "activation,optimizer");
  const [, search] = location.hash.split("?");
  const again = new Choices(DEFAULTS, new URLSearchParams(search));
  equal([again.get("metric"), again.get("by")], ["val_loss", "activation,optimizer"]);
  equal(new URLSearchParams(search).get("other"), "x");
  choices.set("metric", "val_accuracy");
  choices.set("by", "");
  equal([location.hash, history.state], ["#/experiments/1?other=x", { kept: 1 }]);
  removeEventListener("hashchange", count);
  history.replaceState(null, "", "#");
  equal(entered, 0);
});
