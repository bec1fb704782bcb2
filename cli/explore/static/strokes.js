// Painting on a picture: by pointer, or by arrow keys with a pen that Space lowers and lifts.
// Strokes are texts, pen:x,y,x,y,... with semicolons between them, in pixels of the picture.

import { element, svg } from "./elements.js";
import { arrow, pictureBox, pixelAt } from "./pointing.js";

const MOST_POINTS = 1900;

/** Let a picture be painted on; returns what to call with each new panel. */
export function paintable(node, frame, image, first, stateOf, set) {
  let panel = first, pen = 1, line = null, lowered = false;
  let cursor = { y: Math.floor(first.height / 2), x: Math.floor(first.width / 2) };
  const sheet = svg("svg", { class: "target", role: "application", tabindex: 0, preserveAspectRatio: "xMidYMid meet",
    "aria-label": "Paint: arrow keys move the pen, with Shift by 10; Space lowers and lifts it" });
  frame.append(sheet);
  const buttons = first.pens.map((colour, k) => {
    const button = element("button", { type: "button", "aria-pressed": k === 0, text: `Pen ${k + 1} `, onclick: () => take(k + 1) });
    const spot = element("span", { class: "spot" });
    spot.style.background = colour;
    button.append(spot);
    return button;
  });
  const take = (number) => {
    pen = number;
    buttons.forEach((button, k) => button.setAttribute("aria-pressed", k + 1 === pen));
    drawAll();
  };
  const strokes = () => stateOf(panel.draw).split(";").filter(Boolean);
  const keep = (all) => { set(panel.draw, all.join(";")); drawAll(); };
  node.append(element("div", { class: "row" }, ...(first.pens.length > 1 ? buttons : []),
    element("button", { type: "button", text: "Undo", onclick: () => keep(strokes().slice(0, -1)) }),
    element("button", { type: "button", text: "Clear", onclick: () => keep([]) })));

  const within = ({ y, x }) => ({
    y: Math.min(panel.height - 1, Math.max(0, Math.round(y))), x: Math.min(panel.width - 1, Math.max(0, Math.round(x))),
  });
  const drawAll = () => {
    const width = Number(stateOf(panel.pen_width) || panel.default_width || 1);
    const lines = [...strokes().map((text) => { const [which, numbers] = text.split(":"); return [Number(which), numbers.split(",").map(Number)]; }),
      ...(line ? [[pen, line]] : [])];
    sheet.setAttribute("viewBox", `0 0 ${panel.width} ${panel.height}`);
    sheet.replaceChildren(
      ...lines.map(([which, numbers]) => svg("polyline", {
        points: (numbers.length === 2 ? [...numbers, numbers[0] + 0.01, numbers[1]] : numbers).join(" "), fill: "none",
        stroke: panel.pens[which - 1], "stroke-width": width, "stroke-linecap": "round", "stroke-linejoin": "round" })),
      svg("circle", { cx: cursor.x, cy: cursor.y, r: Math.max(width / 2, panel.width / 120), fill: lowered ? panel.pens[pen - 1] : "none",
        stroke: "#fff", "stroke-width": panel.width / 250, class: "cursor" }));
  };
  const begin = (at) => { cursor = within(at); line = [cursor.x, cursor.y]; drawAll(); };
  const go = (at) => {
    const next = within(at);
    if (next.x === cursor.x && next.y === cursor.y) return;
    cursor = next;
    if (line && line.length < 2 * MOST_POINTS) line.push(cursor.x, cursor.y);
    drawAll();
  };
  const end = () => {
    if (!line) return;
    const done = `${pen}:${line.join(",")}`;
    line = null;
    keep([...strokes(), done]);
  };
  sheet.addEventListener("pointerdown", (event) => { sheet.setPointerCapture(event.pointerId); begin(pixelAt(frame, panel, event)); });
  sheet.addEventListener("pointermove", (event) => { if (line && !lowered) go(pixelAt(frame, panel, event)); });
  for (const name of ["pointerup", "pointercancel"]) sheet.addEventListener(name, () => { if (!lowered) end(); });
  sheet.addEventListener("keydown", (event) => {
    const step = arrow(event);
    if (step) go({ y: cursor.y + step[0], x: cursor.x + step[1] });
    else if (event.key === " ") {
      lowered = !lowered;
      lowered ? begin(cursor) : end();
    } else if (/^[1-9]$/.test(event.key) && Number(event.key) <= panel.pens.length) take(Number(event.key));
    else return;
    event.preventDefault();
  });
  sheet.addEventListener("blur", () => { if (lowered) { lowered = false; end(); } });
  const fit = () => {
    const box = pictureBox(frame, panel);
    Object.assign(sheet.style, { left: `${box.left}px`, top: `${box.top}px`, width: `${box.width}px`, height: `${box.height}px` });
  };
  new ResizeObserver(fit).observe(frame);
  image.addEventListener("load", fit);
  return (next) => {
    if (next.width !== panel.width || next.height !== panel.height) cursor = within(cursor);
    panel = next;
    cursor = within(cursor);
    fit();
    drawAll();
  };
}
