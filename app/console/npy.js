/** Pixels as numbers: files of numpy.save with float32 `c h w`, as examples are sent, drawn and compared. */

const HEAD = 10;

/** Return `{values, shape}` of a file with float32 in C order. */
export function parsed(buffer) {
  const length = new DataView(buffer).getUint16(8, true);
  const head = new TextDecoder("latin1").decode(new Uint8Array(buffer, HEAD, length));
  const shape = /'shape': \(([^)]*)\)/.exec(head)[1].split(",").filter((part) => part.trim()).map(Number);
  if (!head.includes("'<f4'") || head.includes("True")) throw new Error("not float32 in C order");
  return { values: new Float32Array(buffer.slice(HEAD + length)), shape };
}

/** Return what was added to each pixel, amplified so that the largest change is half of the range, around grey. */
export function difference(from, to) {
  let most = 0;
  for (let at = 0; at < to.values.length; at += 1) most = Math.max(most, Math.abs(to.values[at] - from.values[at]));
  const factor = most ? 0.5 / most : 1;
  const values = to.values.map((value, at) => 0.5 + (value - from.values[at]) * factor);
  return { pixels: { values, shape: to.shape }, most, factor };
}

/** Draw pixels on a canvas of their own size; the style sheet enlarges it. */
export function drawn({ values, shape }, label) {
  const [channels, height, width] = shape;
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  const image = new ImageData(width, height);
  const plane = height * width;
  for (let at = 0; at < plane; at += 1) {
    for (let colour = 0; colour < 3; colour += 1) {
      image.data[4 * at + colour] = Math.round(255 * values[at + (channels < 3 ? 0 : colour * plane)]);
    }
    image.data[4 * at + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  if (width < 64) canvas.classList.add("coarse");
  return canvas;
}
