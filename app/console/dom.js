/** Make elements. Text is always set as text, so nothing that a server answers is ever read as HTML. */

const SVG = "http://www.w3.org/2000/svg";

/** Return an element with attributes and children; `on` holds listeners, `false` and null leave an attribute out. */
export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "style") for (const [key, to] of Object.entries(value)) element.style.setProperty(key, to);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Return a section with a heading: the frame of everything that the console shows. */
export function card(title, attributes, ...children) {
  return el("section", { ...attributes, class: `card ${attributes?.class ?? ""}` }, el("h2", {}, title), ...children);
}

/** Return a table; a cell is text or an element, and the first cell of a row is its heading. */
export function table(caption, heads, rows, attributes = {}) {
  const row = (cells) =>
    el("tr", {}, cells.map((cell, at) => (at ? el("td", {}, cell) : el("th", { scope: "row" }, cell))));
  return el(
    "div",
    { class: "wide", tabindex: 0, role: "region", "aria-label": caption },
    el(
      "table",
      attributes,
      el("caption", { class: "hidden" }, caption),
      el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", {}, rows.map(row)),
    ),
  );
}

/** Put other children in place of those of a host, and keep how far each table is scrolled and which one has focus. */
export function renew(host, ...children) {
  const tables = () => [...host.querySelectorAll(".wide")];
  const before = new Map(tables().map((one) => [one.ariaLabel, { left: one.scrollLeft, focused: one === document.activeElement }]));
  host.replaceChildren(...children);
  for (const one of tables()) {
    const { left, focused } = before.get(one.ariaLabel) ?? {};
    if (left) one.scrollLeft = left;
    if (focused) one.focus({ preventScroll: true });
  }
}

/** Return a list of terms and what they are. */
export function facts(pairs) {
  return el("dl", { class: "facts" }, pairs.map(([term, what]) => el("div", {}, el("dt", {}, term), el("dd", {}, what))));
}

/** Have screen readers say a sentence. */
export function say(text) {
  document.getElementById("spoken").textContent = text;
}

/** Return what the colours and shapes of a picture mean: pairs of the kind of a key, and words. */
export function legend(keys) {
  return el("p", { class: "legend soft" }, keys.map((key) => key && el("span", {}, el("i", { class: `key ${key[0]}` }), key[1])));
}
