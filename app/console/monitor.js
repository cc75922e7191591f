/** What the service decides for all its clients, as it happens. */

import { json, stream, told } from "./client.js";
import { twoDistributions, verdictsOverTime } from "./charts.js";
import { card, el, legend, renew, table } from "./dom.js";
import { clock, count, fixed, many, milliseconds, share } from "./numbers.js";

const MOST = 50;
const REASONS = {
  queue_full: "no room", deadline: "too late", cancelled: "client left", rate: "beyond a rate", query_attack: "query attack", connections: "too many connections", draining: "stopping", not_ready: "not ready",
};
const STATES = { too_few: "Too few images yet", as_calibrated: "As calibrated", drifted: "Drifted" };

export async function view(shared, signal) {
  const decisions = [];
  let last = 0;
  let started = "";
  const body = el("div", { class: "stack" });
  const state = el("span", { class: "state" }, "connecting …");
  const list = el("div");
  const page = el("div", { class: "stack" }, el("div", { class: "title" }, el("h1", {}, "Monitor"), state), body, card("Latest decisions", {}, list));

  const show = (found) => {
    if (found.started !== started) [decisions.length, last, started] = [0, 0, found.started]; // another process
    const fresh = found.decisions.filter(({ number }) => number > last); // a new stream sends the latest again
    decisions.unshift(...fresh.reverse());
    decisions.length = Math.min(decisions.length, MOST);
    last = decisions[0]?.number ?? 0;
    state.className = "state live";
    state.textContent = `live, ${clock(found.time)}`;
    renew(body, ...sections(found));
    if (fresh.length || !list.hasChildNodes()) renew(list, latest(decisions));
  };
  show(await json("v1/monitor", { signal }));
  follow(show, state, body, signal);
  return page;
}

/** Follow the events for as long as the view is shown, and begin again when they end. */
async function follow(show, state, body, signal) {
  let pause = 1000;
  while (!signal.aborted) {
    try {
      await stream("v1/monitor/events", signal, (event, found) => {
        if (event !== "state") return;
        pause = 1000;
        show(found);
      });
    } catch (problem) {
      if (signal.aborted) return;
      state.className = "state";
      state.textContent = "not connected";
      if (problem.code) body.replaceChildren(told(problem));
    }
    if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, 30000);
  }
}

function sections(found) {
  return [
    tiles(found),
    el(
      "div",
      { class: "two" },
      card("Verdicts", {},
        verdictsOverTime(found.slots, found.slot_seconds),
        legend(["benign", "uncertain", "adversarial"].map((name) => [name, name]))),
      card("Where the time goes", {}, latency(found.latency)),
    ),
    found.models.map((model) => el("div", { class: "two" }, scores(model), drift(model))),
    el("div", { class: "two" }, alarms(found.alarms), refused(found.load)),
  ].flat();
}

function tiles({ verdicts, load, latency: times, started }) {
  const all = verdicts.benign + verdicts.uncertain + verdicts.adversarial;
  const turned = Object.values(load.refused).reduce((sum, number) => sum + number, 0);
  const tile = (title, value, below) => el("div", { class: "figure" }, el("dt", {}, title), el("dd", {}, value), el("dd", {}, below));
  return el(
    "dl",
    { class: "figures" },
    tile("Images judged", count(all), `since ${new Date(started).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" })}`),
    tile("Adversarial", all ? share(verdicts.adversarial / all, 1) : "–", all ? `${count(verdicts.adversarial)}, and ${count(verdicts.uncertain)} uncertain` : "no image yet"),
    tile("Median time", milliseconds(times.total.median), `95 % within ${milliseconds(times.total.p95)}`),
    tile("Waiting", count(load.images), `${count(load.waiting)} of ${count(load.most_waiting)} requests`),
    tile("Turned away", count(turned), "requests since the start"),
  );
}

function latency(times) {
  const names = { decode: "Decoding", queue: "Waiting", compute: "Computing", total: "Whole request" };
  if (times.total.median === null) return el("p", { class: "soft" }, "No image was judged yet.");
  const rows = Object.entries(names).map(([name, words]) => [words, milliseconds(times[name].median), milliseconds(times[name].p95)]);
  return table("Where the time goes", ["Of the latest images", "Median", "95 % within"], rows);
}

function scores({ health, scores: bars }) {
  const none = !bars.recent.some(Boolean);
  return card(
    `Scores · ${health.name}`,
    {},
    twoDistributions(bars),
    legend([["bar-dot", none ? "recent images (none yet)" : "recent images"], ["grey", "calibration images"]]),
  );
}

function drift({ health }) {
  const { flagged, scores: distance } = health;
  const most = Math.max(0.2, flagged.calibrated95[1] * 1.5, health.images ? Math.min(1, flagged.interval95[1]) * 1.1 : 0);
  const range = ([low, high], kind, words) => {
    const bar = el("i", { class: kind });
    bar.style.insetInlineStart = `${(100 * low) / most}%`;
    bar.style.width = `${(100 * Math.min(most, high) - 100 * low) / most}%`;
    return [el("p", { class: "soft" }, words), el("div", { class: "interval", "aria-hidden": "true" }, bar)];
  };
  return card(
    `Drift · ${health.name} ${health.version}`,
    {},
    el("p", { class: health.state === "drifted" ? "big up" : "big" }, STATES[health.state]),
    el("p", {}, health.text),
    health.images > 0 && range(flagged.interval95, "", `Flagged lately, that is above the threshold: ${share(flagged.share, 1)} of ${many(health.images, "image")} (95 %: ${share(flagged.interval95[0], 1)} to ${share(flagged.interval95[1], 1)})`),
    range(flagged.calibrated95, "before", `Flagged of clean images: at most ${share(flagged.target, 1)} promised (95 %: ${share(flagged.calibrated95[0], 1)} to ${share(flagged.calibrated95[1], 1)})`),
    health.images > 0 && el("p", { class: "soft" }, `Distance of the scores from those of the calibration: ${fixed(distance.distance)}; chance alone reaches ${fixed(distance.by_chance)}.`),
  );
}

function alarms(found) {
  const rows = [...found].reverse().map((one) => [clock(one.time), one.key_id ?? "no key", one.model, `${one.similar} of ${one.remembered}`, one.action === "refuse" ? "refused" : "told only"]);
  return card("Query attacks", {}, rows.length ? table("Query attacks", ["Time", "Key", "Model", "Similar images", ""], rows) : el("p", { class: "soft" }, "No caller sent many similar images."));
}

function refused({ refused: by, watching }) {
  const rows = Object.entries(by).map(([reason, number]) => [REASONS[reason] ?? reason, count(number)]);
  return card(
    "Turned away",
    {},
    rows.length ? table("Requests turned away", ["Why", "Requests"], rows) : el("p", { class: "soft" }, "No request was turned away."),
    el("p", { class: "soft" }, `${many(watching, "browser")} watching.`),
  );
}

function latest(decisions) {
  if (!decisions.length) return el("p", { class: "soft" }, "Nothing was decided yet. Judge an image, and it appears here; the image itself is never kept.");
  const rows = decisions.map((one) => [
    clock(one.time), el("span", { class: `pill ${one.verdict}` }, one.verdict), one.label, fixed(one.score), milliseconds(one.milliseconds), one.key_id ?? "no key", one.model, el("code", { title: one.sha256 }, one.sha256.slice(0, 10)),
  ]);
  return table("Latest decisions", ["Time", "Verdict", "Answer", "Score", "Took", "Key", "Model", "SHA-256"], rows);
}
