// A drawing brought into the form of MNIST's images, as MNIST was made from scanned digits: fitted
// into a box of 20 x 20 pixels with its aspect ratio kept, grey levels by averaging, and placed in a
// field of 28 x 28 with its centre of mass in the middle.
//
// Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
// recognition", Proceedings of the IEEE 86 (11), 1998, section III A.

import { SIDE } from "./picture.mjs";

const BOX = 20;
const ROUNDING = 1e-9;

/** Returns the image, pixels 0..1, of a square of `size` x `size` points of ink, 0..255. */
export function prepare(ink, size) {
  const image = new Float32Array(SIDE * SIDE);
  const bounds = boundsOf(ink, size);
  if (!bounds) return image;
  const cell = Math.max(bounds.width, bounds.height) / BOX;
  const columns = Math.ceil(bounds.width / cell - ROUNDING);
  const rows = Math.ceil(bounds.height / cell - ROUNDING);
  const left = bounds.left - (columns * cell - bounds.width) / 2;
  const top = bounds.top - (rows * cell - bounds.height) / 2;
  const greys = averages(ink, size, cell, [left, columns], [top, rows]);
  const [x, y] = centreOfMass(greys, columns);
  const [column, row] = [offset(x, columns), offset(y, rows)];
  greys.forEach((grey, i) => {
    const pixel = (row + Math.floor(i / columns)) * SIDE + column + (i % columns);
    image[pixel] = Math.round(grey) / 255;
  });
  return image;
}

/** Returns the image of the square as it is, neither fitted nor centred. */
export function scaleDown(ink, size) {
  const greys = averages(ink, size, size / SIDE, [0, SIDE], [0, SIDE]);
  return Float32Array.from(greys, (grey) => Math.round(grey) / 255);
}

/** Returns the smallest box around all ink, or null. */
function boundsOf(ink, size) {
  let [left, top, right, bottom] = [size, size, -1, -1];
  ink.forEach((value, i) => {
    if (value === 0) return;
    const [x, y] = [i % size, Math.floor(i / size)];
    [left, top] = [Math.min(left, x), Math.min(top, y)];
    [right, bottom] = [Math.max(right, x), Math.max(bottom, y)];
  });
  return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** Returns the average ink of `rows` x `columns` cells that start at (left, top), `cell` points
 *  wide and high. Beyond the square there is no ink. */
function averages(ink, size, cell, [left, columns], [top, rows]) {
  const across = shares(left, cell, columns, size);
  const down = shares(top, cell, rows, size);
  const greys = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (const [y, height] of down[row]) {
      for (let column = 0; column < columns; column++) {
        let sum = 0;
        for (const [x, width] of across[column]) sum += width * ink[y * size + x];
        greys[row * columns + column] += height * sum;
      }
    }
  }
  return greys;
}

/** Returns for each of `count` cells the points it covers, each with its share of the cell. */
function shares(start, cell, count, size) {
  return Array.from({ length: count }, (_, i) => {
    const [low, high] = [start + i * cell, start + (i + 1) * cell];
    const covered = [];
    for (let x = Math.max(Math.floor(low), 0); x < Math.min(high, size); x++) {
      const length = Math.min(high, x + 1) - Math.max(low, x);
      if (length > ROUNDING) covered.push([x, length / cell]);
    }
    return covered;
  });
}

/** Returns the centre of mass of cells one unit wide, from their left and upper edge. */
function centreOfMass(greys, columns) {
  let [x, y, mass] = [0, 0, 0];
  greys.forEach((grey, i) => {
    x += grey * ((i % columns) + 0.5);
    y += grey * (Math.floor(i / columns) + 0.5);
    mass += grey;
  });
  return [x / mass, y / mass];
}

/** Returns where `count` cells start for their centre of mass to lie in the field's pixel 14, the
 *  first after its middle, where it lies in MNIST's images; within the field. */
function offset(centre, count) {
  return Math.min(Math.max(SIDE / 2 - Math.floor(centre), 0), SIDE - count);
}
