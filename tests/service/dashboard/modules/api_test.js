import { ApiError, apiKey, query, setApiKey } from "/static/lib/api.js";
import { equal, test } from "./harness.js";

test("parameters without a value are skipped, lists are repeated", () => {
  equal(query({ a: 1, b: null, c: undefined, d: "", e: ["x", "y"], f: 0 }), "?a=1&e=x&e=y&f=0");
  equal(query({}), "");
});

test("parameters are escaped", () => {
  equal(query({ tag: "a&b:c d" }), "?tag=a%26b%3Ac+d");
});

test("an error has each sentence once", () => {
  const errors = [{ detail: "Too many." }, { detail: "Too few." }];
  equal(new ApiError(422, { detail: "Refused. Too many.", errors }).sentences, ["Refused. Too many.", "Too few."]);
});

test("an error without a body has its status", () => {
  equal(new ApiError(502, {}).message, "HTTP 502");
});

test("a key stays in the tab until it is emptied", () => {
  setApiKey("act_1");
  equal([apiKey(), localStorage.length], ["act_1", 0]);
  setApiKey("");
  equal(apiKey(), null);
});
