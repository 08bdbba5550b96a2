// Ten thousand dots in a few milliseconds, with or without a graphics card: each is blended into
// the pixels of an image directly, which is many times faster than asking a canvas for each.

const OPACITY = 0.85;

/** Returns how much of each pixel a disc of this radius covers, in a square of `size` pixels. */
export function disc(radius) {
  const middle = Math.ceil(radius);
  const size = 2 * middle + 1;
  const cover = Float32Array.from({ length: size * size }, (_, i) => {
    const distance = Math.hypot((i % size) - middle, Math.floor(i / size) - middle);
    return OPACITY * Math.min(Math.max(radius + 0.5 - distance, 0), 1);
  });
  return { size, middle, cover };
}

/** Blends a disc of the colour (red, green, blue; 0..255) over `image`, centred on a pixel. */
export function stamp({ data, width, height }, { size, middle, cover }, x, y, [red, green, blue]) {
  const [left, top] = [x - middle, y - middle];
  for (let row = Math.max(0, -top); row < Math.min(size, height - top); row++) {
    for (let column = Math.max(0, -left); column < Math.min(size, width - left); column++) {
      const alpha = cover[row * size + column];
      if (alpha === 0) continue;
      const pixel = 4 * ((top + row) * width + left + column);
      const total = alpha + (data[pixel + 3] / 255) * (1 - alpha);
      const share = alpha / total;
      data[pixel] += (red - data[pixel]) * share;
      data[pixel + 1] += (green - data[pixel + 1]) * share;
      data[pixel + 2] += (blue - data[pixel + 2]) * share;
      data[pixel + 3] = 255 * total;
    }
  }
}

/** Returns the red, green and blue of a colour written #rrggbb. */
export function channels(colour) {
  return [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
}
