// Plots as SVG, with a text for who does not see them.

import { short, svg } from "./elements.js";

// Colours of few series that red-green blind eyes tell apart, all dark enough on white.
const SERIES = ["#0b5cad", "#b04a00", "#00664b", "#8a3a78"];

function plot(alt, box, ...children) {
  return svg("svg", { viewBox: box, role: "img", "aria-label": alt }, ...children);
}

function path(points, attributes, close = false) {
  const text = points.map(([x, y], k) => `${k ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  return svg("path", { d: text + (close ? "Z" : ""), fill: "none", ...attributes });
}

function words(x, y, text, attributes = {}) {
  return svg("text", { x, y, text, "text-anchor": "middle", ...attributes });
}

/** Half-peak contours in the plane of frequencies, from -0.6 to 0.6 cycles per pixel, fy down. */
export function contours({ curves, alt }) {
  const place = ([fx, fy]) => [170 + 270 * fx, 165 + 270 * fy];
  const lengths = [...new Set(curves.map((curve) => curve.wavelength.toPrecision(4)))].map(Number).sort((a, b) => a - b);
  const hue = (curve) => `hsl(${235 - (235 * lengths.indexOf(Number(curve.wavelength.toPrecision(4)))) / Math.max(1, lengths.length - 1)} 75% 36%)`;
  const drawn = curves.flatMap((curve) => [
    path(curve.points.map(([x, y]) => place([-x, -y])), { stroke: hue(curve), "stroke-opacity": 0.35 }, true),
    path(curve.points.map(place), { stroke: hue(curve), "stroke-width": 1.6 }, true),
  ]);
  return plot(alt, "0 0 340 350",
    svg("rect", { x: 35, y: 30, width: 270, height: 270, fill: "none", stroke: "#6b7686", "stroke-dasharray": "4 3" }),
    words(37, 25, "±½ cycle/px (Nyquist)", { "text-anchor": "start" }),
    path([[8, 165], [332, 165]], { stroke: "#c9d1dc" }), path([[170, 3], [170, 327]], { stroke: "#c9d1dc" }),
    ...drawn, words(326, 180, "fx"), words(182, 12, "fy"),
    words(170, 345, `wavelengths ${short(lengths[0])} to ${short(lengths.at(-1))} px, blue to red`));
}

/** Mean and range of a quantity along x. */
export function lines({ x, mean, least, most, xlabel, ylabel, alt }) {
  const top = Math.max(1e-30, ...most);
  const place = (a, b) => [45 + (280 * a) / x.at(-1), 200 - (180 * b) / top];
  const range = [...x.map((a, k) => place(a, most[k])), ...x.map((a, k) => place(a, least[k])).reverse()];
  const ticks = [0, 0.5, 1].flatMap((share) => {
    const [left, down] = place(0, share * top);
    return [path([[left, down], [325, down]], { stroke: "#dfe4ea" }), words(left - 6, down + 4, short(share * top), { "text-anchor": "end" })];
  });
  const marks = [0, 0.5, 1].map((share) => words(place(share * x.at(-1), 0)[0], 216, short(share * x.at(-1))));
  return plot(alt, "0 0 340 240", ...ticks, ...marks,
    path(range, { fill: "#0b5cad", "fill-opacity": 0.2 }, true),
    path(x.map((a, k) => place(a, mean[k])), { stroke: "#0b5cad", "stroke-width": 2 }),
    words(185, 235, xlabel), words(45, 12, ylabel, { "text-anchor": "start" }));
}

/** Magnitudes by direction; that of theta + 180 degrees is that of theta. */
export function polar({ angles, series, alt }) {
  const top = Math.max(1e-30, ...series.flatMap((one) => one.values));
  const place = (degrees, value) => {
    const radians = (degrees * Math.PI) / 180, radius = (130 * value) / top;
    return [170 + radius * Math.cos(radians), 155 + radius * Math.sin(radians)];
  };
  const rings = [0.5, 1].map((share) => svg("circle", { cx: 170, cy: 155, r: 130 * share, fill: "none", stroke: "#c9d1dc" }));
  const spokes = [0, 45, 90, 135].flatMap((degrees) => {
    const [x, y] = place(degrees, 1.1 * top);
    return [path([place(degrees, -top), place(degrees, top)], { stroke: "#dfe4ea" }), words(x, y + 4, `${degrees}°`)];
  });
  const curves = series.map((one, k) => {
    const half = angles.map((degrees, j) => [degrees, one.values[j]]);
    const whole = [...half, ...half.map(([degrees, value]) => [degrees + 180, value])];
    return path(whole.map(([degrees, value]) => place(degrees, value)),
      { stroke: SERIES[k % SERIES.length], "stroke-width": 2, fill: SERIES[k % SERIES.length], "fill-opacity": 0.08 }, true);
  });
  const keys = series.map((one, k) => words(12, 322 + 15 * k, `— ${one.label}`, { "text-anchor": "start", fill: SERIES[k % SERIES.length] }));
  return plot(alt, `0 0 340 ${330 + 15 * series.length}`, ...rings, ...spokes, ...curves, ...keys,
    words(328, 322, `outer ring ${short(top)}`, { "text-anchor": "end" }));
}
