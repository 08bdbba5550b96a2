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

/** Returns the grey levels of all pixels of the test images; a byte holds two, one below the
 *  other. */
export function unpackLevels(bytes, levels) {
  const pixels = new Uint8Array(2 * bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    const upper = 2 * SIDE * Math.floor(i / SIDE) + (i % SIDE);
    pixels[upper] = bytes[i] / levels;
    pixels[upper + SIDE] = bytes[i] % levels;
  }
  return pixels;
}

/** Returns the pixels 0..1 of a test image. */
export function imageAt({ pixels, levels }, index) {
  const area = SIDE * SIDE;
  const image = pixels.subarray(index * area, (index + 1) * area);
  return Float32Array.from(image, (level) => level / (levels - 1));
}

/** Decodes half a network; a layer's numbers are its kernel and then its bias. */
export async function readLayers({ widths, layers }) {
  const weights = await Promise.all(layers.map(decodeFixed));
  return weights.map((values, i) => {
    const [inputs, outputs] = widths.slice(i, i + 2);
    const kernel = values.subarray(0, inputs * outputs);
    return { inputs, outputs, kernel, bias: values.subarray(kernel.length) };
  });
}

/** Decodes the mixture of Gaussians; see mixture.mjs. */
export async function readMixture({ weights, means, triangles }) {
  return {
    weights,
    means: await decodeFixed(means),
    triangles: await decodeFixed(triangles),
  };
}

async function readImages({ data, levels }) {
  return { pixels: unpackLevels(await inflate(data), levels), levels };
}

/** Decodes everything in the page's data block. */
export async function readModel(block) {
  const [encoder, decoder, codes, places, labels, images, mixture] = await Promise.all([
    readLayers(block.encoder),
    readLayers(block.decoder),
    decodeFixed(block.codes),
    decodeFixed(block.places),
    inflate(block.labels),
    readImages(block.images),
    readMixture(block.mixture),
  ]);
  const means = block.means.map((mean) => Float32Array.from(mean));
  return { ...block, encoder, decoder, means, codes, places, labels, images, mixture };
}
