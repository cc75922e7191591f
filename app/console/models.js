/** Which models are loaded, what they were made of, and what their thresholds promise. */

import { ask, json, told } from "./client.js";
import { calibrationCurve, heatMap } from "./charts.js";
import { card, el, facts, table } from "./dom.js";
import { count, fixed, many, share } from "./numbers.js";

const MOST_PAIRS = 5;

export async function view(shared, signal) {
  const [described, figures, { classes, needed_images: needed }] = await Promise.all(
    ["", "/figures", "/classes"].map((rest) => json(shared.path(rest), { signal })),
  );
  return el(
    "div",
    { class: "stack" },
    el("h1", {}, "Models"),
    shared.models.length > 1 && versions(shared),
    summary(described),
    el(
      "div",
      { class: "two" },
      el("div", { class: "stack" }, promise(described, figures), similarity(shared, signal)),
      el("div", { class: "stack" }, madeOf(figures), classTable(classes, needed)),
    ),
    figures.has_report ? report(shared, signal) : card("Evaluation report", {}, el("p", { class: "soft" }, "There is none beside this bundle. Write one with ", el("code", {}, "pathprint evaluate BUNDLE --report BUNDLE.html"), ".")),
  );
}

function versions(shared) {
  const rows = shared.models.map((one, at) => [
    one.name, one.version, el("code", {}, one.bundle_sha256.slice(0, 12)),
    one === shared.model
      ? "shown below"
      : el("button", { type: "button", on: { click: () => { shared.choose(at); dispatchEvent(new HashChangeEvent("hashchange")); } } }, "Show"),
  ]);
  return card("Loaded", {}, table("Loaded models", ["Model", "Version", "Bundle", ""], rows));
}

function summary(model) {
  const { shape: [channels, height, width] } = model.input;
  return card(
    model.name,
    {},
    facts([
      ["Version", model.version],
      ["Takes", `${width} × ${height}, ${channels === 1 ? "grey" : channels === 3 ? "colour" : many(channels, "channel")}`],
      ["Classes", model.judged_classes === model.classes ? count(model.classes) : `${count(model.judged_classes)} judged of ${count(model.classes)}`],
      ["Looks at each image", { fast: "once (fast)", standard: "twice (standard)", thorough: "again and again while in doubt (thorough)" }[model.tier] ?? model.tier],
      ["Tests", model.tests.map((name) => ({ fitted_on_attacks: "fitted on attacks", fitted_on_clean_images: "fitted on clean images" })[name] ?? name).join(", ")],
      ["Bundle", el("code", {}, model.bundle_sha256.slice(0, 16), "…")],
    ]),
  );
}

function promise(model, { calibration }) {
  const { target_fpr: target, interval95: [low, high], n_clean: images } = model.calibration;
  return card(
    "What the threshold promises",
    {},
    el("p", {}, el("strong", {}, `At most ${share(target, targetDigits(target))} of clean images are flagged, on average.`), ` The threshold ${fixed(model.threshold)} was set on ${many(images, "clean image")}. They are a sample, so the true share of this threshold may be more or less: with 95\u00a0% confidence it lies between ${share(low, 1)} and ${share(high, 1)}.`),
    calibrationCurve(calibration),
    el("p", { class: "soft" }, "Share of clean images that each threshold would flag. In the shaded range the verdict is uncertain."),
  );
}

const targetDigits = (target) => Math.max(1, Math.ceil(-Math.log10(target)) - 1);

const ROLES = { profile: "profiling", fit: "fitting the detector", calibrate: "setting the threshold" };

function madeOf({ provenance: made, layers }) {
  const total = made.attacks.reduce((sum, { images }) => sum + images, 0);
  return card(
    "What it was made of",
    {},
    facts([
      ["Data", made.data || "not recorded"],
      ...Object.entries(ROLES).map(([role, words]) => [`Images set aside for ${words}`, count(made.images[role] ?? 0)]),
      ["Classifier", made.classifier.replaceAll("_", " ")],
      ["Features", count(made.features)],
      ["Weighted layers", count(layers.length)],
      ["Calibrated anew", made.recalibrated ? many(made.recalibrated, "time") : "never"],
    ]),
    made.attacks.length > 0 && el("h3", {}, `Fitted on ${many(total, "attacked image")}`),
    made.attacks.length > 0 && el("ul", { class: "chips" }, made.attacks.map(({ name, images }) => el("li", {}, name, el("span", { class: "number" }, count(images))))),
    el("details", {}, el("summary", {}, "How paths are extracted"), facts(Object.entries(made.policy).map(([name, value]) => [name.replaceAll("_", " "), `${value ?? "all"}`]))),
  );
}

function similarity(shared, signal) {
  const body = el("div", { class: "stack" }, el("p", { class: "soft" }, "Comparing classes …"));
  const fill = async () => {
    const found = await json(shared.path("/similarity"), { signal });
    const pairs = found.labels
      .flatMap((label, row) => found.labels.slice(row + 1).map((other, at) => [label, other, found.similarity[row][row + 1 + at]]))
      .sort((one, other) => other[2] - one[2]);
    body.replaceChildren(
      el("p", { class: "soft" }, "The darker, the more of their usual paths two classes share.", found.labels.length < found.classes && ` These are ${found.labels.length} of ${count(found.classes)} classes.`, found.estimated && " Estimated on a part of the network."),
      heatMap(found.labels, found.similarity),
      table("The most alike classes", ["Most alike", "Similarity"], pairs.slice(0, MOST_PAIRS).map(([one, other, value]) => [`${one} and ${other}`, fixed(value)])),
    );
  };
  fill().catch((problem) => signal.aborted || body.replaceChildren(told(problem, fill)));
  return card("How alike its classes are", {}, body);
}

function classTable(classes, needed) {
  const few = classes.filter(({ judged }) => !judged);
  const rows = classes.map(({ class_id: id, label, images, judged }) => [`${id}`, label, count(images), judged ? "judged" : "too few"]);
  return card(
    "Classes",
    {},
    el("p", { class: "soft" }, few.length ? `${many(few.length, "class", "classes")} have fewer than ${needed} profiled images; verdicts on them are uncertain.` : `Each has the ${needed} profiled images that a verdict needs.`),
    el("div", { class: "tall" }, table("Classes", ["", "Class", "Profiled images", "Verdicts"], rows)),
  );
}

function report(shared, signal) {
  const body = el("div");
  const open = async () => {
    button.disabled = true;
    try {
      const page = await (await ask(shared.path("/report"), { signal })).text();
      body.replaceChildren(shadowed(page));
      button.remove();
    } catch (problem) {
      button.disabled = false;
      if (!signal.aborted) body.replaceChildren(told(problem));
    }
  };
  const button = el("button", { type: "button", on: { click: open } }, "Show the report");
  return card("Evaluation report", {}, el("p", { class: "soft" }, "What the detector finds on images that nothing was fitted on, attack by attack."), el("p", {}, button), body);
}

/** Return a report inside this page, with styles that reach nothing else. It has no scripts, and none would run. */
function shadowed(page) {
  let styles = "";
  const bare = page.replace(/<style[^>]*>([\s\S]*?)<\/style>/gi, (_, rules) => { styles += rules; return ""; });
  const found = new DOMParser().parseFromString(bare, "text/html");
  for (const unwanted of found.querySelectorAll("script, style, link, meta, base, iframe, object, embed, form, nav")) unwanted.remove();
  const host = el("div", { class: "report" });
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(styles.replaceAll(":root", ":host").replace(/(^|[\s,{}])body(?=[\s{,])/g, "$1.body"));
  root.adoptedStyleSheets = [sheet];
  root.append(el("div", { class: "body" }, ...[...found.body.childNodes].map((node) => document.adoptNode(node))));
  return host;
}
