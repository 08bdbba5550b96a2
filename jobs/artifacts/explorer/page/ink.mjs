// A square of SIZE x SIZE points of ink, 0 (none) to 255 (full), row after row: drawing in it with
// a round pen, and changing what is drawn. Ten points make a pixel of an image.

import { SIDE } from "./picture.mjs";

export const SIZE = 10 * SIDE;
const PEN = 11;

export function blankInk() {
  return new Uint8ClampedArray(SIZE * SIZE);
}

export function isBlank(ink) {
  return ink.every((value) => value === 0);
}

/** Draws a line with round ends between two points, x and y from 0 to SIZE. */
export function drawLine(ink, from, to) {
  const [left, right] = reach(from[0], to[0]);
  const [top, bottom] = reach(from[1], to[1]);
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const value = 255 * Math.min(PEN + 0.5 - distanceToLine([x + 0.5, y + 0.5], from, to), 1);
      if (value > ink[y * SIZE + x]) ink[y * SIZE + x] = value;
    }
  }
}

/** Returns the first point and the end of those that a line between `a` and `b` may colour. */
function reach(a, b) {
  const low = Math.floor(Math.min(a, b) - PEN - 1);
  const high = Math.ceil(Math.max(a, b) + PEN + 1);
  return [Math.max(low, 0), Math.min(high, SIZE)];
}

function distanceToLine([x, y], [x1, y1], [x2, y2]) {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const along = ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy || 1);
  const f = Math.min(Math.max(along, 0), 1);
  return Math.hypot(x - x1 - f * dx, y - y1 - f * dy);
}

/** Returns the ink of an image, pixels 0..1, each pixel a block of points. */
export function enlarge(pixels) {
  const block = SIZE / SIDE;
  return blankInk().map((_, i) => {
    const row = Math.floor(Math.floor(i / SIZE) / block);
    return 255 * pixels[row * SIDE + Math.floor((i % SIZE) / block)];
  });
}

/** Returns the ink moved to the right and down by whole points; what leaves the square is lost. */
export function shift(ink, dx, dy) {
  return blankInk().map((_, i) => pointAt(ink, (i % SIZE) - dx, Math.floor(i / SIZE) - dy));
}

/** Returns the ink leaned over: its top moves to the right by `amount` times the height above the
 *  middle, its bottom to the left. */
export function slant(ink, amount) {
  return blankInk().map((_, i) => {
    const y = Math.floor(i / SIZE);
    const x = (i % SIZE) - amount * (SIZE / 2 - 0.5 - y);
    const left = Math.floor(x);
    const f = x - left;
    return (1 - f) * pointAt(ink, left, y) + f * pointAt(ink, left + 1, y);
  });
}

function pointAt(ink, x, y) {
  return x >= 0 && x < SIZE && y >= 0 && y < SIZE ? ink[y * SIZE + x] : 0;
}

/** Returns the ink with lines that are wider by `radius` points on either side. */
export function thicken(ink, radius) {
  return overDisc(ink, radius, Math.max);
}

/** Returns the ink with lines that are narrower by `radius` points on either side. */
export function thin(ink, radius) {
  return overDisc(ink, radius, Math.min);
}

/** Returns, for each point, what `choose` makes of the ink of the points around it. */
function overDisc(ink, radius, choose) {
  const offsets = [];
  for (let dy = -radius; dy <= radius; dy++) {
    for (let dx = -radius; dx <= radius; dx++) {
      if (Math.hypot(dx, dy) <= radius + 0.5) offsets.push([dx, dy]);
    }
  }
  return ink.map((value, i) => {
    const [x, y] = [i % SIZE, Math.floor(i / SIZE)];
    return offsets.reduce((best, [dx, dy]) => choose(best, pointAt(ink, x + dx, y + dy)), value);
  });
}
