import { eventSplitter } from "/static/lib/stream.js";
import { equal, test } from "./harness.js";

const STREAM = 'id: 7\nevent: run.epoch\ndata: {"epoch": 1}\n\n: heartbeat\n\nid: 8\nevent: run.finished\ndata: {}\n\n';
const EVENTS = [
  { type: "run.epoch", data: { epoch: 1 } },
  { type: "run.finished", data: {} },
];

test("events are read from the text of a stream, without its comments", () => {
  const seen = { id: null };
  equal(eventSplitter(seen)(STREAM), EVENTS);
  equal(seen.id, "8");
});

test("a stream may be cut anywhere", () => {
  for (let cut = 0; cut <= STREAM.length; cut += 1) {
    const split = eventSplitter({ id: null });
    equal([...split(STREAM.slice(0, cut)), ...split(STREAM.slice(cut))], EVENTS);
  }
});

test("an event counts as seen when it is complete, not before", () => {
  const seen = { id: null };
  const split = eventSplitter(seen);
  split("id: 9\nevent: run.epoch\ndata: {}\n");
  equal(seen.id, null);
  split("\n");
  equal(seen.id, "9");
});

test("data on several lines is one text, and an event without a type is a message", () => {
  equal(eventSplitter({ id: null })('data: {"a":\ndata: 1}\n\n'), [{ type: "message", data: { a: 1 } }]);
});
