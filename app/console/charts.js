/** Small charts in SVG, drawn anew when their width changes, so that text keeps its size on every screen. */

import { el, svg } from "./dom.js";
import { fixed, share, tick, ticks } from "./numbers.js";

const LEFT = 44;
const RIGHT = 12;
const BOTTOM = 38;

const observer = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) target.redraw?.(Math.round(contentRect.width));
});

/** Return a figure whose picture `draw(width, height)` returns; `label` says in words what it shows.
 *  The height is a number, or a function of the width. */
export function chart(label, size, draw) {
  const host = el("div", { class: "chart", role: "img", "aria-label": label });
  const heightFor = typeof size === "function" ? size : () => size;
  let last = 0;
  host.style.height = `${heightFor(600)}px`;
  host.redraw = (width) => {
    if (width < 40 || width === last) return;
    last = width;
    const height = heightFor(width);
    host.style.height = `${height}px`;
    host.replaceChildren(svg("svg", { width, height, "aria-hidden": "true" }, draw(width, height)));
  };
  observer.observe(host);
  return host;
}

const scale = (low, high, from, to) => (value) => from + ((value - low) / (high - low || 1)) * (to - from);

const text = (x, y, words, attributes = {}) => svg("text", { x, y, ...attributes }, words);

function axis(x, y, low, high, width, title) {
  const all = ticks(low, high, width < 420 ? 4 : 7);
  return [
    svg("line", { x1: x(low), x2: x(high), y1: y, y2: y, class: "axis" }),
    all.map((value) => [
      svg("line", { x1: x(value), x2: x(value), y1: y, y2: y + 4, class: "axis" }),
      text(x(value), y + 16, tick(value, all), { "text-anchor": "middle" }),
    ]),
    title && text((x(low) + x(high)) / 2, y + 33, title, { "text-anchor": "middle", class: "title" }),
  ];
}

/** Return the range of uncertain scores, as far as it is in the picture. */
function doubt([from, to], x, [low, high], top, base) {
  const [left, right] = [from, to].map((value) => x(Math.min(high, Math.max(low, value))));
  return svg("rect", { x: left, y: top, width: Math.max(1, right - left), height: base - top, class: "doubt" });
}

/** Keep labels of lines inside the picture. */
const anchored = (x, width) => (x > width * 0.66 ? "end" : x < width * 0.34 ? "start" : "middle");

/** Return where a score lies among those of clean images: bars, the threshold, the uncertain range, the image. */
export function scorePicture({ value, threshold, uncertain, clean }, tone, words) {
  const spoken = `Score ${fixed(value)}, threshold ${fixed(threshold)}; most clean images score less.`;
  return chart(spoken, 176, (width, height) => {
    const low = clean.edges[0];
    const high = clean.edges.at(-1);
    const x = scale(low, high, 14, width - 14);
    const base = height - BOTTOM;
    const y = scale(0, Math.max(...clean.counts), base, 64);
    const size = clean.edges[1] - low;
    return [
      svg("rect", { x: x(threshold), y: 46, width: Math.max(0, x(high) - x(threshold)), height: base - 46, class: "beyond" }),
      doubt(uncertain, x, [low, high], 46, base),
      clean.counts.map((number, at) =>
        svg("rect", {
          x: x(clean.edges[at]) + 0.5, y: y(number), width: Math.max(1, x(low + size) - x(low) - 1), height: base - y(number), class: "bar soft",
        })),
      svg("line", { x1: x(threshold), x2: x(threshold), y1: 40, y2: base, class: "limit" }),
      text(x(threshold), 34, `threshold ${fixed(threshold)}`, { "text-anchor": anchored(x(threshold), width) }),
      svg("line", { x1: x(value), x2: x(value), y1: 20, y2: base, class: `mark ${tone}` }),
      svg("circle", { cx: x(value), cy: base, r: 5, class: `mark ${tone}` }),
      text(x(value), 14, `${words} ${fixed(value)}`, { "text-anchor": anchored(x(value), width), class: `strong ${tone}` }),
      axis(x, base, low, high, width, "score: larger is more suspicious"),
    ];
  });
}

/** Return two distributions over the same bars: areas that add up to one each. */
export function twoDistributions({ low, high, recent, calibration, threshold }) {
  const shares = (counts) => {
    const all = counts.reduce((sum, number) => sum + number, 0);
    return counts.map((number) => (all ? number / all : 0));
  };
  const [now, before] = [shares(recent), shares(calibration)];
  return chart("How scores of recent images are distributed, beside those of calibration images", 220, (width, height) => {
    const x = scale(low, high, LEFT, width - RIGHT);
    const base = height - BOTTOM;
    const most = Math.max(...now, ...before, 0.01);
    const y = scale(0, most, base, 30);
    const step = (high - low) / before.length;
    const all = ticks(0, most, 3);
    return [
      all.map((value) => [
        svg("line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value), class: "grid" }),
        text(LEFT - 6, y(value) + 4, share(value), { "text-anchor": "end" }),
      ]),
      before.map((value, at) =>
        svg("rect", { x: x(low + at * step) + 0.5, y: y(value), width: Math.max(1, x(low + step) - x(low) - 1), height: base - y(value), class: "bar soft" })),
      svg("path", { d: stairs(now, (at) => x(low + at * step), y), class: "stairs" }),
      svg("line", { x1: x(threshold), x2: x(threshold), y1: 22, y2: base, class: "limit" }),
      text(x(threshold), 16, `threshold ${fixed(threshold)}`, { "text-anchor": anchored(x(threshold), width) }),
      axis(x, base, low, high, width, "score"),
    ];
  });
}

const stairs = (values, x, y) =>
  `M${x(0)},${y(0)}${values.map((value, at) => `V${y(value)}H${x(at + 1)}`).join("")}V${y(0)}`;

/** Return the verdicts of each slot of time as stacked bars, the latest at the right. */
export function verdictsOverTime(slots, seconds) {
  return chart("Images judged over the last ten minutes, by verdict", 190, (width, height) => {
    const base = height - BOTTOM;
    const minutes = (slots.length * seconds) / 60;
    const x = scale(-minutes, 0, LEFT, width - RIGHT);
    const most = Math.max(4, ...slots.map((slot) => slot.benign + slot.uncertain + slot.adversarial));
    const y = scale(0, most, base, 12);
    const step = minutes / slots.length;
    const all = ticks(0, most, 3).filter(Number.isInteger);
    return [
      all.map((value) => [
        svg("line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value), class: "grid" }),
        text(LEFT - 6, y(value) + 4, value, { "text-anchor": "end" }),
      ]),
      slots.map((slot, at) => {
        let sum = 0;
        return ["benign", "uncertain", "adversarial"].map((name) => {
          const from = sum;
          sum += slot[name];
          return slot[name] > 0 &&
            svg("rect", {
              x: x(-minutes + at * step) + 0.5, y: y(sum), width: Math.max(1, x(step) - x(0) - 1), height: y(from) - y(sum), class: `bar ${name}`,
            });
        });
      }),
      axis(x, base, -minutes, 0, width, "minutes ago").flat(Infinity).map((part) => {
        if (part?.tagName === "text" && !part.classList.contains("title")) part.textContent = part.textContent.replace("−", "");
        return part;
      }),
    ];
  });
}

/** Return which share of clean images each threshold would flag. */
export function calibrationCurve({ scores, threshold, uncertain, target_fpr: target }) {
  const spoken = `A threshold of ${fixed(threshold)} flags at most ${share(target, 1)} of clean images.`;
  return chart(spoken, 240, (width, height) => {
    const low = scores[Math.floor(scores.length * 0.3)];
    const high = Math.max(scores.at(-1), threshold * 1.1);
    const x = scale(low, high, LEFT, width - RIGHT);
    const base = height - BOTTOM;
    const y = scale(0, 0.7, base, 26);
    const points = scores.map((score, at) => [score, 1 - (at + 1) / scores.length]).filter(([score]) => score >= low);
    return [
      [0, 0.2, 0.4, 0.6].map((value) => [
        svg("line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value), class: "grid" }),
        text(LEFT - 6, y(value) + 4, share(value), { "text-anchor": "end" }),
      ]),
      doubt(uncertain, x, [low, high], 26, base),
      svg("path", { d: `M${points.map(([score, part]) => `${x(score)},${y(part)}`).join("L")}`, class: "line" }),
      svg("line", { x1: LEFT, x2: width - RIGHT, y1: y(target), y2: y(target), class: "promise" }),
      text(width - RIGHT, y(target) - 6, `promise: ${share(target, 1)}`, { "text-anchor": "end" }),
      svg("line", { x1: x(threshold), x2: x(threshold), y1: 20, y2: base, class: "limit" }),
      text(x(threshold), 14, `threshold ${fixed(threshold)}`, { "text-anchor": anchored(x(threshold), width) }),
      axis(x, base, low, high, width, "threshold"),
    ];
  });
}

/** Return the similarity of every two classes as squares, the darker the more alike. */
export function heatMap(labels, values) {
  const between = values.flatMap((row, at) => row.filter((_, other) => other !== at));
  const [low, high] = [Math.min(...between), Math.max(...between)];
  const longest = Math.min(16, Math.max(...labels.map((label) => label.length)));
  const short = (label) => (label.length > 16 ? `${label.slice(0, 15)}…` : label);
  const spoken = `Similarity of classes, from ${fixed(low)} to ${fixed(high)}; the table below has the most alike`;
  const left = 12 + longest * 7;
  const sideFor = (width) => Math.max(6, Math.min(34, (width - left - 4) / labels.length));
  return chart(spoken, (width) => sideFor(width) * labels.length + 26, (width) => {
    const side = sideFor(width);
    const every = Math.ceil(13 / side);
    const opacity = (value) => 0.06 + 0.94 * Math.max(0, (value - low) / (high - low || 1));
    return labels.map((label, row) => [
      row % every === 0 && text(left - 6, row * side + side / 2 + 26, short(label), { "text-anchor": "end" }),
      row % every === 0 && side > 12 && longest < 4 && text(left + row * side + side / 2, 14, short(label), { "text-anchor": "middle" }),
      values[row].map((value, column) =>
        svg(
          "rect",
          {
            x: left + column * side, y: 22 + row * side, width: side - 1, height: side - 1, rx: Math.min(3, side / 8),
            class: row === column ? "self" : "heat", "fill-opacity": row === column ? 1 : opacity(value),
          },
          svg("title", {}, `${label} and ${labels[column]}: ${fixed(value)}`),
        )),
    ]);
  });
}

/** Return plain bars with a label below each. */
export function bars(label, values, names, title) {
  return chart(label, 190, (width, height) => {
    const base = height - BOTTOM;
    const x = scale(0, values.length, LEFT, width - RIGHT);
    const most = Math.max(...values);
    const y = scale(0, most, base, 10);
    const every = Math.ceil(26 / (x(1) - x(0)));
    return [
      [0, 0.5, 1].map((part) => [
        svg("line", { x1: LEFT, x2: width - RIGHT, y1: y(part * most), y2: y(part * most), class: "grid" }),
        text(LEFT - 6, y(part * most) + 4, share(part * most), { "text-anchor": "end" }),
      ]),
      values.map((value, at) => [
        svg("rect", { x: x(at) + 1, y: y(value), width: Math.max(1, x(1) - x(0) - 2), height: base - y(value), class: "bar" }),
        at % every === 0 && text((x(at) + x(at + 1)) / 2, base + 16, names[at], { "text-anchor": "middle" }),
      ]),
      text((LEFT + width) / 2, base + 33, title, { "text-anchor": "middle", class: "title" }),
    ];
  });
}
