// The square to draw in, with mouse, pen or finger; keys and buttons change what is drawn, so that
// a test image can be put in and changed without any of them.

import { blankInk, drawLine, isBlank, shift, SIZE, slant, thicken, thin } from "./ink.mjs";

const STEP = 10; // one pixel of the prepared image, as long as nothing is fitted and centred
const LEAN = 0.12;
const LINE_STEP = 3;
const REMEMBERED = 40;

const CHANGES = {
  left: (ink) => shift(ink, -STEP, 0),
  right: (ink) => shift(ink, STEP, 0),
  up: (ink) => shift(ink, 0, -STEP),
  down: (ink) => shift(ink, 0, STEP),
  thicker: (ink) => thicken(ink, LINE_STEP),
  thinner: (ink) => thin(ink, LINE_STEP),
  "lean-left": (ink) => slant(ink, -LEAN),
  "lean-right": (ink) => slant(ink, LEAN),
  erase: blankInk,
};

const KEYS = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
  t: "thicker",
  n: "thinner",
  l: "lean-left",
  r: "lean-right",
  Delete: "erase",
  Backspace: "erase",
};

export class Square {
  /** `changed(ink, finished)` is called after every change; `finished` is false while a line is
   *  being drawn. */
  constructor(find, changed) {
    Object.assign(this, { canvas: find("square"), hint: find("square-hint"), changed });
    this.canvas.width = this.canvas.height = SIZE;
    this.context = this.canvas.getContext("2d");
    this.image = this.context.createImageData(SIZE, SIZE);
    this.ink = blankInk();
    this.past = [];
    this.listenToPointer();
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    for (const button of document.querySelectorAll("[data-change]")) {
      button.addEventListener("click", () => this.apply(CHANGES[button.dataset.change]));
    }
    find("square-undo").addEventListener("click", () => this.undo());
    this.paint();
  }

  get blank() {
    return isBlank(this.ink);
  }

  /** Replaces the ink by what `change` makes of it. */
  apply(change) {
    this.remember();
    this.ink = change(this.ink);
    this.show(true);
  }

  remember() {
    this.past.push(this.ink.slice());
    if (this.past.length > REMEMBERED) this.past.shift();
  }

  undo() {
    this.ink = this.past.pop() ?? this.ink;
    this.show(true);
  }

  show(finished) {
    this.paint();
    this.changed(this.ink, finished);
  }

  paint() {
    const points = new Uint32Array(this.image.data.buffer);
    this.ink.forEach((value, i) => (points[i] = 0xff000000 | (value * 0x010101)));
    this.context.putImageData(this.image, 0, 0);
    this.hint.hidden = !this.blank;
  }

  listenToPointer() {
    let pen = null; // the pointer that draws
    let last = null;

    const draw = (event) => {
      const point = this.position(event);
      drawLine(this.ink, last ?? point, point);
      last = point;
    };
    const lift = (event) => {
      if (event.pointerId !== pen) return;
      pen = null;
      this.show(true);
    };

    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || pen !== null) return;
      this.canvas.setPointerCapture(event.pointerId);
      [pen, last] = [event.pointerId, null];
      this.remember();
      draw(event);
      this.showSoon();
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId !== pen) return;
      const events = event.getCoalescedEvents?.() ?? [];
      (events.length ? events : [event]).forEach(draw);
      this.showSoon();
    });
    this.canvas.addEventListener("pointerup", lift);
    this.canvas.addEventListener("pointercancel", lift);
  }

  /** Shows the line in the next frame, once however often a pointer moves. */
  showSoon() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.show(false);
    });
  }

  position(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * SIZE,
      ((event.clientY - box.top) / box.height) * SIZE,
    ];
  }

  key(event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === "z") this.undo();
    else if (event.ctrlKey || event.metaKey || event.altKey || !(key in KEYS)) return;
    else this.apply(CHANGES[KEYS[key]]);
    event.preventDefault();
  }
}
