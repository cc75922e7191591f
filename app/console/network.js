/** The network as a graph of the layers that a path passes, with the path of the image that was inspected last. */

import { bars } from "./charts.js";
import { json } from "./client.js";
import { card, el, facts, legend, svg, table } from "./dom.js";
import { count, fixed, many, share } from "./numbers.js";

const [WIDTH, HEIGHT, ACROSS, DOWN] = [164, 84, 40, 22];
const SCALES = [0.15, 0.25, 0.4, 0.6, 0.8, 1, 1.3, 1.7];

export async function view(shared, signal) {
  const [figures, signatures] = await Promise.all(["/figures", "/similarity"].map((rest) => json(shared.path(rest), { signal })));
  const picture = shared.last ? shared.answer?.picture : null;
  const layers = joined(figures, signatures, picture);
  const lengths = routes(figures);
  return el(
    "div",
    { class: "stack" },
    el("h1", {}, "Network"),
    el(
      "p",
      { class: "soft" },
      picture
        ? `The path of the image inspected last, answered ${shared.answer.prediction.label}, in each layer.`
        : "The share of each layer that is in the path of an image, on average over clean images. Inspect an image to see its path here.",
    ),
    graph(layers, figures, picture),
    lengths.size > 1 && routesCard(lengths),
    numbers(layers, picture),
  );
}

function joined({ layers }, { density }, picture) {
  const clean = new Map(density.filter(({ kind }) => kind === "neurons").map(({ layer, share: part }) => [layer, part]));
  const pictured = new Map((picture?.layers ?? []).map((layer) => [layer.name, layer]));
  return layers.map((layer) => ({ ...layer, clean: clean.get(layer.name), seen: pictured.get(layer.name) }));
}

/** Return where each layer stands: one column after all that it reads, and below others of its column. */
function placed(layers) {
  const columns = new Map([["input", 0]]);
  const used = [];
  return layers.map((layer) => {
    const column = 1 + Math.max(0, ...layer.follows.map((name) => columns.get(name) ?? 0));
    columns.set(layer.name, column);
    used[column] = (used[column] ?? -1) + 1;
    return { ...layer, x: (column - 1) * (WIDTH + ACROSS) + 12, y: used[column] * (HEIGHT + DOWN) + 34 };
  });
}

function graph(layers, { output_follows: last }, picture) {
  const nodes = placed(layers);
  const where = new Map(nodes.map((node) => [node.name, node]));
  const width = Math.max(...nodes.map(({ x }) => x)) + WIDTH + 12;
  const height = Math.max(...nodes.map(({ y }) => y)) + HEIGHT + 14;
  const about = el("div", { class: "about", "aria-live": "polite" });
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}` });
  const shapes = nodes.map((node, at) => nodeShape(node, at, () => choose(at)));
  drawing.append(...nodes.flatMap((node) => edges(node, where)), ...shapes);

  function choose(at) {
    shapes.forEach((shape, other) => {
      shape.setAttribute("tabindex", other === at ? 0 : -1);
      if (other === at) shape.setAttribute("aria-current", "true");
      else shape.removeAttribute("aria-current");
    });
    about.replaceChildren(details(nodes[at], picture, last.includes(nodes[at].name)));
  }
  drawing.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const now = shapes.indexOf(document.activeElement);
    if (event.key === "Enter" || event.key === " ") {
      choose(now);
      event.preventDefault();
    }
    if (!step || now < 0) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(shapes.length - 1, now + step));
    choose(next);
    shapes[next].focus();
    shapes[next].scrollIntoView({ block: "nearest", inline: "nearest" });
  });

  let scale = SCALES.indexOf(1);
  const label = el("span", { class: "soft number" });
  const zoom = (to) => {
    scale = Math.max(0, Math.min(SCALES.length - 1, to));
    drawing.setAttribute("width", width * SCALES[scale]);
    drawing.setAttribute("height", height * SCALES[scale]);
    label.textContent = share(SCALES[scale]);
  };
  const box = el("div", { class: "graph", role: "group", "aria-label": "Layers; arrow keys go from one to the next" }, drawing);
  const fit = () => {
    const room = box.clientWidth || 1000;
    zoom(Math.max(0, SCALES.findLastIndex((size) => size <= 1 && width * size <= room)));
  };
  requestAnimationFrame(() => (width > box.clientWidth * 3 ? zoom(SCALES.indexOf(0.6)) : fit()));
  choose(Math.max(0, picture ? nodes.findIndex(({ seen }) => seen?.stands_out) : 0));
  return card(
    "Layers, from the image to the answer",
    {},
    el(
      "div",
      { class: "row" },
      el("button", { type: "button", "aria-label": "Smaller", on: { click: () => zoom(scale - 1) } }, "−"),
      el("button", { type: "button", "aria-label": "Larger", on: { click: () => zoom(scale + 1) } }, "+"),
      el("button", { type: "button", on: { click: fit } }, "Fit"),
      label,
      legend([picture && ["own-similarity", "similarity to the usual path"], ["grey", "share of the layer on the path"]]),
    ),
    box,
    about,
  );
}

function edges(node, where) {
  return node.follows.map((name) => {
    const from = where.get(name);
    const [x1, y1] = from ? [from.x + WIDTH, from.y + HEIGHT / 2] : [0, node.y + HEIGHT / 2];
    const [x2, y2] = [node.x, node.y + HEIGHT / 2];
    const far = from && x2 - x1 > ACROSS * 1.5 && y1 === y2;
    const bend = far ? Math.max(4, node.y - 16) : null;
    const middle = (x1 + x2) / 2;
    const d = far
      ? `M${x1},${y1}C${x1 + 24},${y1} ${x1 + 10},${bend} ${x1 + 40},${bend}H${x2 - 40}C${x2 - 10},${bend} ${x2 - 24},${y2} ${x2},${y2}`
      : `M${x1},${y1}C${middle},${y1} ${middle},${y2} ${x2},${y2}`;
    return svg("path", { d, class: "edge" });
  });
}

function nodeShape(node, at, onChoose) {
  const { name, seen, clean, x, y } = node;
  const density = seen ? seen.path.density : clean ?? 0;
  const similarity = seen?.similarity.value;
  const off = seen?.stands_out;
  const room = WIDTH - 72;
  const rail = (top, value, words, kind) => [
    svg("rect", { x: x + 12, y: y + top, width: room, height: 7, rx: 3.5, class: "rail" }),
    svg("rect", { x: x + 12, y: y + top, width: Math.max(3, room * value), height: 7, rx: 3.5, class: `full ${kind}` }),
    svg("text", { x: x + WIDTH - 12, y: y + top + 8, "text-anchor": "end" }, words),
  ];
  const short = name.length > 17 ? `…${name.slice(-16)}` : name;
  const words = `Layer ${name}: ${share(density, 1)} of it on the path${seen ? `, similarity ${fixed(similarity)}${off ? ", off the road" : ""}` : ""}`;
  return svg(
    "g",
    { class: off ? "node off" : "node", tabindex: at ? -1 : 0, role: "button", "aria-label": words, on: { click: onChoose } },
    svg("rect", { x, y, width: WIDTH, height: HEIGHT, rx: 8, class: "box" }),
    svg("text", { x: x + 12, y: y + 22, class: "layer" }, short),
    seen ? rail(37, similarity, fixed(similarity), off ? "off" : "") : null,
    rail(seen ? 60 : 48, density, share(density, 1), "other"),
  );
}

function details({ name, text, units, weights, seen, clean, follows }, picture, isLast) {
  const { similarity, path } = seen ?? {};
  return el(
    "div",
    { class: "stack" },
    el("h3", {}, `Layer ${name}, ${text}`),
    facts([
      ["Output", units.join(" × ")],
      ["Weights", weights.join(" × ")],
      ["Reads", follows.map((other) => (other === "input" ? "the image" : `layer ${other}`)).join(", ") || "nothing weighted"],
      path && ["On the path", `${count(path.units)} of ${count(path.size)} units, ${share(path.density, 1)} (usual ${share(path.usual_density.low, 1)} to ${share(path.usual_density.high, 1)})`],
      !path && clean !== undefined && ["On the path of clean images", share(clean, 1)],
      similarity && ["Similarity", `${fixed(similarity.value)} (usual ${fixed(similarity.band.low)} to ${fixed(similarity.band.high)})`],
      isLast && ["Leads to", "the answer"],
    ].filter(Boolean)),
    seen && el("p", { class: "soft" }, seen.text),
  );
}

/** Return how many routes lead from the image to the answer, by the number of weighted layers that they pass. */
function routes({ layers, output_follows: last }) {
  const known = new Map([["input", new Map([[0, 1]])]]);
  const sum = (names) => {
    const all = new Map();
    for (const name of names) for (const [length, number] of known.get(name) ?? []) all.set(length, (all.get(length) ?? 0) + number);
    return all;
  };
  for (const { name, follows } of layers) known.set(name, new Map([...sum(follows)].map(([length, number]) => [length + 1, number])));
  return sum(last);
}

function routesCard(lengths) {
  const sorted = [...lengths].sort(([one], [other]) => one - other);
  const all = sorted.reduce((total, [, number]) => total + number, 0);
  const [low, high] = [sorted[0][0], sorted.at(-1)[0]];
  const names = Array.from({ length: high - low + 1 }, (_, at) => low + at);
  const mean = sorted.reduce((total, [length, number]) => total + (length * number) / all, 0);
  return card(
    "How long the routes are",
    {},
    el("p", { class: "soft" }, `Shortcuts make ${all < 1e6 ? count(all) : all.toExponential(1)} routes from the image to the answer. They pass ${low} to ${high} weighted layers, ${fixed(mean, 1)} on average. This is of the network, not of one image.`),
    bars("Share of routes by the number of weighted layers that they pass", names.map((name) => (lengths.get(name) ?? 0) / all), names, "weighted layers on the route"),
  );
}

function numbers(layers, picture) {
  const heads = picture ? ["Layer", "What it is", "On the path", "Similarity", "Usual", ""] : ["Layer", "What it is", "Units", "On the path of clean images"];
  const rows = layers.map(({ name, text, units, clean, seen }) =>
    seen
      ? [name, text, share(seen.path.density, 1), fixed(seen.similarity.value), `${fixed(seen.similarity.band.low)} to ${fixed(seen.similarity.band.high)}`, seen.stands_out ? "off the road" : ""]
      : [name, text, count(units.reduce((product, size) => product * size, 1)), clean === undefined ? "–" : share(clean, 1)]);
  return card("In numbers", {}, el("details", { open: layers.length <= 20 }, el("summary", {}, many(layers.length, "layer")), table("Layers in numbers", heads, rows)));
}
