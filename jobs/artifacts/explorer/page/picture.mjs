// Pictures of 28 x 28 grey pixels on canvases; style.css enlarges them without smoothing.

export const SIDE = 28;
const GAP = 2;

/** Returns pixels on the scale 0 (black) to 1 (white) as opaque image data, clipped. */
function greys(pixels) {
  const image = new ImageData(SIDE, SIDE);
  pixels.forEach((value, i) => image.data.fill(Math.round(255 * value), 4 * i, 4 * i + 3));
  for (let i = 3; i < image.data.length; i += 4) image.data[i] = 255;
  return image;
}

/** Paints one picture on a canvas of 28 x 28. */
export function paint(canvas, pixels) {
  canvas.getContext("2d").putImageData(greys(pixels), 0, 0);
}

/** Paints pictures side by side. */
export function paintStrip(canvas, pictures) {
  canvas.width = pictures.length * (SIDE + GAP) - GAP;
  const context = canvas.getContext("2d");
  pictures.forEach((pixels, i) => context.putImageData(greys(pixels), i * (SIDE + GAP), 0));
}
