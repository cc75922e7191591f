/** Ask the service. The API key stays in this tab, and is sent as a header to this service only. */

import { ADVICE, ANYTHING } from "./advice.js";
import { el } from "./dom.js";

const KEY = "pathprint-key";
let memory = ""; // where the browser keeps nothing

export function key() {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return memory;
  }
}

export function setKey(value) {
  memory = value;
  try {
    if (value) sessionStorage.setItem(KEY, value);
    else sessionStorage.removeItem(KEY);
  } catch {
    // it is in memory
  }
  document.dispatchEvent(new CustomEvent("key"));
}

/** What went wrong, as the service's problem documents have it. */
export class Problem extends Error {
  constructor(code, title, detail, request = "") {
    super(detail);
    Object.assign(this, { code, title, detail, request });
  }

  get advice() {
    return ADVICE[this.code] ?? ANYTHING;
  }
}

function headers(more) {
  const own = key();
  if (/[^\x21-\x7e]/.test(own)) {
    throw new Problem("invalid_key", "The API key is not accepted", "This is no API key: a key has only letters, digits and “_”.");
  }
  return own ? { ...more, Authorization: `Bearer ${own}` } : { ...more };
}

/** Return the response to a request; whatever is not a success is thrown as a Problem. */
export async function ask(path, { method = "GET", body, type, signal } = {}) {
  const sent = { method, body, signal, headers: headers(type ? { "Content-Type": type } : {}) };
  let response;
  try {
    response = await fetch(path, sent);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("unreachable", "The service does not answer", "The request did not get through to the service.");
  }
  if (response.ok) return response;
  throw await problemOf(response);
}

async function problemOf(response) {
  const request = response.headers.get("X-Request-ID") ?? "";
  try {
    const { code, title, detail } = await response.json();
    if (code && title && detail) return new Problem(code, title, detail, request);
  } catch {
    // it is of something in between, such as a proxy
  }
  return new Problem("unknown", "The service answered something unexpected", `It answered status ${response.status}.`, request);
}

export async function json(path, options) {
  const response = await ask(path, options);
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (error instanceof SyntaxError) throw new Problem("unknown", "The service answered something unexpected", "The answer is not JSON.");
    throw new Problem("unreachable", "The service does not answer", "Its answer broke off.");
  }
}

/** Return a problem as sentences: what happened, why, and what to do. */
export function told(problem, again) {
  const known = problem instanceof Problem ? problem : new Problem("unknown", "The page failed", `${problem}`);
  return el(
    "div",
    { class: "problem", role: "alert" },
    el("strong", {}, `${known.title}.`),
    el("p", {}, `${known.detail} `, el("span", {}, known.advice)),
    again && el("button", { type: "button", on: { click: again } }, "Try again"),
    known.request && el("p", { class: "soft" }, "Request ", el("code", {}, known.request)),
  );
}

/** Read server-sent events until the signal aborts or the service ends them; an EventSource could send no key. */
export async function stream(path, signal, onEvent) {
  const response = await ask(path, { signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (waiting + value).split("\n\n");
    waiting = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").map((line) => [line.split(":", 1)[0], line.slice(line.indexOf(":") + 2)]));
      if (fields.data) onEvent(fields.event ?? "message", JSON.parse(fields.data));
    }
  }
}
