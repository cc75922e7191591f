/** Show an answer about one image: the verdict, the reasons, and the path beside that of the classes. */

import { scorePicture } from "./charts.js";
import { card, el, facts, legend } from "./dom.js";
import { drawn } from "./npy.js";
import { apart, fixed, many, milliseconds, probability, share, signed } from "./numbers.js";

const WORDS = {
  adversarial: ["Adversarial", "The image takes a path that clean images with this answer hardly ever take. Do not rely on the answer."],
  benign: ["Benign", "The image takes a path that is usual for its answer."],
  uncertain: ["Uncertain", ""],
};
const TESTS = {
  fitted_on_attacks: ["Test fitted on attacks", "looks for what attacked images have in common"],
  fitted_on_clean_images: ["Test fitted on clean images", "looks for what clean images never have"],
};
const FIRST = 4;

const quoted = (label) => `“${label}”`;

/** Return the verdict: the answer to the question that somebody came with. */
export function verdictCard({ detection, prediction, picture, timing_ms: timing, input, limited }) {
  const tone = detection.verdict;
  const [title, sentence] = WORDS[tone];
  return el(
    "section",
    { class: `card verdict ${tone}` },
    el("p", { class: "kicker" }, "Verdict"),
    el("h2", {}, el("span", { class: `sign ${tone}`, "aria-hidden": "true" }), title),
    el("p", { class: "lead" }, detection.note ? `${sentence} ${sentencely(detection.note)}`.trim() : sentence),
    facts([
      ["The network answers", el("span", {}, el("strong", {}, prediction.label), prediction.confidence !== undefined && ` with ${probability(prediction.confidence)}`)],
      prediction.runner_up && ["Second likeliest", prediction.runner_up.label],
      detection.score !== undefined && ["Score", scoreBeside(detection)],
      detection.inferences !== undefined && ["Looked at", effort(detection)],
      timing && ["Took", milliseconds(timing.total)],
    ].filter(Boolean)),
    picture && [
      scorePicture(picture.score, tone, "this image"),
      el("p", { class: "soft" }, rarity(detection), " Grey bars are ", many(picture.score.clean.images, "clean calibration image"), "."),
      tests(picture.score, detection),
    ],
    limited && el("p", { class: "note" }, "This key may see the verdict, but not what is behind it. ", limited.advice),
    input.transforms.length > 0 && el("p", { class: "soft" }, `Before the network saw it: ${input.transforms.map(transform).join(", ")}.`),
  );
}

const sentencely = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!]$/.test(text) ? "" : "."}`;

function scoreBeside({ score, threshold }) {
  const [mine, limit] = apart(score, threshold);
  return el("span", {}, el("strong", {}, mine), `, ${score > threshold ? "above" : "not above"} the threshold ${limit}`);
}

/** Return how closely the image was looked at: 2 inferences are one look, and each further one is of an altered copy. */
function effort({ stage, inferences }) {
  const copies = inferences - 2;
  const looked = copies ? `the image and ${many(copies, "slightly altered copy", "slightly altered copies")} of it` : "the image alone";
  return `${looked}; decided in stage ${stage}${stage > 1 ? ", as there was doubt before" : ""}`;
}

function rarity({ p_value: p }) {
  if (p >= 0.5) return "Most clean images score at least this high.";
  return p < 0.0005 ? "Fewer than 0.1\u00a0% of clean images score this high." : `About ${share(p, p < 0.1 ? 1 : 0)} of clean images score at least this high.`;
}

const TRANSFORMS = {
  turned_upright: "it was turned upright", over_black: "transparent parts were laid over black", to_grey: "it was made grey", to_rgb: "it was made RGB", crop_centre: "its centre was cut out",
};

function transform(name) {
  const [kind, size] = name.split(":");
  return kind === "resize" ? `it was scaled to ${size.replace("x", " × ")}` : TRANSFORMS[kind] ?? name;
}

function tests({ tests: scores, threshold }, { test }) {
  const names = Object.keys(scores);
  return el(
    "ul",
    { class: "tests" },
    names.map((name) =>
      el(
        "li",
        { class: name === test ? "spoke" : "" },
        el("span", {}, el("strong", {}, TESTS[name][0]), ` ${TESTS[name][1]}`),
        el("span", { class: "number" }, fixed(scores[name])),
        el("span", { class: "soft" }, name === test ? (names.length > 1 ? "larger, so it speaks" : "speaks") : scores[name] > threshold ? "above the threshold, too" : "not above the threshold"),
      )),
  );
}

/** Return all that is behind a verdict. */
export function pictureCards(answer) {
  const { picture, evidence, prediction } = answer;
  if (!picture) return evidence ? [reasons(evidence.layers)] : [];
  return [reasons(evidence.layers), road(picture, prediction), places(picture, prediction), channels(picture, prediction)].filter(Boolean);
}

function reasons(layers) {
  const most = Math.max(...layers.map(({ contribution }) => Math.abs(contribution)), 1e-9);
  const item = ({ layer, contribution, text }) => {
    const bar = el("span", { class: `push ${contribution > 0 ? "up" : "down"}`, "aria-hidden": "true" }, el("i"));
    bar.firstChild.style.width = `${(50 * Math.abs(contribution)) / most}%`;
    return el("li", {}, el("span", { class: "number" }, signed(contribution)), bar, el("span", { class: "text" }, text ?? `Layer ${layer}`));
  };
  const rest = layers.slice(FIRST);
  return card(
    "Why",
    {},
    el("p", { class: "soft" }, "What moves the score most comes first: ", el("b", { class: "up" }, "+ towards adversarial"), ", ", el("b", { class: "down" }, "− towards benign"), "."),
    el("ol", { class: "reasons" }, layers.slice(0, FIRST).map(item)),
    rest.length > 0 && el("details", {}, el("summary", {}, `${many(rest.length, "more layer")}`), el("ol", { class: "reasons", start: FIRST + 1 }, rest.map(item))),
  );
}

const OUTER = 1.645; // standard deviations between which 90 % of a normal distribution lie

/** Return how similar the path is, layer by layer, on a road of one width: what is usual for clean images. */
function road({ layers }, { label, runner_up: second }) {
  const out = layers.filter((layer) => layer.stands_out);
  const furthest = layers.flatMap((layer) => [layer.similarity, layer.similarity_runner_up]).map(({ deviations }) => Math.abs(deviations));
  const reach = Math.max(3, Math.min(8, Math.ceil(Math.max(...furthest) + 0.5)));
  const place = (value) => `${50 + (50 * Math.max(-reach, Math.min(reach, value))) / reach}%`;
  const words = out.length
    ? `The path leaves the road in ${many(out.length, "layer")} of ${layers.length}: there it is less similar than that of about 95\u00a0% of clean images.`
    : "In no layer is the path less similar than that of about 95\u00a0% of clean images.";
  const whose = layers[0].similarity.band.of_class ? `clean images of ${quoted(label)}` : "all clean images, as too few of this class were seen";
  const list = el(
    "ul",
    { class: layers.length > 30 ? "road long" : "road", tabindex: layers.length > 30 ? 0 : null },
    el("li", { class: "heads soft", "aria-hidden": "true" }, el("span", {}, "Layer"), el("span", { class: "ends" }, el("span", {}, "← less", el("span", { class: "desk" }, " similar")), el("span", {}, "usual"), el("span", {}, "more", el("span", { class: "desk" }, " similar"), " →")), el("span", {}, "similarity")),
    layers.map((layer) => roadRow(layer, place)),
  );
  return card(
    "Where the path leaves the road",
    {},
    el("p", {}, words),
    list,
    legend([
      ["dot", `similarity to the usual path of ${quoted(label)}`],
      ["dot off", "off the road"],
      ["band", `the road: 90\u00a0% of ${whose}`],
      second && ["ring", `similarity to that of ${quoted(second.label)}, beside what is usual for it`],
    ]),
    el("h3", {}, "Whose path is it?"),
    el("p", { class: "soft" }, `Which of the two likeliest classes know the units on the path. The number is the share that ${quoted(label)} does not know.`),
    el("ul", { class: "road" }, layers.map((layer) => whoseRow(layer, label, second?.label))),
    legend([["both", "both"], ["own", `only ${quoted(label)}`], second && ["other", `only ${quoted(second.label)}`], ["neither", "neither"]]),
  );
}

function at(element, from, to) {
  element.style.insetInlineStart = from;
  if (to !== undefined) element.style.width = `calc(${to} - ${from})`;
  return element;
}

function roadRow({ name, kind, similarity, similarity_runner_up: other, stands_out: off }, place) {
  const { value, band, deviations } = similarity;
  const words = `Layer ${name}: similarity ${fixed(value)}, usual ${fixed(band.low)} to ${fixed(band.high)}${off ? ", off the road" : ""}`;
  return el(
    "li",
    { title: `${name}, ${kind}` },
    el("span", { class: "name" }, name),
    el(
      "span",
      { class: "track", role: "img", "aria-label": words },
      at(el("i", { class: "band" }), place(-OUTER), place(OUTER)),
      at(el("i", { class: "ring" }), place(other.deviations)),
      at(el("i", { class: off ? "dot off" : "dot" }), place(deviations)),
    ),
    el("span", { class: "number" }, el("b", { class: off ? "off" : "" }, fixed(value)), el("span", { class: "soft" }, ` usual ${fixed(band.usual)}`)),
  );
}

function whoseRow({ name, known }, label, second) {
  const parts = [["both", known.by_both], ["own", known.by_predicted], ["other", known.by_runner_up], ["neither", known.by_neither]];
  const words = `Layer ${name}: known to both ${share(known.by_both)}, only to ${label} ${share(known.by_predicted)}, only to ${second ?? "the other"} ${share(known.by_runner_up)}, to neither ${share(known.by_neither)}`;
  return el(
    "li",
    {},
    el("span", { class: "name" }, name),
    el("span", { class: "track whole", role: "img", "aria-label": words }, parts.map(([kind, part]) => {
      const piece = el("i", { class: kind });
      piece.style.flexGrow = part;
      return piece;
    })),
    el("span", { class: "number" }, share(known.by_neither + known.by_runner_up)),
  );
}

/** Return a picture that the service made, enlarged without blurring. */
function tile(map, title, words, kind = "map") {
  if (!map) return null;
  const image = el("img", { src: map.png, alt: title, width: map.width, height: map.height, class: map.width < 64 ? "coarse" : "" });
  return el("figure", {}, el("div", { class: `tile ${kind}` }, image), el("figcaption", {}, el("strong", {}, title), words && el("span", { class: "soft" }, words)));
}

function places({ maps }, { label, runner_up: second }) {
  return card(
    "Where in the image",
    {},
    el("p", { class: "soft" }, "The stronger the colour, the more of the path lies there.", maps.layer && ` The last three are of layer ${maps.layer}, and have one scale for the two classes.`),
    el(
      "div",
      { class: "tiles" },
      tile(maps.image, "What the network saw", null, "photo"),
      tile(maps.input, "Pixels on the path", maps.input_share !== undefined && `${share(maps.input_share)} of the input`),
      tile(maps.path, "This image’s path", maps.layer && `layer ${maps.layer}`),
      tile(maps.usual, `Usual for ${quoted(label)}`, "the answer"),
      second && tile(maps.usual_runner_up, `Usual for ${quoted(second.label)}`, "second likeliest"),
    ),
  );
}

function channels({ layers }, { label, runner_up: second }) {
  const known = layers.filter((layer) => layer.channels.length);
  if (!known.length) return null;
  const first = known.reduce((one, other) => (Math.abs(other.contribution) > Math.abs(one.contribution) ? other : one));
  const list = el("ul", { class: "channels" });
  const fill = (layer) => {
    const most = Math.max(...layer.channels.flatMap(({ units, usual, usual_runner_up: other }) => [units, usual, other]), 1);
    const row = (kind, value, words) => {
      const bar = el("i", { class: kind });
      bar.style.width = `${(100 * value) / most}%`;
      return el("span", { class: "line" }, el("span", { class: "track plain", "aria-hidden": "true" }, bar), el("span", { class: "number" }, fixed(value, Number.isInteger(value) ? 0 : 1)), el("span", { class: "hidden" }, words));
    };
    list.replaceChildren(...layer.channels.map(({ number, units, usual, usual_runner_up: other }) =>
      el("li", {}, el("strong", {}, `${number}`), row("dot", units, "units of this image. "), row("own", usual, `usual for ${label}. `), second && row("other", other, `usual for ${second.label}. `))));
  };
  const select = el(
    "select",
    { id: "layer", on: { change: () => fill(known[Number(select.value)]) } },
    known.map((layer, at) => el("option", { value: at, selected: layer === first }, `${layer.name}: ${layer.kind}`)),
  );
  fill(first);
  return card(
    "Which channels",
    {},
    el("p", { class: "row" }, el("label", { for: "layer" }, "Layer"), select),
    legend([["bar-dot", "units of this image"], ["own", `usual for ${quoted(label)}`], second && ["other", `usual for ${quoted(second.label)}`]]),
    list,
  );
}

/** Return a clean image, what an attack made of it, and what it changed, with both paths. */
export function comparison({ before, after, clean, attacked, change, label, attack }) {
  const column = (title, words, canvas, map, answer) =>
    el(
      "div",
      { class: "column" },
      el("h3", {}, title),
      el("div", { class: "pair" }, el("div", { class: "tile photo" }, canvas), map && tile(map, "Pixels on the path", null)),
      el("p", {}, words),
      answer && el("p", { class: `pill ${answer.detection.verdict}` }, WORDS[answer.detection.verdict][0], answer.detection.score !== undefined && ` · ${fixed(answer.detection.score)}`),
    );
  const said = ({ prediction }) => ["The network answers ", el("strong", {}, prediction.label), prediction.confidence !== undefined && ` with ${probability(prediction.confidence)}.`];
  return card(
    `${label}, attacked by ${attack}`,
    {},
    el(
      "div",
      { class: "three" },
      column("Original", said(before), drawn(clean, `The original, ${label}`), before.picture?.maps.input, before),
      column("Attacked", said(after), drawn(attacked, "The attacked image"), after.picture?.maps.input, after),
      column(
        "What the attack changed",
        [`No pixel changes by more than ${share(change.most, change.most < 0.05 ? 1 : 0)} of the range from black to white. Here the change is enlarged ${fixed(change.factor, change.factor < 10 ? 1 : 0)} times; grey is no change.`],
        drawn(change.pixels, "What the attack changed, amplified"),
      ),
    ),
    el("p", { class: "soft" }, "Below is what was found about the attacked image."),
  );
}
