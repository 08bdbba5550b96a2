// The arrays the page carries: integers split into a plane of high bytes and a plane of low bits
// (see encoding.py), deflated, in base64. Decoding them needs nothing but the browser.

import { SIDE } from "./picture.mjs";

/** Returns the bytes that deflate and base64 made `text` of. */
export async function inflate(text) {
  const characters = atob(text);
  const packed = new Uint8Array(characters.length);
  for (let i = 0; i < packed.length; i++) packed[i] = characters.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Returns the integers whose high bytes, then low bits, are the two halves of `planes`. */
export function joinPlanes(planes, lowBits) {
  const count = planes.length / 2;
  const joined = new Uint16Array(count);
  for (let i = 0; i < count; i++) joined[i] = (planes[i] << lowBits) | planes[count + i];
  return joined;
}

/** Decodes weights, codes and places: the integer q stands for offset + step * q. */
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

/** Returns the layers between these widths; `weights` has a kernel and its bias for each. */
export function layersOf(weights, widths) {
  return weights.map((values, i) => {
    const [inputs, outputs] = widths.slice(i, i + 2);
    const kernel = values.subarray(0, inputs * outputs);
    return { inputs, outputs, kernel, bias: values.subarray(kernel.length) };
  });
}

/** Decodes everything in the page's data block. */
export async function readModel(block) {
  const [weights, codes, places, labels, bytes] = await Promise.all([
    Promise.all(block.layers.map(decodeFixed)),
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
