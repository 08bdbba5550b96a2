// The arrays the page carries: each is 16-bit numbers split into a plane of high bytes and a plane
// of low bits (see encoding.py), deflated, in base64. Decoding them needs nothing but the browser.

import { SIDE } from "./picture.mjs";

/** Returns the bytes that deflate and base64 made `text` of. */
export async function inflate(text) {
  const characters = atob(text);
  const packed = new Uint8Array(characters.length);
  for (let i = 0; i < packed.length; i++) packed[i] = characters.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Returns the 16-bit numbers whose high bytes, then low bits, are the two halves of `planes`. */
export function joinPlanes(planes, lowBits) {
  const count = planes.length / 2;
  const joined = new Uint16Array(count);
  for (let i = 0; i < count; i++) joined[i] = (planes[i] << lowBits) | planes[count + i];
  return joined;
}

/** Returns the value of the IEEE 754 half-precision number with these 16 bits. */
export function halfToNumber(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Decodes weights: half-precision numbers. */
export async function decodeHalves({ data }) {
  const table = Float32Array.from({ length: 65536 }, (_, bits) => halfToNumber(bits));
  const halves = joinPlanes(await inflate(data), 8);
  const values = new Float32Array(halves.length);
  for (let i = 0; i < values.length; i++) values[i] = table[halves[i]];
  return values;
}

/** Decodes codes and places: the number `q` stands for offset + step * q. */
export async function decodeFixed({ data, lowBits, offset, step }) {
  const integers = joinPlanes(await inflate(data), lowBits);
  const values = new Float32Array(integers.length);
  for (let i = 0; i < values.length; i++) values[i] = offset + step * integers[i];
  return values;
}

/** Returns the pixels 0..1 of a test image; a byte holds two pixels, one below the other. */
export function unpackImage({ bytes, levels }, index) {
  const size = (SIDE * SIDE) / 2;
  const pixels = new Float32Array(2 * size);
  bytes.subarray(index * size, (index + 1) * size).forEach((byte, i) => {
    const upper = 2 * SIDE * Math.floor(i / SIDE) + (i % SIDE);
    pixels[upper] = Math.floor(byte / levels) / (levels - 1);
    pixels[upper + SIDE] = (byte % levels) / (levels - 1);
  });
  return pixels;
}

/** Cuts the weights of all layers, kernel and bias in turn, into the layers of `widths`. */
export function layersOf(weights, widths) {
  let start = 0;
  const take = (count) => weights.subarray(start, (start += count));
  return widths.slice(1).map((outputs, i) => ({
    inputs: widths[i],
    outputs,
    kernel: take(widths[i] * outputs),
    bias: take(outputs),
  }));
}

/** Decodes everything in the page's data block. */
export async function readModel(block) {
  const [weights, codes, places, labels, bytes] = await Promise.all([
    decodeHalves(block.weights),
    decodeFixed(block.codes),
    decodeFixed(block.places),
    inflate(block.labels),
    inflate(block.images.data),
  ]);
  const layers = layersOf(weights, block.widths);
  const means = block.means.map((mean) => Float32Array.from(mean));
  const images = { bytes, levels: block.images.levels };
  return { ...block, layers, means, codes, places, labels, images };
}
