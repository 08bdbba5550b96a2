// How alike codes and images are: squared distances, and what is nearest.

/** Returns the mean squared difference of two pictures, per pixel. */
export function meanSquare(a, b) {
  return a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0) / a.length;
}

/** Returns the share of `sorted` numbers, smallest first, that are below `value`. */
export function shareBelow(sorted, value) {
  const index = sorted.findIndex((number) => number >= value);
  return (index < 0 ? sorted.length : index) / sorted.length;
}

/** Returns the indices of the `count` codes nearest to `code`, nearest first. */
export function nearestCodes(codes, code, count) {
  const size = code.length;
  const distances = new Float32Array(codes.length / size);
  for (let i = 0; i < distances.length; i++) {
    for (let k = 0; k < size; k++) distances[i] += (codes[i * size + k] - code[k]) ** 2;
  }
  const nearest = [];
  for (let i = 0; i < distances.length; i++) {
    if (nearest.length === count && distances[i] >= distances[nearest[count - 1]]) continue;
    const place = nearest.findIndex((other) => distances[i] < distances[other]);
    nearest.splice(place < 0 ? nearest.length : place, 0, i);
    nearest.length = Math.min(nearest.length, count);
  }
  return nearest;
}

/** Returns the index of the test image nearest to a picture, clipped to 0..1, and the mean squared
 *  difference per pixel. */
export function nearestImage({ pixels, levels }, picture) {
  const area = picture.length;
  const wanted = picture.map((value) => (levels - 1) * Math.min(Math.max(value, 0), 1));
  let [best, least] = [-1, Infinity];
  for (let start = 0; start < pixels.length; start += area) {
    let sum = 0;
    for (let i = 0; i < area && sum < least; i++) sum += (pixels[start + i] - wanted[i]) ** 2;
    if (sum < least) [best, least] = [start / area, sum];
  }
  return { index: best, distance: least / area / (levels - 1) ** 2 };
}
