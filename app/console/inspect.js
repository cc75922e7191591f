/** Inspect an image: the verdict first, then why. */

import { Problem, ask, json, told } from "./client.js";
import { card, el, say } from "./dom.js";
import { many } from "./numbers.js";
import { difference, drawn, parsed } from "./npy.js";
import { comparison, pictureCards, verdictCard } from "./picture.js";

const ANY_IMAGE = "application/octet-stream"; // browsers tell the type from the name, which may be wrong
const TYPES = ["image/png", "image/jpeg", "image/bmp", "image/webp"];

export async function view(shared, signal) {
  const results = el("div", { class: "results" });
  const side = el("div", { class: "side" }, chooser(shared, results, signal));
  const page = el("div", { class: "split" }, el("h1", { class: "hidden" }, "Inspect an image"), side, results);
  results.append(...(shared.last ?? [welcome()]));
  json(shared.path("/figures"), { signal }).then(
    (figures) => {
      if (!figures.examples.length) return;
      side.append(examples(shared, figures, results, signal));
      results.querySelector(".about-examples")?.removeAttribute("hidden");
    },
    (problem) => signal.aborted || problem.code === "insufficient_scope" || side.append(told(problem)),
  );
  return page;
}

function welcome() {
  return el(
    "div",
    { class: "empty" },
    el("h2", {}, "Is this image what it seems to be?"),
    el(
      "p",
      {},
      "Choose an image. You learn what the network takes it for, whether the way it came to this answer is usual, and if not, where it leaves the road.",
    ),
    el("p", { class: "about-examples", hidden: true }, "The examples are pairs of a clean image and what an attack made of it, so that the network errs."),
  );
}

function chooser(shared, results, signal) {
  const input = el("input", {
    type: "file", id: "file", class: "hidden", accept: [...TYPES, ".npy"].join(","),
    on: { change: () => input.files[0] && take(input.files[0]) },
  });
  const preview = el("div", { class: "preview", hidden: true });
  const over = (is) => zone.classList.toggle("over", is);
  const zone = el(
    "div",
    { class: "drop" },
    preview,
    input,
    el("label", { for: "file", class: "button main" }, "Choose an image"),
    el("p", { class: "soft" }, "or drop it here, or paste it. PNG, JPEG, BMP, WebP, or .npy"),
  );
  // On the whole page: a browser leaves it for a file that is dropped beside the frame.
  document.addEventListener("dragover", (event) => { event.preventDefault(); over(true); }, { signal });
  document.addEventListener("dragleave", (event) => event.relatedTarget || over(false), { signal });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    over(false);
    only([...(event.dataTransfer?.files ?? [])], "dropped");
  }, { signal });
  document.addEventListener("paste", (event) => {
    if (event.target instanceof Element && event.target.closest("input:not([type=file]), dialog")) return;
    only([...(event.clipboardData?.files ?? [])], "pasted");
  }, { signal });

  /** Take the one file that was dropped or pasted: which of several was meant, and what else came, is not guessed. */
  function only(files, how) {
    if (files.length === 1) return take(files[0]);
    preview.hidden = true;
    const found = files.length ? ["several_files", "There are several files", `${files.length} files were ${how}.`] : ["no_file", "There is no image", `What was ${how} is not a file.`];
    return judge(shared, results, signal, () => Promise.reject(new Problem(...found)));
  }

  async function take(file) {
    shown(preview, file);
    for (const other of document.querySelectorAll(".example[aria-pressed]")) other.removeAttribute("aria-pressed");
    await judge(shared, results, signal, async (now) => {
      await readable(file);
      return { answer: await judged(shared, file, ANY_IMAGE, now) };
    });
    input.value = "";
  }
  return card("Your image", {}, zone);
}

/** Refuse what cannot be read before it is sent: a browser reports that as if the service were away. */
async function readable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new Problem("unreadable_file", "The file cannot be read", `The browser could not open “${file.name}”.`);
  }
}

function shown(preview, file) {
  const image = el("img", { alt: `The chosen file ${file.name}` });
  const address = URL.createObjectURL(file);
  image.addEventListener("load", () => {
    if (image.naturalWidth < 64) image.classList.add("coarse");
    URL.revokeObjectURL(address);
  });
  image.addEventListener("error", () => {
    image.remove();
    URL.revokeObjectURL(address);
  });
  image.src = address;
  preview.replaceChildren(image, el("span", { class: "soft" }, file.name));
  preview.hidden = false;
}

/** Return what the service says about an image: with a picture, or the verdict alone where the key allows no more. */
async function judged(shared, body, type, signal) {
  const query = shared.query();
  try {
    return await json(`v1/picture?${query}`, { method: "POST", body, type, signal });
  } catch (problem) {
    if (problem.code !== "insufficient_scope" && problem.code !== "detail_not_allowed") throw problem;
    return { ...(await json(`v1/detect?${query}`, { method: "POST", body, type, signal })), limited: problem };
  }
}

let judging = null;

/** Show what `make` finds out, unless another image is chosen meanwhile: the last one chosen is the one shown. */
async function judge(shared, results, viewed, make) {
  judging?.abort();
  judging = new AbortController();
  const signal = AbortSignal.any([viewed, judging.signal]);
  results.setAttribute("aria-busy", "true");
  say("The image is being judged.");
  try {
    const { answer, shown: made = cards(answer) } = await make(signal);
    if (signal.aborted) return;
    Object.assign(shared, { last: made, answer });
  } catch (problem) {
    if (signal.aborted || problem.name === "AbortError") return;
    Object.assign(shared, { last: [told(problem)], answer: null });
    say("");
  } finally {
    if (!signal.aborted) results.removeAttribute("aria-busy");
  }
  results.replaceChildren(...shared.last);
  const { answer } = shared;
  if (!answer) return;
  say(`${answer.detection.verdict}. The network answers ${answer.prediction.label}.`);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (innerWidth < 900) results.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
}

function cards(answer) {
  return [verdictCard(answer), ...pictureCards(answer)];
}

function examples(shared, figures, results, signal) {
  const list = el("ul", { class: "examples" });
  const fill = async () => {
    for (const [number, { label, attack }] of figures.examples.entries()) {
      const button = el("button", { type: "button", class: "example" });
      list.append(el("li", {}, button));
      const pair = await pairOf(shared, number, signal);
      button.append(
        drawn(pair.clean.pixels, ""), drawn(pair.attacked.pixels, ""),
        el("span", {}, el("strong", {}, label), el("span", { class: "soft" }, attack)),
      );
      button.setAttribute("aria-label", `Example: ${label}, attacked by ${attack}`);
      for (const canvas of button.querySelectorAll("canvas")) canvas.setAttribute("aria-hidden", "true");
      button.addEventListener("click", () => {
        for (const other of list.querySelectorAll("[aria-pressed]")) other.removeAttribute("aria-pressed");
        button.setAttribute("aria-pressed", "true");
        document.querySelector(".preview").hidden = true;
        judge(shared, results, signal, (now) => compared(shared, pair, { label, attack }, now));
      });
    }
  };
  fill().catch((problem) => signal.aborted || list.replaceWith(told(problem)));
  const words = `${many(figures.examples.length, "pair")}: an image that nothing was fitted on, and what an attack made of it.`;
  return card("Examples", {}, el("p", { class: "soft" }, words), list);
}

async function pairOf(shared, number, signal) {
  const one = async (kind) => {
    const buffer = await (await ask(shared.path(`/examples/${number}/${kind}`), { signal })).arrayBuffer();
    return { buffer, pixels: parsed(buffer) };
  };
  const [clean, attacked] = await Promise.all([one("clean"), one("attacked")]);
  return { clean, attacked };
}

async function compared(shared, { clean, attacked }, { label, attack }, signal) {
  const npy = "application/x-npy";
  const after = await judged(shared, attacked.buffer, npy, signal);
  const before = await judged(shared, clean.buffer, npy, signal);
  const change = difference(clean.pixels, attacked.pixels);
  const pair = comparison({ before, after, clean: clean.pixels, attacked: attacked.pixels, change, label, attack });
  return { answer: after, shown: [verdictCard(after), pair, ...pictureCards(after)] };
}
