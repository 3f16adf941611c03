// The public API at /v1: this page is a client of it like any other.

import { t } from "./text.js";

const KEY = "actinium.key";

let keyNeeded = () => {};

/** A request that was refused or lost, with the sentence of the API. */
export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.status = status;
    this.errors = problem.errors ?? [];
  }

  /** Every sentence of the answer once; the message may already contain that of an error. */
  get sentences() {
    const details = this.errors.map(({ detail }) => detail);
    return [this.message, ...details.filter((detail) => !this.message.includes(detail))];
  }
}

/** Return the key, which belongs to this tab; it is sent as `Authorization: Bearer`. */
export function apiKey() {
  return sessionStorage.getItem(KEY);
}

export function setApiKey(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

/** Have `listener` called with the API's sentence when a request needs a key. */
export function whenKeyIsNeeded(listener) {
  keyNeeded = listener;
}

/** Send a request; return the response, or throw an `ApiError`. */
export async function send(path, { method = "GET", body, file, headers = {}, signal, cache } = {}) {
  const allHeaders = { accept: "application/json", ...headers };
  if (apiKey()) allHeaders.authorization = `Bearer ${apiKey()}`;
  if (body !== undefined) allHeaders["content-type"] = "application/json";
  if (file) allHeaders["content-type"] = "application/octet-stream";
  const content = file ?? (body === undefined ? undefined : JSON.stringify(body));
  let response;
  try {
    response = await fetch(path, { method, signal, headers: allHeaders, credentials: "omit", cache, body: content });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { detail: t("error.unreachable") });
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  if (response.status === 401) keyNeeded(problem.detail);
  throw new ApiError(response.status, problem);
}

/** Return the JSON at an address. Parameters that are null are skipped; those that are lists are repeated. */
export async function get(path, parameters = {}, signal = undefined) {
  return (await send(path + query(parameters), { signal })).json();
}

/** Return the JSON at an address, or null where there is nothing (yet). */
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

/** Change a resource by a JSON merge patch, and return it. */
export async function patch(path, body, signal = undefined) {
  return (await send(path, { method: "PATCH", body, signal })).json();
}

/** Send a file as the body, and return the JSON that is answered. */
export async function sendFile(path, parameters, file, signal = undefined) {
  return (await send(path + query(parameters), { method: "POST", file, signal })).json();
}

/** Return all items of a paged list. */
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

/** Return an address for `<img>`, fetched here because `<img>` cannot send a key. */
export async function picture(path, signal = undefined) {
  const response = await send(path, { headers: { accept: "image/svg+xml" }, signal });
  return URL.createObjectURL(await response.blob());
}

/** Return parameters as the query of an address; empty where there are none. */
export function query(parameters) {
  const pairs = Object.entries(parameters).flatMap(([name, value]) =>
    [value]
      .flat()
      .filter((item) => item !== null && item !== undefined && item !== "")
      .map((item) => [name, item]),
  );
  return pairs.length ? `?${new URLSearchParams(pairs)}` : "";
}
