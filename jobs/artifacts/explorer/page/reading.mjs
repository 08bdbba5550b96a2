// What the network makes of a drawing: its prepared form, its code's neighbours, its reconstruction
// and how large the error is beside those of the test images.

import { imageAt } from "./data.mjs";
import { Histogram } from "./histogram.mjs";
import { meanSquare, nearestCodes, shareBelow } from "./likeness.mjs";
import { paint, SIDE } from "./picture.mjs";

const NEIGHBOURS = 5;

/** Verdicts, each up to the share of test images whose error is smaller than the drawing's. */
const VERDICTS = [
  [0.75, "Copied well."],
  [0.9, "Copied less well."],
  [Infinity, "Copied badly."],
];

export class Reading {
  constructor(model, find) {
    Object.assign(this, { model, find });
    this.histogram = new Histogram(find("errors"), model.errors);
    this.neighbours = Array.from({ length: NEIGHBOURS }, () => addPicture(find("neighbours")));
    this.clear();
  }

  clear() {
    this.showPictures(false);
    this.histogram.mark(null);
    this.find("verdict-title").textContent = "Draw a digit, then a letter.";
    this.find("verdict").textContent =
      "The network has seen only digits. Can it copy yours?";
  }

  /** Shows what becomes of an image of pixels 0..1, and returns its code. */
  show(image) {
    const code = this.model.encode(image);
    const picture = this.model.decode(code);
    this.showPictures(true);
    paint(this.find("prepared"), image);
    paint(this.find("copy"), picture);
    this.showNeighbours(nearestCodes(this.model.codes, code, NEIGHBOURS));
    this.showError(meanSquare(picture, image));
    return code;
  }

  showPictures(visible) {
    for (const id of ["forms", "likest"]) this.find(id).classList.toggle("empty", !visible);
  }

  showNeighbours(indices) {
    indices.forEach((index, i) => {
      const digit = this.model.labels[index];
      const { canvas, caption } = this.neighbours[i];
      paint(canvas, imageAt(this.model.images, index));
      caption.textContent = digit;
      canvas.ariaLabel = `Test image ${index}, a ${digit}`;
    });
  }

  showError(error) {
    const { errors } = this.model;
    const share = shareBelow(errors, error);
    const percent = Math.round(100 * share);
    this.histogram.mark(error);
    this.find("verdict-title").textContent = VERDICTS.find(([most]) => share < most)[1];
    this.find("verdict").textContent =
      `Error ${error.toFixed(3)}: larger than for ${percent} of 100 test images.`;
  }
}

/** Adds a small picture with a caption to `parent`. */
function addPicture(parent) {
  const figure = document.createElement("figure");
  const canvas = document.createElement("canvas");
  const caption = document.createElement("figcaption");
  canvas.width = canvas.height = SIDE;
  canvas.setAttribute("role", "img");
  figure.append(canvas, caption);
  parent.append(figure);
  return { canvas, caption };
}
