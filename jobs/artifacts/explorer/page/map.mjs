// The map: three stacked canvases. Grid and dots are drawn again only when the view, the filter or
// the theme changes; above them are the marks that follow the pointer.

import { channels, disc, stamp } from "./dots.mjs";
import { fit, pan, ticks, toPlane, toScreen, zoom } from "./viewport.mjs";

const ENLARGEMENTS = [0.5, 400];
const DENSITY_CELL = 6; // CSS pixels
const DENSITY_POWER = 0.3; // shows also what is sparse
const PIN_MARGIN = 12;

export class LatentMap {
  /** `model` has places, labels and colours; the canvases lie one on the other, `marks` on top. */
  constructor(model, { grid, dots, marks }) {
    Object.assign(this, { model, grid, dots, marks });
    this.channels = model.colours.map(channels);
    this.shown = new Array(10).fill(true);
    this.place = [0, 0];
    this.nearest = -1;
    this.pinned = false;
    this.path = null;
    this.pins = new Map();
    this.pending = new Set();
    new ResizeObserver(() => this.resize()).observe(marks);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.refresh());
    this.resize();
  }

  /** Gives the canvases the pixels of the screen and keeps the part of the plane in view. */
  resize() {
    const { clientWidth: width, clientHeight: height } = this.marks;
    if (!width || !height) return;
    this.ratio = devicePixelRatio;
    for (const canvas of [this.grid, this.dots, this.marks]) {
      canvas.width = Math.round(width * this.ratio);
      canvas.height = Math.round(height * this.ratio);
    }
    const enlargement = this.view ? this.view.scale / this.home.scale : 1;
    const centre = this.view;
    this.image = new ImageData(this.dots.width, this.dots.height);
    this.home = fit(this.model.places, width, height);
    this.view = { ...this.home, scale: this.home.scale * enlargement };
    if (centre) Object.assign(this.view, { x: centre.x, y: centre.y });
    this.refresh();
    this.draw(); // at once: a canvas that changes size is blank until it is drawn
  }

  get enlargement() {
    return this.view.scale / this.home.scale;
  }

  setView(view) {
    this.view = view;
    this.refresh();
  }

  zoomBy(factor, point = [this.view.width / 2, this.view.height / 2]) {
    const [least, most] = ENLARGEMENTS;
    const enlargement = Math.min(Math.max(this.enlargement * factor, least), most);
    this.setView(zoom(this.view, enlargement / this.enlargement, point));
  }

  panBy(dx, dy) {
    this.setView(pan(this.view, dx, dy));
  }

  showAll() {
    this.setView(this.home);
  }

  /** Pans as little as needed for the place to be on the map, away from its edge. */
  reveal(margin = 24) {
    const { width, height } = this.view;
    const [x, y] = toScreen(this.view, this.place);
    const inside = (value, size) => Math.min(Math.max(value, margin), size - margin);
    const [dx, dy] = [inside(x, width) - x, inside(y, height) - y];
    if (dx || dy) this.panBy(dx, dy);
  }

  /** Marks a place under a name; null takes the mark away. */
  setPin(name, place) {
    if (place) this.pins.set(name, place);
    else this.pins.delete(name);
    this.request("marks");
  }

  refresh() {
    this.request("map");
    this.request("marks");
  }

  /** Draws a layer in the next frame, once however often it is asked for. */
  request(layer) {
    if (this.pending.size === 0) requestAnimationFrame(() => this.draw());
    this.pending.add(layer);
  }

  draw() {
    if (!this.view) return; // the page is in a frame that is not shown yet
    const layers = new Set(this.pending);
    this.pending.clear();
    const style = getComputedStyle(this.marks);
    this.ink = (name) => style.getPropertyValue(name);
    if (layers.has("map")) {
      const context = this.clear(this.grid);
      if (this.model.density) this.drawDensity(context);
      this.drawGrid(context);
      this.drawDots();
    }
    if (layers.has("marks")) this.drawMarks();
  }

  /** Returns the canvas's context, cleared, with CSS pixels as its unit. */
  clear(canvas) {
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.scale(this.ratio, this.ratio);
    return context;
  }

  /** Returns the round numbers in view along both axes, and where they are on the screen. One
   *  latent dimension has no second axis. */
  gridLines() {
    const { width, height } = this.view;
    const [left, top] = toPlane(this.view, [0, 0]);
    const [right, bottom] = toPlane(this.view, [width, height]);
    const flat = this.model.mean.length === 1;
    return {
      upright: ticks(left, right, width / 90).map((x) => [x, toScreen(this.view, [x, 0])[0]]),
      level: flat
        ? []
        : ticks(bottom, top, height / 90).map((y) => [y, toScreen(this.view, [0, y])[1]]),
    };
  }

  /** Shades the plane by how dense the codes are, up to the densest of the mixture's means. */
  drawDensity(context) {
    const { width, height } = this.view;
    const columns = Math.ceil(width / DENSITY_CELL);
    const rows = Math.ceil(height / DENSITY_CELL);
    const image = new ImageData(columns, rows);
    const [red, green, blue] = channels(this.ink("--density"));
    for (let i = 0; i < columns * rows; i++) {
      const [column, row] = [i % columns, Math.floor(i / columns)];
      const point = [(column + 0.5) * DENSITY_CELL, (row + 0.5) * DENSITY_CELL];
      const share = this.model.density(toPlane(this.view, point)) / this.model.highestDensity;
      image.data.set([red, green, blue, 255 * Math.min(share, 1) ** DENSITY_POWER], 4 * i);
    }
    const small = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
    small.getContext("2d").putImageData(image, 0, 0);
    context.drawImage(small, 0, 0, columns * DENSITY_CELL, rows * DENSITY_CELL);
  }

  drawGrid(context) {
    const { width, height } = this.view;
    const { upright, level } = this.gridLines();
    Object.assign(context, { strokeStyle: this.ink("--grid"), lineWidth: 1 });
    context.beginPath();
    for (const [, x] of upright) {
      context.moveTo(Math.round(x) + 0.5, 0);
      context.lineTo(Math.round(x) + 0.5, height);
    }
    for (const [, y] of level) {
      context.moveTo(0, Math.round(y) + 0.5);
      context.lineTo(width, Math.round(y) + 0.5);
    }
    context.stroke();
  }

  /** Writes the grid's numbers above the dots, with a halo. */
  drawNumbers(context) {
    const { width, height } = this.view;
    const { upright, level } = this.gridLines();
    Object.assign(context, { strokeStyle: this.ink("--paper"), fillStyle: this.ink("--quiet") });
    Object.assign(context, { lineWidth: 3, font: "11px system-ui, sans-serif" });
    const write = (value, x, y) => {
      const text = String(Number(value.toPrecision(6))).replace("-", "−");
      context.strokeText(text, x, y);
      context.fillText(text, x, y);
    };
    for (const [value, x] of upright) if (x < width - 30) write(value, x + 3, height - 6);
    for (const [value, y] of level) if (y > 16 && y < height - 24) write(value, 5, y - 4);
  }

  /** Draws the dots in the order of the data, so that no digit always lies on top. */
  drawDots() {
    const { places, labels } = this.model;
    const { image, ratio } = this;
    const mask = disc(this.dotRadius() * ratio);
    const [left, top] = toPlane(this.view, [0, 0]);
    const scale = this.view.scale * ratio;
    image.data.fill(0);
    for (let i = 0; i < labels.length; i++) {
      if (!this.shown[labels[i]]) continue;
      const x = Math.round((places[2 * i] - left) * scale);
      const y = Math.round((top - places[2 * i + 1]) * scale);
      stamp(image, mask, x, y, this.channels[labels[i]]);
    }
    this.dots.getContext("2d").putImageData(image, 0, 0);
  }

  /** Dots grow with the map and, more slowly, with the enlargement. */
  dotRadius() {
    const { width, height } = this.view;
    const radius = Math.min(Math.max(Math.sqrt(width * height) / 330, 1.25), 2.4);
    return Math.min(radius * Math.sqrt(this.enlargement), 7);
  }

  drawMarks() {
    const context = this.clear(this.marks);
    this.drawNumbers(context);
    if (this.path) this.drawPath(context);
    this.drawCrosshair(context);
    if (this.nearest >= 0) this.drawRing(context);
    for (const [name, place] of this.pins) this.drawPin(context, name, place);
  }

  /** Draws a diamond with its name, at the edge if its place is not in view. */
  drawPin(context, name, place) {
    const { width, height } = this.view;
    const inside = (value, size) => Math.min(Math.max(value, PIN_MARGIN), size - PIN_MARGIN);
    const [left, top] = toScreen(this.view, place);
    const [x, y] = [inside(left, width), inside(top, height)];
    context.beginPath();
    for (const [dx, dy] of [[0, -9], [9, 0], [0, 9], [-9, 0]]) context.lineTo(x + dx, y + dy);
    context.closePath();
    context.fillStyle = this.ink("--accent");
    context.fill();
    this.strokeHaloed(context, 1.5);
    const text = x === left && y === top ? name : `${name} (beyond)`;
    Object.assign(context, { font: "600 13px system-ui, sans-serif", lineWidth: 4 });
    Object.assign(context, { strokeStyle: this.ink("--paper"), fillStyle: this.ink("--ink") });
    const before = x + 14 + context.measureText(text).width > width;
    const start = before ? x - 14 - context.measureText(text).width : x + 14;
    context.strokeText(text, start, y + 4);
    context.fillText(text, start, y + 4);
  }

  /** Strokes twice, a halo in the paper's colour below the ink, to be seen on any points. */
  strokeHaloed(context, width) {
    for (const [ink, extra] of [["--paper", 3], ["--ink", 0]]) {
      context.strokeStyle = this.ink(ink);
      context.lineWidth = width + extra;
      context.stroke();
    }
  }

  drawCrosshair(context) {
    const [x, y] = toScreen(this.view, this.place);
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(x + 4 * dx, y + 4 * dy);
      context.lineTo(x + 13 * dx, y + 13 * dy);
    }
    this.strokeHaloed(context, 1.5);
  }

  drawRing(context) {
    const { places, labels, colours } = this.model;
    const [x, y] = toScreen(this.view, [places[2 * this.nearest], places[2 * this.nearest + 1]]);
    context.beginPath();
    context.arc(x, y, 6.5, 0, 2 * Math.PI);
    context.fillStyle = colours[labels[this.nearest]];
    context.fill();
    this.strokeHaloed(context, this.pinned ? 3 : 1.5);
  }

  /** Draws the interpolation's line from start to end and the position on it. */
  drawPath(context) {
    const [start, end, now] = this.path.map((place) => toScreen(this.view, place));
    context.beginPath();
    context.moveTo(...start);
    context.lineTo(...end);
    this.strokeHaloed(context, 2);
    for (const [point, radius] of [[start, 3.5], [end, 3.5], [now, 6]]) {
      context.beginPath();
      context.arc(...point, radius, 0, 2 * Math.PI);
      context.fillStyle = this.ink(point === now ? "--accent" : "--ink");
      context.fill();
      this.strokeHaloed(context, 1.5);
    }
  }
}
