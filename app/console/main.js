/** The frame: which view is shown, for which model, and with which key. */

import { Problem, json, key, setKey, told } from "./client.js";
import { el, say } from "./dom.js";
import * as inspect from "./inspect.js";
import * as models from "./models.js";
import * as monitor from "./monitor.js";
import * as network from "./network.js";

const VIEWS = { inspect: "Inspect", network: "Network", monitor: "Monitor", models: "Models" };
const MADE = { inspect, network, monitor, models }; // all at once: none is missing when the service stops meanwhile
const content = document.getElementById("content");
const choice = document.getElementById("model");
const dialog = document.getElementById("key-dialog");
const shared = { model: null, last: null };
const WHY = document.getElementById("key-why").textContent;
let shown = null;
let retry = 0;

/** Return the address of what is asked about the chosen model, with its version. */
shared.path = (rest = "") => {
  const { name, version } = shared.model;
  return `v1/models/${encodeURIComponent(name)}${rest}?version=${encodeURIComponent(version)}`;
};
shared.query = () => new URLSearchParams({ model: shared.model.name, version: shared.model.version });

async function start() {
  clearTimeout(retry);
  try {
    const { models: loaded } = await json("v1/models");
    if (!loaded.length) throw new Problem("no_models", "No model is loaded", "There is nothing to judge images with.");
    choices(loaded);
    await show();
  } catch (problem) {
    content.replaceChildren(told(problem, start));
    content.removeAttribute("aria-busy");
    if (problem instanceof Problem && (problem.code === "missing_key" || problem.code === "invalid_key")) askForKey(problem.detail);
    if (problem.code === "not_ready") retry = setTimeout(start, 2000);
  }
}

function choices(models) {
  const all = models.flatMap(({ name, versions }) => versions.map((one) => ({ ...one, name })));
  const several = new Set(models.filter(({ versions }) => versions.length > 1).map(({ name }) => name));
  const before = shared.model;
  shared.models = all;
  shared.model = all.find((one) => one.name === before?.name && one.version === before?.version) ?? all[0];
  if (shared.model.bundle_sha256 !== before?.bundle_sha256) forget();
  choice.replaceChildren(
    ...all.map((one, at) =>
      el("option", { value: at, selected: one === shared.model }, several.has(one.name) ? `${one.name} · ${one.version}` : one.name)),
  );
  choice.disabled = all.length < 2;
}

/** Forget the image inspected last: what was found about it holds for its model, and was for its key. */
function forget() {
  Object.assign(shared, { last: null, answer: null });
}

/** Show a model and version in all views. */
shared.choose = (at) => {
  shared.model = shared.models[at];
  forget();
  choice.value = at;
};

async function show() {
  const name = location.hash.slice(1);
  const view = Object.hasOwn(VIEWS, name) ? name : "inspect";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${VIEWS[view]} · Pathprint`;
  shown?.abort();
  shown = new AbortController();
  const { signal } = shown;
  content.setAttribute("aria-busy", "true");
  try {
    const page = await MADE[view].view(shared, signal);
    if (signal.aborted) return;
    content.replaceChildren(page);
  } catch (problem) {
    if (signal.aborted) return;
    content.replaceChildren(el("h1", {}, VIEWS[view]), told(problem, show));
  } finally {
    if (!signal.aborted) content.removeAttribute("aria-busy");
  }
}

function askForKey(why) {
  document.getElementById("key-why").textContent = why ?? WHY;
  dialog.returnValue = ""; // else Escape would do again what the button pressed last did
  document.getElementById("key-value").value = key();
  if (!dialog.open) dialog.showModal();
}

dialog.addEventListener("close", () => {
  const value = document.getElementById("key-value").value.trim();
  if (dialog.returnValue === "save" && value) setKey(value);
  if (dialog.returnValue === "forget") setKey("");
  document.getElementById("key-value").value = "";
});
document.getElementById("key").addEventListener("click", () => askForKey());
document.addEventListener("key", () => {
  forget();
  start();
});
choice.addEventListener("change", () => {
  shared.choose(Number(choice.value));
  say(`Model ${shared.model.name}, version ${shared.model.version}.`);
  show();
});
addEventListener("hashchange", async () => {
  if (location.hash && !Object.hasOwn(VIEWS, location.hash.slice(1))) return; // a place within the view
  await show();
  content.focus({ preventScroll: true });
  scrollTo(0, 0);
});
start();
