// The path between two codes: eleven steps and one position that can be dragged, decoded, above
// the plain blend of the two end pictures.

import { mix, row } from "./network.mjs";
import { paint, paintStrip } from "./picture.mjs";

const STEPS = Array.from({ length: 11 }, (_, i) => i / 10);
const IMAGE = "image";
const MADE = { drawing: "your drawing", "new-digit": "new digit" };

export class Interpolation {
  /** `find` gives the element of an id; `moved` is called with the codes of start, end and now. */
  constructor(model, find, moved) {
    Object.assign(this, { model, find, moved });
    this.width = model.mean.length;
    this.made = {};
    for (const name of ["start", "end"]) this.prepareEnd(name);
    this.addPresets();
    this.listenToPosition();
    this.choosePair(model.pairs[0] ?? [3, 8]);
  }

  /** Fills an end's list: the average of each digit, one test image by its number, and what is
   *  made in the page, which can be chosen as soon as it exists. */
  prepareEnd(name) {
    const choice = this.find(`${name}-choice`);
    for (let digit = 0; digit < 10; digit++) choice.add(new Option(`average ${digit}`, digit));
    choice.add(new Option("test image", IMAGE));
    for (const [kind, label] of Object.entries(MADE)) {
      const option = new Option(label, kind);
      option.disabled = true;
      choice.add(option);
    }
    this.find(`${name}-index`).max = this.model.labels.length - 1;
    choice.addEventListener("change", () => this.update());
    this.find(`${name}-index`).addEventListener("input", () => this.update());
  }

  addPresets() {
    for (const pair of this.model.pairs) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = pair.join(" → ");
      button.ariaLabel = `From the average ${pair[0]} to the average ${pair[1]}`;
      button.addEventListener("click", () => this.choosePair(pair));
      this.find("presets").append(button);
    }
  }

  /** The slider, and the strips, along which a pointer drags too. */
  listenToPosition() {
    const slider = this.find("position");
    slider.addEventListener("input", () => this.moveTo(slider.value / 100));
    const drag = (event) => {
      if (event.type === "pointermove" && !event.buttons) return;
      const { left, width } = event.currentTarget.getBoundingClientRect();
      const step = ((event.clientX - left) / width) * STEPS.length - 0.5;
      this.moveTo(Math.round(10 * Math.min(Math.max(step, 0), 10)) / 100);
    };
    for (const type of ["pointerdown", "pointermove"]) {
      this.find("strips").addEventListener(type, drag);
    }
  }

  choosePair(digits) {
    ["start", "end"].forEach((name, i) => (this.find(`${name}-choice`).value = digits[i]));
    this.update();
  }

  /** Makes test image `index` one of the ends. */
  chooseImage(name, index) {
    this.find(`${name}-choice`).value = IMAGE;
    this.find(`${name}-index`).value = index;
    this.update();
  }

  /** Makes what `setMade` was given for `kind` one of the ends. */
  chooseMade(name, kind) {
    this.find(`${name}-choice`).value = kind;
    this.update();
  }

  /** Sets the code of what is made in the page; a walk that starts or ends there follows. */
  setMade(kind, code) {
    this.made[kind] = code;
    const choices = ["start", "end"].map((name) => this.find(`${name}-choice`));
    for (const choice of choices) choice.querySelector(`[value="${kind}"]`).disabled = false;
    if (choices.some(({ value }) => value === kind)) this.update();
  }

  /** Returns the code and the name of an end as chosen. */
  end(name) {
    const choice = this.find(`${name}-choice`).value;
    if (choice in MADE) return { code: this.made[choice], label: MADE[choice] };
    if (choice !== IMAGE) return { code: this.model.means[choice], label: `average ${choice}` };
    const wanted = Math.trunc(this.find(`${name}-index`).value) || 0;
    const index = Math.min(Math.max(wanted, 0), this.model.labels.length - 1);
    const label = `test image ${index}, a ${this.model.labels[index]}`;
    return { code: row(this.model.codes, this.width, index), label };
  }

  /** Decodes both ends and the steps between them. */
  update() {
    const ends = ["start", "end"].map((name) => this.end(name));
    this.codes = ends.map(({ code }) => code);
    this.pictures = this.codes.map((code) => this.model.decode(code));
    this.showChoice(ends.map(({ label }) => label));
    paintStrip(this.find("path-strip"), STEPS.map((f) => this.model.decode(mix(...this.codes, f))));
    paintStrip(this.find("blend-strip"), STEPS.map((f) => mix(...this.pictures, f)));
    this.moveTo(this.find("position").value / 100);
  }

  showChoice(labels) {
    const chosen = ["start", "end"].map((name) => this.find(`${name}-choice`).value);
    ["start", "end"].forEach((name, i) => {
      this.find(`${name}-index`).hidden = chosen[i] !== IMAGE;
    });
    this.model.pairs.forEach((pair, i) => {
      this.find("presets").children[i].ariaPressed = pair.join() === chosen.join();
    });
    const way = `from ${labels.join(" to ")}`;
    this.find("path-strip").ariaLabel = `Eleven decoded steps ${way}`;
    this.find("blend-strip").ariaLabel = `Eleven pixel blends ${way}`;
  }

  moveTo(f) {
    const code = mix(...this.codes, f);
    paint(this.find("path-picture"), this.model.decode(code));
    paint(this.find("blend-picture"), mix(...this.pictures, f));
    this.find("position").value = Math.round(100 * f);
    this.find("position").ariaValueText = `${Math.round(100 * f)} % of the way`;
    this.find("fraction").value = f.toFixed(2);
    this.moved([...this.codes, code]);
  }
}
