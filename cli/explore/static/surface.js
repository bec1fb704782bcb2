// A surface over a square, turned by dragging or by arrow keys: faces from back to front on a canvas.

const COOL = [38, 84, 166], PALE = [238, 238, 238], WARM = [180, 28, 44];

export class Surface {
  constructor(canvas) {
    this.canvas = canvas;
    this.azimuth = -0.6;
    this.elevation = 0.6;
    let last = null;
    canvas.addEventListener("pointerdown", (event) => { last = event; canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointermove", (event) => {
      if (!last) return;
      this.turn((event.clientX - last.clientX) / 120, (event.clientY - last.clientY) / 120);
      last = event;
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { last = null; });
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[event.key];
      if (!step) return;
      event.preventDefault();
      this.turn(...step);
    });
  }

  turn(azimuth, elevation) {
    this.azimuth += azimuth;
    this.elevation = Math.min(1.57, Math.max(0, this.elevation + elevation));
    this.draw();
  }

  show(heights, extent) {
    this.heights = heights;
    this.extent = extent;
    this.draw();
  }

  draw() {
    const { heights, canvas } = this;
    if (!heights) return;
    const count = heights.length, context = canvas.getContext("2d");
    const most = Math.max(1e-30, ...heights.map((row) => Math.max(...row.map(Math.abs))));
    const turnSine = Math.sin(this.azimuth), turnCosine = Math.cos(this.azimuth);
    const tiltSine = Math.sin(this.elevation), tiltCosine = Math.cos(this.elevation);
    const size = canvas.width * 0.36, middle = canvas.width / 2;
    // Of (x, y, z) in [-1, 1]: across, down, and how far behind.
    const project = (x, y, z) => {
      const across = turnCosine * x - turnSine * y, depth = turnSine * x + turnCosine * y;
      return [middle + size * across, middle + size * (depth * tiltSine - 0.75 * z * tiltCosine), depth];
    };
    const at = (k) => (2 * k) / (count - 1) - 1;
    const points = heights.map((row, y) => row.map((z, x) => project(at(x), at(y), z / most)));
    const faces = [];
    for (let y = 0; y < count - 1; y += 1) {
      for (let x = 0; x < count - 1; x += 1) {
        const corners = [points[y][x], points[y][x + 1], points[y + 1][x + 1], points[y + 1][x]];
        const height = (heights[y][x] + heights[y + 1][x + 1]) / 2 / most;
        faces.push([corners[0][2] + corners[2][2], corners, height]);
      }
    }
    faces.sort((a, b) => a[0] - b[0]);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const depth = Math.min(...heights.map((row) => Math.min(...row))) / most - 0.25;
    const floor = [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([x, y]) => project(x, y, depth));
    outline(context, floor);
    context.fillStyle = "#e4e8ee";
    context.fill();
    context.lineWidth = 0.6;
    for (const [, corners, height] of faces) {
      outline(context, corners);
      context.fillStyle = colour(height);
      context.strokeStyle = "rgb(0 0 0 / 18%)";
      context.fill();
      context.stroke();
    }
    context.fillStyle = "#1c2430";
    context.font = "22px system-ui, sans-serif";
    context.textAlign = "center";
    for (const [x, y, text] of [[0, 1.25, "x"], [1.3, 0, "y"]]) {
      const [across, down] = project(x, y, depth);
      context.fillText(`${text} ±${Number(this.extent.toPrecision(2))} px`, across, down);
    }
  }
}

function outline(context, corners) {
  context.beginPath();
  corners.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
}

// Blue below zero, pale at it, red above.
function colour(height) {
  const end = height < 0 ? COOL : WARM, share = Math.sqrt(Math.min(1, Math.abs(height)));
  return `rgb(${PALE.map((pale, k) => Math.round(pale + share * (end[k] - pale))).join(" ")})`;
}
