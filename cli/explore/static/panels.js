// Panels: pictures, surfaces, plots and tables. A panel of the same kind and place is drawn into again,
// so that focus and the surface's turn stay as they are while a slider moves.

import { element } from "./elements.js";
import { contours, lines, polar } from "./plots.js";
import { Surface } from "./surface.js";
import { pickable } from "./pointing.js";
import { paintable } from "./strokes.js";

const makers = { picture: pictureBody, surface: surfaceBody, table: tableBody };
const plots = { contours, lines, polar };

export function drawPanels(box, panels, stateOf, set) {
  while (box.children.length > panels.length) box.lastChild.remove();
  panels.forEach((panel, k) => {
    const old = box.children[k];
    const draws = `${panel.draw ?? ""} ${panel.pick ?? ""}`;
    if (old?.dataset.kind === panel.kind && old.dataset.draws === draws && old.update) {
      old.querySelector("h2").textContent = panel.title;
      old.update(panel);
      return;
    }
    const title = element("h2", { text: panel.title });
    const node = element("section", { class: panel.wide ? "panel wide" : "panel", "data-kind": panel.kind, "data-draws": draws }, title);
    const make = makers[panel.kind] ?? plotBody;
    node.update = make(node, panel, stateOf, set);
    node.update(panel);
    old ? old.replaceWith(node) : box.append(node);
  });
}

function pictureBody(node, first, stateOf, set) {
  const image = element("img");
  const frame = element("div", { class: "frame" }, image);
  const legend = element("p", { class: "legend" });
  node.append(frame, legend);
  const point = first.draw ? paintable(node, frame, image, first, stateOf, set) : pickable(frame, image, first, stateOf, set);
  return (panel) => {
    image.src = panel.source;
    image.alt = panel.alt;
    image.width = panel.width;
    image.height = panel.height;
    image.className = Math.max(panel.width, panel.height) < 300 ? "small" : "";
    legend.textContent = panel.legend;
    point(panel);
  };
}

function surfaceBody(node, first) {
  const canvas = element("canvas", { class: "surface", role: "img", tabindex: 0, width: 640, height: 640 });
  node.append(canvas, element("p", { class: "legend", text: "Drag, or arrow keys, to turn; x runs to the right of the picture, y down it." }));
  const drawn = new Surface(canvas);
  return (panel) => {
    canvas.setAttribute("aria-label", `${panel.alt}; arrow keys turn it`);
    drawn.show(panel.heights, panel.extent);
  };
}

function plotBody(node) {
  const box = element("div");
  node.append(box);
  return (panel) => box.replaceChildren(plots[panel.kind](panel));
}

function tableBody(node) {
  const box = element("div", { class: "scroll", tabindex: 0, role: "region" });
  node.append(box);
  return (panel) => {
    const rows = panel.rows.map((row) =>
      element("tr", {}, ...row.map((cell, k) => element(k ? "td" : "th", { scope: k ? null : "row", text: cell }))));
    const head = panel.heads
      ? element("thead", {}, element("tr", {}, ...panel.columns.map((text) => element("th", { scope: "col", text }))))
      : null;
    box.setAttribute("aria-label", panel.title);
    box.replaceChildren(element("table", {}, head, element("tbody", {}, ...rows)));
  };
}
