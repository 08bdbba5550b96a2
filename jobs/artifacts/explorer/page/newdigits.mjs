// Digits that nobody wrote: codes drawn from the mixture that the run fitted to its codes, decoded.

import { imageAt } from "./data.mjs";
import { nearestImage } from "./likeness.mjs";
import { drawCode } from "./mixture.mjs";
import { paint, SIDE } from "./picture.mjs";

const COUNT = 15;

export class NewDigits {
  /** `chosen` is called with the code of the digit that is chosen. */
  constructor(model, find, chosen) {
    Object.assign(this, { model, find, chosen, digits: [] });
    this.buttons = Array.from({ length: COUNT }, (_, i) => this.addButton(i));
    find("draw-codes").addEventListener("click", () => this.draw());
    find("real-distance").textContent = model.realDistance.toFixed(3);
  }

  addButton(i) {
    const button = document.createElement("button");
    const canvas = document.createElement("canvas");
    const distance = document.createElement("span");
    button.type = "button";
    canvas.width = canvas.height = SIDE;
    button.append(canvas, distance);
    button.addEventListener("click", () => this.choose(i));
    this.find("new-digits").append(button);
    return { button, canvas, distance };
  }

  /** Draws new codes, shows them and chooses the first. */
  draw() {
    this.digits = this.buttons.map(({ button, canvas, distance }, i) => {
      const code = drawCode(this.model.mixture, Math.random);
      const picture = this.model.decode(code);
      const nearest = nearestImage(this.model.images, picture);
      paint(canvas, picture);
      distance.textContent = nearest.distance.toFixed(3);
      button.ariaLabel = `New digit ${i + 1}, ${distance.textContent} from the nearest test image`;
      return { code, picture, nearest };
    });
    this.choose(0);
  }

  choose(i) {
    const { code, picture, nearest } = this.digits[i];
    this.buttons.forEach(({ button }, j) => (button.ariaPressed = i === j));
    paint(this.find("new-picture"), picture);
    paint(this.find("new-nearest"), imageAt(this.model.images, nearest.index));
    const digit = this.model.labels[nearest.index];
    this.find("new-nearest-text").textContent =
      `number ${nearest.index}, a ${digit}: ${nearest.distance.toFixed(3)} away`;
    this.chosen(code);
  }
}
