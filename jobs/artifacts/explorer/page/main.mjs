// Puts the page together: reads the data block, then joins map, pictures, sliders and legend.

import { imageAt, readModel } from "./data.mjs";
import { listen } from "./gestures.mjs";
import { Interpolation } from "./interpolation.mjs";
import { LatentMap } from "./map.mjs";
import { amountAlong, codeAt, forward, placeOf, row } from "./network.mjs";
import { paint } from "./picture.mjs";
import { nearest, toPlane, toScreen } from "./viewport.mjs";

const PICK_RADIUS = 16;
const ANNOUNCE_AFTER = 500;

const find = (id) => document.getElementById(id);

/** Returns a number with `digits` decimals and a real minus sign; what rounds to zero has none. */
const written = (value, digits) =>
  value.toFixed(digits).replace(/^-(?!.*[1-9])/, "").replace("-", "−");

class Explorer {
  constructor(model) {
    this.model = model;
    this.amounts = model.further.map(() => 0);
    this.map = new LatentMap(model, {
      grid: find("grid"),
      dots: find("dots"),
      marks: find("map"),
    });
    this.interpolation = new Interpolation(model, find, (codes) => this.showPath(codes));
    this.addLegend();
    this.addSliders();
    this.addButtons();
    listen(find("map"), this.actions());
    this.moveTo(model.places.subarray(0, 2));
  }

  /** What the gestures on the map do. */
  actions() {
    const { map } = this;
    const screen = () => toScreen(map.view, map.place);
    return {
      point: (xy) => map.pinned || this.moveTo(toPlane(map.view, xy)),
      pick: (xy) => this.pick(xy),
      nudge: (dx, dy) => this.nudge(dx, dy),
      release: () => this.setPinned(false),
      end: (name) => this.chooseEnd(name),
      pan: (dx, dy) => map.panBy(dx, dy),
      zoom: (factor, xy = screen()) => map.zoomBy(factor, xy),
      showAll: () => map.showAll(),
    };
  }

  /** Moves the cross to a place of the plane; the pictures follow. */
  moveTo(place) {
    const { map, model } = this;
    map.place = [...place];
    map.nearest = nearest(model.places, model.labels, map.shown, map.place);
    map.request("marks");
    this.showPlace();
    this.showNearest();
  }

  nudge(dx, dy) {
    const { map } = this;
    this.setPinned(false);
    const [x, y] = toScreen(map.view, map.place);
    this.moveTo(toPlane(map.view, [x + dx, y + dy]));
    map.reveal();
    this.announceSoon();
  }

  /** Holds the image under the point, or the one nearest to the cross where no point is given; or
   *  lets go of the one that is held. The sliders take its code. */
  pick(xy) {
    const { map, model } = this;
    if (map.pinned) return this.setPinned(false);
    if (xy) this.moveTo(toPlane(map.view, xy));
    if (map.nearest < 0) return;
    const place = model.places.subarray(2 * map.nearest, 2 * map.nearest + 2);
    if (xy && this.distance(place, xy) > PICK_RADIUS) return;
    this.setAmountsFrom(this.codeOf(map.nearest));
    this.moveTo(place);
    map.reveal();
    this.setPinned(true);
    this.announceSoon();
  }

  /** Returns how many pixels a place is from a point of the screen. */
  distance(place, [x, y]) {
    const [left, top] = toScreen(this.map.view, place);
    return Math.hypot(left - x, top - y);
  }

  setPinned(pinned) {
    this.map.pinned = pinned;
    find("pinned").hidden = !pinned;
    this.map.request("marks");
  }

  chooseEnd(name) {
    if (this.map.nearest >= 0) this.interpolation.chooseImage(name, this.map.nearest);
  }

  codeOf(index) {
    return row(this.model.codes, this.model.mean.length, index);
  }

  showPlace() {
    const code = codeAt(this.model, this.map.place, this.amounts);
    paint(find("place-picture"), this.model.decode(code));
    const [x, y] = Array.from(this.map.place, (value) => written(value, 2));
    find("place-text").textContent = this.model.mean.length === 1 ? `at ${x}` : `at ${x}, ${y}`;
  }

  /** Shows the test image whose place is nearest, and its reconstruction. */
  showNearest() {
    const { nearest: index } = this.map;
    for (const id of ["test-image", "reconstruction"]) find(id).hidden = index < 0;
    for (const id of ["use-start", "use-end"]) find(id).disabled = index < 0;
    find("test-image-text").textContent =
      index < 0 ? "no digit is shown" : `number ${index}, a ${this.model.labels[index]}`;
    if (index < 0) return;
    paint(find("test-image"), imageAt(this.model.images, index));
    paint(find("reconstruction"), this.model.decode(this.codeOf(index)));
  }

  /** Draws the interpolation on the map: start, end and position, projected on the plane. */
  showPath(codes) {
    this.map.path = codes.map((code) => placeOf(this.model, code));
    this.map.request("marks");
  }

  addLegend() {
    const counts = new Array(10).fill(0);
    this.model.labels.forEach((digit) => counts[digit]++);
    counts.forEach((count, digit) => find("legend").append(this.legendButton(digit, count)));
    find("legend-all").addEventListener("click", () => this.filter(() => true));
    find("legend-none").addEventListener("click", () => this.filter(() => false));
    this.filter(() => true);
  }

  /** Returns a button that shows or hides a digit; with Shift it shows this digit alone. */
  legendButton(digit, count) {
    const button = document.createElement("button");
    button.type = "button";
    button.style.setProperty("--digit", this.model.colours[digit]);
    button.textContent = digit;
    button.ariaLabel = button.title = `Digit ${digit}: ${count} images`;
    button.addEventListener("click", (event) => {
      if (event.shiftKey) this.filter((other) => other === digit);
      else this.filter((other, shown) => (other === digit ? !shown : shown));
    });
    return button;
  }

  /** Shows the digits for which `keep(digit, shown)` holds; lets go of an image that hides. */
  filter(keep) {
    const { map } = this;
    map.shown = map.shown.map((shown, digit) => keep(digit, shown));
    if (map.pinned && !map.shown[this.model.labels[map.nearest]]) this.setPinned(false);
    map.shown.forEach((shown, digit) => (find("legend").children[digit].ariaPressed = shown));
    map.refresh();
    this.moveTo(map.place);
  }

  /** One slider a further axis, in standard deviations of the test codes along it. */
  addSliders() {
    const { further } = this.model;
    find("further").hidden = further.length === 0;
    this.sliders = further.map(({ name, deviation }, i) => {
      const label = find("slider-template").content.cloneNode(true).firstElementChild;
      const slider = label.querySelector("input");
      label.querySelector("span").textContent = name;
      slider.addEventListener("input", () => this.setAmount(i, slider.value * deviation));
      find("sliders").append(label);
      return { slider, output: label.querySelector("output") };
    });
    this.setAmountsFrom(this.model.mean);
  }

  setAmount(i, amount) {
    const { slider, output } = this.sliders[i];
    const deviations = amount / this.model.further[i].deviation;
    this.amounts[i] = amount;
    slider.value = deviations;
    output.value = `${written(deviations, 1)} σ`;
    slider.ariaValueText = `${written(deviations, 1)} standard deviations`;
    this.showPlace();
  }

  setAmountsFrom(code) {
    const { further, mean } = this.model;
    further.forEach(({ axis }, i) => this.setAmount(i, amountAlong(axis, mean, code)));
  }

  addButtons() {
    const buttons = {
      "zoom-in": () => this.map.zoomBy(1.5),
      "zoom-out": () => this.map.zoomBy(1 / 1.5),
      "zoom-all": () => this.map.showAll(),
      "use-start": () => this.chooseEnd("start"),
      "use-end": () => this.chooseEnd("end"),
      "sliders-reset": () => this.setAmountsFrom(this.model.mean),
    };
    for (const [id, action] of Object.entries(buttons)) {
      find(id).addEventListener("click", action);
    }
  }

  /** Says what is under the cross, once it rests: for those who steer by keyboard and listen. */
  announceSoon() {
    clearTimeout(this.announcement);
    this.announcement = setTimeout(() => {
      const text = `${find("place-text").textContent}; nearest test image:`;
      find("announcer").textContent = `${text} ${find("test-image-text").textContent}`;
    }, ANNOUNCE_AFTER);
  }
}

async function start() {
  const model = await readModel(JSON.parse(find("data").textContent));
  model.encode = (pixels) => forward(model.encoder, pixels);
  model.decode = (code) => forward(model.decoder, code);
  new Explorer(model);
  document.body.dataset.state = "ready";
}

start().catch((error) => {
  document.body.dataset.state = "failed";
  find("failure").textContent = `This page could not start: ${error.message}. It needs a browser of 2023 or newer.`;
  throw error;
});
