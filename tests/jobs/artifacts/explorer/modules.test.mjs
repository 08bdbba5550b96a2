// Unit tests of the explorer's modules that need no browser: `node --test`, run by test_modules.py.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";

import * as data from "../../../../jobs/artifacts/explorer/page/data.mjs";
import * as dots from "../../../../jobs/artifacts/explorer/page/dots.mjs";
import * as ink from "../../../../jobs/artifacts/explorer/page/ink.mjs";
import * as likeness from "../../../../jobs/artifacts/explorer/page/likeness.mjs";
import * as mixture from "../../../../jobs/artifacts/explorer/page/mixture.mjs";
import * as network from "../../../../jobs/artifacts/explorer/page/network.mjs";
import * as preparation from "../../../../jobs/artifacts/explorer/page/preparation.mjs";
import * as viewport from "../../../../jobs/artifacts/explorer/page/viewport.mjs";

const packed = (bytes) => deflateSync(Buffer.from(bytes)).toString("base64");
const view = { width: 400, height: 300, scale: 20, x: 1, y: -2 };

function near(actual, expected, tolerance = 1e-9) {
  assert.equal(actual.length, expected.length);
  expected.forEach((value, i) => assert.ok(Math.abs(actual[i] - value) <= tolerance, `${actual}`));
}

test("planes of high bytes and low bits are joined again", async () => {
  assert.deepEqual([...data.joinPlanes([1, 255, 3, 0], 2)], [7, 1020]);
  const fixed = { data: packed([1, 255, 3, 0]), lowBits: 2, offset: -1, step: 0.5 };
  assert.deepEqual([...(await data.decodeFixed(fixed))], [2.5, 509]);
});

test("an image's byte holds two pixels, one below the other", () => {
  const bytes = new Uint8Array(2 * 14 * 28);
  bytes[14 * 28 + 28 + 5] = 7 * 8 + 1;
  const image = data.imageAt({ pixels: data.unpackLevels(bytes, 8), levels: 8 }, 1);
  assert.equal(image.length, 784);
  near([image[2 * 28 + 5], image[3 * 28 + 5]], [1, 1 / 7], 1e-6);
  near([image.reduce((sum, value) => sum + value)], [8 / 7], 1e-6);
});

test("a layer's numbers are its kernel and then its bias", async () => {
  const fixed = (count) => {
    const planes = [...new Array(count).fill(0), ...Array.from({ length: count }, (_, i) => i)];
    return { data: packed(planes), lowBits: 6, offset: 0, step: 1 };
  };
  const [first, second] = await data.readLayers({ widths: [2, 3, 1], layers: [fixed(9), fixed(4)] });
  assert.deepEqual([...first.kernel], [0, 1, 2, 3, 4, 5]);
  assert.deepEqual([...first.bias], [6, 7, 8]);
  assert.deepEqual([...second.kernel, ...second.bias], [0, 1, 2, 3]);
  assert.deepEqual([second.inputs, second.outputs], [3, 1]);
});

test("half a network: tanh between the layers, none before the first or after the last", () => {
  const layers = [
    { inputs: 1, outputs: 2, kernel: [2, -1], bias: [0.5, 0.25] },
    { inputs: 2, outputs: 1, kernel: [3, 4], bias: [1] },
  ];
  const expected = 1 + 3 * Math.tanh(2 * 1.5 + 0.5) + 4 * Math.tanh(-1.5 + 0.25);
  near(network.forward(layers, [1.5]), [expected], 1e-6);
});

test("codes: mixing, and a place with further components and back", () => {
  near(network.mix([0, 10], [1, 20], 0.25), [0.25, 12.5]);
  const plane = { mean: [1, 1, 1], axes: [[1, 0, 0], [0, 0, 1]], further: [{ axis: [0, -1, 0] }] };
  const code = network.codeAt(plane, [2, 3], [4]);
  near(code, [3, -3, 4]);
  near([network.amountAlong([0, -1, 0], plane.mean, code)], [4]);
});

test("screen and plane: there and back, y upwards", () => {
  near(viewport.toScreen(view, [1, -2]), [200, 150]);
  near(viewport.toScreen(view, [2, -1]), [220, 130]);
  near(viewport.toPlane(view, viewport.toScreen(view, [3.25, 7.5])), [3.25, 7.5]);
});

test("zooming keeps the place under the pointer, panning moves it with the paper", () => {
  const point = [37, 211];
  const place = viewport.toPlane(view, point);
  near(viewport.toPlane(viewport.zoom(view, 3.7, point), point), place);
  near(viewport.toPlane(viewport.pan(view, 5, -9), [42, 202]), place);
});

test("all places fit on the map, also when they lie on a line or on one point", () => {
  for (const places of [[-3, 5, 40, 6, 1, -90], [1, 2, 8, 2], [4, 4]]) {
    const fitted = viewport.fit(places, 300, 200);
    for (let i = 0; i < places.length; i += 2) {
      const [left, top] = viewport.toScreen(fitted, places.slice(i, i + 2));
      assert.ok(left >= 27.9 && left <= 272.1 && top >= 27.9 && top <= 172.1, `${places}`);
    }
  }
});

test("ticks are round, inside, and about as many as asked for", () => {
  near(viewport.ticks(-1.05, 1.05, 4), [-1, 0, 1]);
  near(viewport.ticks(0.11, 0.52, 5), [0.2, 0.3, 0.4, 0.5]);
});

test("the nearest place among the digits shown", () => {
  const places = [0, 0, 1, 1, 5, 5];
  const shown = new Array(10).fill(true);
  assert.equal(viewport.nearest(places, [3, 7, 3], shown, [0.9, 0.9]), 1);
  shown[7] = false;
  assert.equal(viewport.nearest(places, [3, 7, 3], shown, [0.9, 0.9]), 0);
  assert.equal(viewport.nearest(places, [3, 7, 3], new Array(10).fill(false), [0, 0]), -1);
});

test("dots: their size, their colour, one over another, and cut off at the edges", () => {
  const image = { width: 9, height: 9, data: new Uint8ClampedArray(9 * 9 * 4) };
  const pixel = (x, y) => [...image.data.subarray(4 * (9 * y + x), 4 * (9 * y + x) + 4)];
  const mask = dots.disc(2);
  dots.stamp(image, mask, 4, 4, dots.channels("#ff8000"));
  near(pixel(4, 4), [255, 128, 0, 217], 1);
  assert.equal(pixel(4, 1)[3], 0);
  const area = image.data.filter((_, i) => i % 4 === 3).reduce((sum, a) => sum + a, 0) / 217;
  near([area], [Math.PI * 2 ** 2], 1);
  dots.stamp(image, mask, 4, 4, [0, 0, 200]);
  assert.ok(pixel(4, 4)[2] > 160 && pixel(4, 4)[3] > 245);
  for (const [x, y] of [[-1, 4], [9, 0], [-50, -50], [4, 90]]) dots.stamp(image, mask, x, y, [9, 9, 9]);
  near(pixel(0, 4), [9, 9, 9, 217], 1);
  assert.equal(pixel(8, 8)[3], 0);
});

const { SIZE } = ink;
const inkOf = (test) => ink.blankInk().map((_, i) => (test(i % SIZE, Math.floor(i / SIZE)) ? 255 : 0));
const amount = (drawn) => drawn.reduce((sum, value) => sum + value, 0) / 255;

test("ink: a line has the pen's width and round ends, and stays in the square", () => {
  const line = ink.blankInk();
  assert.ok(ink.isBlank(line));
  ink.drawLine(line, [100, 140], [180, 140]);
  near([amount(line)], [80 * 22 + Math.PI * 11 ** 2], 20);
  assert.equal(line[140 * SIZE + 88], 0);
  ink.drawLine(line, [-50, -50], [400, 400]);
  assert.equal(line.length, SIZE * SIZE);
});

test("ink: shifted, slanted, thicker and thinner", () => {
  const bar = inkOf((x, y) => x >= 130 && x < 150 && y >= 90 && y < 190);
  assert.deepEqual(ink.shift(bar, 10, -20), inkOf((x, y) => x >= 140 && x < 160 && y >= 70 && y < 170));
  const leaning = ink.slant(bar, 0.2);
  assert.equal(leaning[91 * SIZE + 140 + 18], 255);
  assert.equal(leaning[188 * SIZE + 140 - 19], 255);
  near([amount(leaning)], [amount(bar)], 1);
  const thick = ink.thicken(bar, 3);
  assert.ok(thick[140 * SIZE + 127] === 255 && thick[140 * SIZE + 126] === 0);
  assert.deepEqual(ink.thin(thick, 3).subarray(110 * SIZE, 170 * SIZE), bar.subarray(110 * SIZE, 170 * SIZE));
});

test("preparation: an enlarged image in MNIST's form comes back as it was", () => {
  const image = new Float32Array(784);
  for (let y = 4; y < 24; y++) for (let x = 10; x < 19; x++) image[28 * y + x] = 0.5 + y / 100;
  const prepared = preparation.prepare(ink.enlarge(image), SIZE);
  near([...prepared], [...image], 0.5 / 255);
  near([...preparation.scaleDown(ink.enlarge(image), SIZE)], [...prepared], 1e-6);
});

test("preparation: fits 20 x 20, keeps the aspect ratio, averages, and centres the mass", () => {
  // A bar of 30 x 120 points in a corner: six to a pixel, so 5 x 20 pixels.
  const bar = inkOf((x, y) => x < 30 && y < 120);
  const image = preparation.prepare(bar, SIZE);
  const filled = [...image.keys()].filter((i) => image[i] === 1);
  const columns = new Set(filled.map((i) => i % 28));
  const rows = new Set(filled.map((i) => Math.floor(i / 28)));
  assert.deepEqual([Math.min(...rows), Math.max(...rows), rows.size], [4, 23, 20]);
  assert.equal(columns.size, 5);
  assert.equal(Math.min(...columns), 12);
  near([image.reduce((sum, value) => sum + value)], [100], 1e-4);
  // Heavy below: the centre of mass is in the middle, not the box.
  const heavy = preparation.prepare(inkOf((x, y) => y < 200 && (x < 20 || (y >= 150 && x < 80))), SIZE);
  const [x, y] = [0, 1].map((axis) => {
    let [moment, mass] = [0, 0];
    heavy.forEach((value, i) => {
      moment += value * ((axis ? Math.floor(i / 28) : i % 28) + 0.5);
      mass += value;
    });
    return moment / mass;
  });
  assert.ok(Math.abs(x - 14.5) <= 0.5 && Math.abs(y - 14.5) <= 0.5, `${x}, ${y}`);
  assert.deepEqual(preparation.prepare(ink.blankInk(), SIZE), new Float32Array(784));
});

/** Returns numbers from 0 to 1 that are the same every time (a linear congruential generator). */
function generator() {
  let state = 1;
  return () => (state = (1103515245 * state + 12345) % 2 ** 31) / 2 ** 31;
}

test("mixture: its density, and codes drawn from it", () => {
  // Factors [[2, 0], [1, 0.5]] and the identity.
  const gaussians = { weights: [0.25, 0.75], means: [1, 2, -9, 0], triangles: [2, 1, 0.5, 1, 0, 1] };
  const peak = 0.25 / (2 * Math.PI) + (0.75 / (2 * Math.PI)) * Math.exp(-(10 ** 2 + 2 ** 2) / 2);
  near([mixture.density(gaussians, [1, 2])], [peak], 1e-12);
  const aside = (0.25 / (2 * Math.PI)) * Math.exp(-(1 ** 2 + 2 ** 2) / 2); // L s, s = (1, 2)
  near([mixture.density(gaussians, [3, 4])], [aside], 1e-9);
  const random = generator();
  const codes = Array.from({ length: 20000 }, () => mixture.drawCode(gaussians, random));
  const first = codes.filter(([x]) => x > -4.5);
  near([first.length / codes.length], [0.25], 0.02);
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  near([0, 1].map((k) => mean(first.map((code) => code[k]))), [1, 2], 0.1);
  near([mean(first.map(([x]) => (x - 1) ** 2))], [4], 0.35);
  near([mean(first.map(([x, y]) => (x - 1) * (y - 2)))], [2], 0.25);
});

test("likeness: errors, the share of errors below one, and what is nearest", () => {
  assert.equal(likeness.meanSquare([0, 1, 0.5], [0, 0, 1]), 1.25 / 3);
  assert.equal(likeness.shareBelow([1, 2, 2, 5], 2), 0.25);
  assert.equal(likeness.shareBelow([1, 2], 9), 1);
  const codes = Float32Array.of(5, 5, 0, 0, 1, 1, 9, 9);
  assert.deepEqual(likeness.nearestCodes(codes, [0.2, 0.2], 3), [1, 2, 0]);
  const images = { pixels: Uint8Array.of(7, 0, 0, 7, 3, 3), levels: 8 };
  const { index, distance } = likeness.nearestImage(images, Float32Array.of(-0.3, 1));
  assert.deepEqual([index, distance], [1, 0]);
});
