// Pointing at a pixel of a picture, by a click or by arrow keys and Enter.

import { element } from "./elements.js";

/** Let a picture be pointed at, if its panel says what for; returns what to call with each new panel. */
export function pickable(frame, image, first, stateOf, set) {
  if (!first.pick) return () => {};
  const mark = element("span", { class: "mark" });
  const target = element("div", { class: "target", tabindex: 0, role: "application", "aria-label": "Choose a pixel: arrow keys move, with Shift by 10" });
  frame.append(mark, target);
  let panel = first;
  const choose = (y, x) => {
    const within = (value, size) => Math.min(size - 1, Math.max(0, Math.floor(value)));
    panel.marked = [within(y, panel.height), within(x, panel.width)];
    set(panel.pick, panel.marked.join(","));
    place();
  };
  const place = () => {
    const box = pictureBox(frame, panel);
    mark.style.left = `${box.left + ((panel.marked[1] + 0.5) * box.width) / panel.width}px`;
    mark.style.top = `${box.top + ((panel.marked[0] + 0.5) * box.height) / panel.height}px`;
  };
  let held = false;
  const point = (event) => {
    const { y, x } = pixelAt(frame, panel, event);
    choose(y, x);
  };
  target.addEventListener("pointerdown", (event) => { held = true; target.setPointerCapture(event.pointerId); point(event); });
  target.addEventListener("pointermove", (event) => { if (held) point(event); });
  target.addEventListener("pointerup", () => { held = false; });
  target.addEventListener("keydown", (event) => {
    const step = arrow(event);
    if (!step) return;
    event.preventDefault();
    choose(panel.marked[0] + step[0], panel.marked[1] + step[1]);
  });
  new ResizeObserver(place).observe(frame);
  image.addEventListener("load", place);
  return (next) => { panel = next; place(); };
}

/** Steps (y, x) of an arrow key: 1, or 10 with Shift. */
export function arrow(event) {
  const size = event.shiftKey ? 10 : 1;
  return { ArrowUp: [-size, 0], ArrowDown: [size, 0], ArrowLeft: [0, -size], ArrowRight: [0, size] }[event.key];
}

/** Where the picture lies in its frame, which may be wider than it. */
export function pictureBox(frame, panel) {
  const scale = Math.min(frame.clientWidth / panel.width, frame.clientHeight / panel.height);
  const width = scale * panel.width, height = scale * panel.height;
  return { left: (frame.clientWidth - width) / 2, top: (frame.clientHeight - height) / 2, width, height };
}

/** The place under the pointer, in pixels of the picture. */
export function pixelAt(frame, panel, event) {
  const box = pictureBox(frame, panel), edge = frame.getBoundingClientRect();
  return {
    y: ((event.clientY - edge.top - box.top) / box.height) * panel.height,
    x: ((event.clientX - edge.left - box.left) / box.width) * panel.width,
  };
}
