// What part of the plane is on the screen: plane coordinates (y upwards) to CSS pixels and back,
// one scale for both axes, so that distances on the map are distances in the plane.

/** Returns the view that shows all `places` (x, y in turn) in a box of these pixels. */
export function fit(places, width, height, margin = 28) {
  const range = (offset) => {
    let [low, high] = [Infinity, -Infinity];
    for (let i = offset; i < places.length; i += 2) {
      low = Math.min(low, places[i]);
      high = Math.max(high, places[i]);
    }
    return [low, high];
  };
  const [[left, right], [bottom, top]] = [range(0), range(1)];
  const scale = Math.min(
    (width - 2 * margin) / (right - left || 1),
    (height - 2 * margin) / (top - bottom || 1),
  );
  return { width, height, scale, x: (left + right) / 2, y: (bottom + top) / 2 };
}

export function toScreen(view, [x, y]) {
  return [
    view.width / 2 + (x - view.x) * view.scale,
    view.height / 2 - (y - view.y) * view.scale,
  ];
}

export function toPlane(view, [left, top]) {
  return [
    view.x + (left - view.width / 2) / view.scale,
    view.y - (top - view.height / 2) / view.scale,
  ];
}

/** Returns the view moved with the paper, by pixels. */
export function pan(view, dx, dy) {
  return { ...view, x: view.x - dx / view.scale, y: view.y + dy / view.scale };
}

/** Returns the view enlarged by `factor`; the place under `point` stays under it. */
export function zoom(view, factor, point) {
  const [x, y] = toPlane(view, point);
  const scale = view.scale * factor;
  const [dx, dy] = [point[0] - view.width / 2, point[1] - view.height / 2];
  return { ...view, scale, x: x - dx / scale, y: y + dy / scale };
}

/** Returns round numbers (1, 2 or 5 times a power of ten apart) from low to high. */
export function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((multiple) => multiple * power >= rough);
  const first = Math.ceil(low / step);
  const length = Math.floor(high / step) - first + 1;
  return Array.from({ length }, (_, i) => (first + i) * step);
}

/** Returns the index of the place nearest to (x, y) among those whose digit is shown, or -1. */
export function nearest(places, labels, shown, [x, y]) {
  let [best, bestDistance] = [-1, Infinity];
  for (let i = 0; i < labels.length; i++) {
    if (!shown[labels[i]]) continue;
    const distance = (places[2 * i] - x) ** 2 + (places[2 * i + 1] - y) ** 2;
    if (distance < bestDistance) [best, bestDistance] = [i, distance];
  }
  return best;
}
