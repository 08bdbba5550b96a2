// Puts the page together: reads the data block, then joins map, panels, sliders, legend and walk.

import { imageAt, readModel } from "./data.mjs";
import { listen } from "./gestures.mjs";
import { Interpolation } from "./interpolation.mjs";
import { enlarge, isBlank, SIZE } from "./ink.mjs";
import { LatentMap } from "./map.mjs";
import { density } from "./mixture.mjs";
import { amountAlong, codeAt, forward, placeOf, row } from "./network.mjs";
import { NewDigits } from "./newdigits.mjs";
import { paint } from "./picture.mjs";
import { prepare, scaleDown } from "./preparation.mjs";
import { Reading } from "./reading.mjs";
import { Square } from "./square.mjs";
import { prepareTabs } from "./tabs.mjs";
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
    this.reading = new Reading(model, find);
    this.square = new Square(find, (ink, finished) => this.readDrawing(ink, finished));
    this.newDigits = new NewDigits(model, find, (code) => this.showNewDigit(code));
    this.addLegend();
    this.addSliders();
    this.addButtons();
    listen(find("map"), this.actions());
    this.moveTo(model.places.subarray(0, 2));
    this.open = prepareTabs(find("tabs"), (panel) => this.showPanel(panel));
    this.open("look");
    find("density-key").hidden = !model.density;
  }

  /** Shows the sliders beside the pictures alone, and the first new digits when they are asked
   *  for. */
  showPanel(panel) {
    this.panel = panel;
    find("further").hidden = panel !== "look" || this.model.further.length === 0;
    if (panel === "new" && this.newDigits.digits.length === 0) this.newDigits.draw();
    this.updateEnds();
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
    this.open("look");
    this.setPinned(false);
    const [x, y] = toScreen(map.view, map.place);
    this.moveTo(toPlane(map.view, [x + dx, y + dy]));
    map.reveal();
    this.announcePlace();
  }

  /** Holds the image under the point, or the one nearest to the cross where no point is given; or
   *  lets go of the one that is held. The sliders take its code. */
  pick(xy) {
    const { map, model } = this;
    if (this.panel !== "look") this.open("look");
    else if (map.pinned) return this.setPinned(false);
    if (xy) this.moveTo(toPlane(map.view, xy));
    if (map.nearest < 0) return;
    const place = model.places.subarray(2 * map.nearest, 2 * map.nearest + 2);
    if (xy && this.distance(place, xy) > PICK_RADIUS) return;
    this.setAmountsFrom(this.codeOf(map.nearest));
    this.moveTo(place);
    map.reveal();
    this.setPinned(true);
    this.announcePlace();
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

  /** Makes what the open panel shows an end of the walk. */
  chooseEnd(name) {
    if (!this.canEnd()) return;
    const kind = { draw: "drawing", new: "new-digit" }[this.panel];
    if (kind) this.interpolation.chooseMade(name, kind);
    else this.interpolation.chooseImage(name, this.map.nearest);
  }

  canEnd() {
    if (this.panel === "draw") return !this.square.blank;
    return this.panel === "new" || this.map.nearest >= 0;
  }

  updateEnds() {
    for (const id of ["use-start", "use-end"]) find(id).disabled = !this.canEnd();
  }

  /** Encodes the drawing and marks its place; the walk follows when a line is finished. */
  readDrawing(ink, finished) {
    this.updateEnds();
    if (isBlank(ink)) {
      this.reading.clear();
      return this.map.setPin("your drawing", null);
    }
    const form = find("fit-drawing").checked ? prepare : scaleDown;
    const code = this.reading.show(form(ink, SIZE));
    this.map.setPin("your drawing", placeOf(this.model, code));
    if (!finished) return;
    this.interpolation.setMade("drawing", code);
    this.announceSoon(() => `${find("verdict-title").textContent}. ${find("verdict").textContent}`);
  }

  /** Puts the test image nearest to the cross into the square. */
  takeTestImage() {
    const { nearest: index } = this.map;
    if (index >= 0) this.square.apply(() => enlarge(imageAt(this.model.images, index)));
  }

  /** Marks the place of a new digit; the cross and the sliders go there too. */
  showNewDigit(code) {
    const place = placeOf(this.model, code);
    this.setPinned(false);
    this.setAmountsFrom(code);
    this.moveTo(place);
    this.map.setPin("new digit", place);
    this.interpolation.setMade("new-digit", code);
    this.announceSoon(() => find("new-nearest-text").textContent);
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
    this.updateEnds();
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
      "take-image": () => this.takeTestImage(),
    };
    for (const [id, action] of Object.entries(buttons)) {
      find(id).addEventListener("click", action);
    }
    find("fit-drawing").addEventListener("change", () => this.readDrawing(this.square.ink, true));
  }

  /** Says `text()` once nothing has changed for a while: for those who listen to the page. */
  announceSoon(text) {
    clearTimeout(this.announcement);
    this.announcement = setTimeout(() => (find("announcer").textContent = text()), ANNOUNCE_AFTER);
  }

  /** Says what is under the cross. */
  announcePlace() {
    const text = (id) => find(id).textContent;
    this.announceSoon(() => `${text("place-text")}; nearest test image: ${text("test-image-text")}`);
  }
}

/** Gives the model the density of its codes, which are the places of the map themselves. */
function addDensity(model) {
  const { mixture } = model;
  model.density = (place) => density(mixture, place);
  const peaks = mixture.weights.map((_, i) => model.density(row(mixture.means, 2, i)));
  model.highestDensity = Math.max(...peaks);
}

async function start() {
  const model = await readModel(JSON.parse(find("data").textContent));
  model.encode = (pixels) => forward(model.encoder, pixels);
  model.decode = (code) => forward(model.decoder, code);
  if (model.mean.length === 2) addDensity(model);
  new Explorer(model);
  document.body.dataset.state = "ready";
}

start().catch((error) => {
  document.body.dataset.state = "failed";
  find("failure").textContent = `This page could not start: ${error.message}. It needs a browser of 2023 or newer.`;
  throw error;
});
