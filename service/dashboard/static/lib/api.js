// The public API at /v1: this page is a client of it like any other.

import { t } from "./text.js";

const KEY = "actinium.key";

/** A request that was refused or lost, with the sentence the API gave. */
export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.status = status;
    this.errors = problem.errors ?? [];
  }

  /** All it says, each thing once: the message may tell the first error already. */
  get sentences() {
    return [this.message, ...this.errors.map(({ detail }) => detail).filter((each) => !this.message.includes(each))];
  }
}

/** The key is this tab's own; it is sent as `Authorization: Bearer`. */
export function apiKey() {
  return sessionStorage.getItem(KEY);
}

export function setApiKey(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

/** Send a request; give the response, or throw an `ApiError`. */
export async function send(path, { method = "GET", body, headers = {}, signal } = {}) {
  const sent = { accept: "application/json", ...headers };
  if (apiKey()) sent.authorization = `Bearer ${apiKey()}`;
  if (body !== undefined) sent["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method,
      signal,
      headers: sent,
      credentials: "omit",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { detail: t("error.unreachable") });
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  if (response.status === 401) document.dispatchEvent(new CustomEvent("key-needed", { detail: problem.detail }));
  throw new ApiError(response.status, problem);
}

/** Get JSON. Values of `parameters` that are null are left out; lists are repeated. */
export async function get(path, parameters = {}, signal = undefined) {
  return (await send(path + query(parameters), { signal })).json();
}

/** Get JSON, or null where there is no such thing (yet). */
export async function find(path, parameters = {}, signal = undefined) {
  try {
    return await get(path, parameters, signal);
  } catch (error) {
    if ([404, 409].includes(error.status)) return null;
    throw error;
  }
}

export async function post(path, body = undefined, headers = {}, signal = undefined) {
  return (await send(path, { method: "POST", body, headers, signal })).json();
}

/** All items of a paged list. */
export async function all(path, parameters = {}, signal = undefined) {
  const items = [];
  let cursor = null;
  do {
    const page = await get(path, { limit: 1000, ...parameters, cursor }, signal);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  return items;
}

/** A picture's address for `<img>`, fetched here because `<img>` cannot send a key. */
export async function picture(path, signal = undefined) {
  const response = await send(path, { headers: { accept: "image/svg+xml" }, signal });
  return URL.createObjectURL(await response.blob());
}

export function query(parameters) {
  const pairs = Object.entries(parameters).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value])
      .filter((each) => each !== null && each !== undefined && each !== "")
      .map((each) => [name, each]),
  );
  return pairs.length ? `?${new URLSearchParams(pairs)}` : "";
}
