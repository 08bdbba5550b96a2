// The errors of the test images as bars, and one error among them.

const WIDTH = 300;
const HEIGHT = 46;
const BARS = 50;
const HEADROOM = 1.35;

export class Histogram {
  /** `svg` is an empty element; `sorted` are the errors, smallest first. */
  constructor(svg, sorted) {
    this.top = HEADROOM * sorted.at(-1) || 1;
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    const counts = new Array(BARS).fill(0);
    for (const error of sorted) counts[Math.floor((error / this.top) * BARS)]++;
    const highest = Math.max(...counts);
    counts.forEach((count, i) => {
      const height = (count / highest) * (HEIGHT - 8);
      const bar = { x: (i * WIDTH) / BARS, y: HEIGHT - height, width: WIDTH / BARS - 1, height };
      if (count) svg.append(shape("rect", { ...bar, class: "bar" }));
    });
    this.marker = shape("path", { class: "marker", visibility: "hidden" });
    svg.append(this.marker);
  }

  /** Marks an error; null marks none. One beyond the bars is marked at the right edge. */
  mark(error) {
    this.marker.setAttribute("visibility", error === null ? "hidden" : "visible");
    const x = Math.min((error ?? 0) / this.top, 0.985) * WIDTH;
    this.marker.setAttribute("d", `M${x} ${HEIGHT} V6 M${x - 4} 1 h8 l-4 6 z`);
  }
}

function shape(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
