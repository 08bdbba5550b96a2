// Unit tests of the explorer's modules that need no browser: `node --test`, run by test_modules.py.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";

import * as data from "../../../../jobs/artifacts/explorer/page/data.mjs";
import * as dots from "../../../../jobs/artifacts/explorer/page/dots.mjs";
import * as network from "../../../../jobs/artifacts/explorer/page/network.mjs";
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
  const pixels = data.unpackImage({ bytes, levels: 8 }, 1);
  assert.equal(pixels.length, 784);
  near([pixels[2 * 28 + 5], pixels[3 * 28 + 5]], [1, 1 / 7], 1e-6);
  near([pixels.reduce((sum, value) => sum + value)], [8 / 7], 1e-6);
});

test("a layer's numbers are its kernel and then its bias", () => {
  const weights = [[0, 1, 2, 3, 4, 5, 6, 7, 8], [9, 10, 11, 12]].map((v) => Float32Array.from(v));
  const [first, second] = data.layersOf(weights, [2, 3, 1]);
  assert.deepEqual([...first.kernel], [0, 1, 2, 3, 4, 5]);
  assert.deepEqual([...first.bias], [6, 7, 8]);
  assert.deepEqual([...second.kernel, ...second.bias], [9, 10, 11, 12]);
  assert.deepEqual([second.inputs, second.outputs], [3, 1]);
});

test("the decoder: tanh between the layers, none before the first or after the last", () => {
  const weights = [Float32Array.of(2, -1, 0.5, 0.25), Float32Array.of(3, 4, 1)];
  const expected = 1 + 3 * Math.tanh(2 * 1.5 + 0.5) + 4 * Math.tanh(-1.5 + 0.25);
  near(network.decode(data.layersOf(weights, [1, 2, 1]), [1.5]), [expected], 1e-6);
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
