/** Numbers as people read them. */

export const share = (value, digits = 0) => `${(value * 100).toFixed(digits)}\u00a0%`;

export const fixed = (value, digits = 2) => value.toFixed(digits).replace("-", "−");

/** Return two numbers with as many decimals as it takes to tell them apart, so that none seems to equal the other. */
export function apart(one, other) {
  const digits = [2, 3, 4, 6, 9].find((many) => one === other || one.toFixed(many) !== other.toFixed(many)) ?? 12;
  return [fixed(one, digits), fixed(other, digits)];
}

export const signed = (value, digits = 2) => (value < 0 ? "" : "+") + fixed(value, digits);

export const count = (value) => value.toLocaleString("en");

export const many = (value, one, more = `${one}s`) => `${count(value)} ${value === 1 ? one : more}`;

/** A probability near 1 or 0 is not rounded to it. */
export function probability(value) {
  if (value > 0.9995 && value < 1) return "over 99.9\u00a0%";
  if (value < 0.0005 && value > 0) return "under 0.1\u00a0%";
  return share(value, value > 0.995 || value < 0.1 ? 1 : 0);
}

export function milliseconds(value) {
  if (value === null || value === undefined) return "–";
  return value < 1000 ? `${value < 10 ? value.toFixed(1) : Math.round(value)}\u00a0ms` : `${(value / 1000).toFixed(1)}\u00a0s`;
}

export function clock(text) {
  return new Date(text).toLocaleTimeString("en-GB");
}

/** Return about `wanted` round numbers from `low` to `high`. */
export function ticks(low, high, wanted = 5) {
  const rough = (high - low || 1) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at += 1) found.push(at * step);
  return found;
}

export function tick(value, all) {
  const step = all.length > 1 ? Math.abs(all[1] - all[0]) : 1;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return fixed(value === 0 ? 0 : value, digits);
}
