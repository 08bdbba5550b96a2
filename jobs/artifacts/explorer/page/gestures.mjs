// Mouse, touch, pen, wheel and keyboard on the map, turned into a few intentions.
//
// Mouse: moving points, dragging pans, clicking picks, the wheel zooms about the pointer.
// Touch: one finger points and a tap picks; two fingers pan and zoom.
// Keys: arrows move the cross, + - 0 zoom, Enter picks, Escape lets go, A and B choose the ends.

const CLICK_SLACK = 5;
const KEY_STEP = 10;
const WHEEL_RATE = 0.0016;
const PINCH_WHEEL_RATE = 0.012;

/** Listens on `canvas`. `act` has point(xy), pick(xy), nudge(dx, dy), release(), end(name),
 *  pan(dx, dy), zoom(factor, xy or undefined) and showAll(); xy are CSS pixels on the canvas. */
export function listen(canvas, act) {
  listenToPointers(canvas, act);
  canvas.addEventListener("wheel", (event) => wheel(event, act), { passive: false });
  canvas.addEventListener("keydown", (event) => key(event, act));
}

function position(event) {
  const box = event.currentTarget.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

function listenToPointers(canvas, act) {
  const held = new Map();
  let travelled = 0;

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    travelled = held.size ? Infinity : 0;
    held.set(event.pointerId, position(event));
    if (event.pointerType !== "mouse" && held.size === 1) act.release();
  });

  canvas.addEventListener("pointermove", (event) => {
    const now = position(event);
    const before = held.get(event.pointerId);
    if (!before) return act.point(now);
    travelled += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (held.size === 2) pinch(held, event.pointerId, now, act);
    else if (event.pointerType !== "mouse") act.point(now);
    else if (travelled > CLICK_SLACK) act.pan(now[0] - before[0], now[1] - before[1]);
    held.set(event.pointerId, now);
  });

  canvas.addEventListener("pointerup", (event) => {
    if (held.delete(event.pointerId) && travelled <= CLICK_SLACK) act.pick(position(event));
  });
  canvas.addEventListener("pointercancel", (event) => held.delete(event.pointerId));
}

/** Two fingers: the plane follows their middle and grows with their distance. */
function pinch(held, moved, now, act) {
  const before = held.get(moved);
  const [, other] = [...held].find(([id]) => id !== moved);
  const distance = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
  act.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2];
  act.zoom(distance(now) / Math.max(distance(before), 1), middle);
}

function wheel(event, act) {
  event.preventDefault();
  const pixels = event.deltaY * [1, 16, 400][event.deltaMode];
  const rate = event.ctrlKey ? PINCH_WHEEL_RATE : WHEEL_RATE;
  act.zoom(Math.exp(-pixels * rate), position(event));
}

function key(event, act) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const step = event.shiftKey ? 5 * KEY_STEP : KEY_STEP;
  const action = {
    ArrowLeft: () => act.nudge(-step, 0),
    ArrowRight: () => act.nudge(step, 0),
    ArrowUp: () => act.nudge(0, -step),
    ArrowDown: () => act.nudge(0, step),
    "+": () => act.zoom(1.4),
    "=": () => act.zoom(1.4),
    "-": () => act.zoom(1 / 1.4),
    0: () => act.showAll(),
    Enter: () => act.pick(),
    " ": () => act.pick(),
    Escape: () => act.release(),
    a: () => act.end("start"),
    b: () => act.end("end"),
  }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  action();
}
