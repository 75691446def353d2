// Drawing a picture on a canvas: what lies outside of the window is skipped, and small text is left
// out when zoomed away.

const THEMES = {
  light: { back: "#f7f8fa", paper: "#ffffff", ink: "#1c2430", dim: "#64707f", line: "#c3cbd6", edge: "#9aa6b5",
           accent: "#1f6feb", down: "#d9480f", derivative: "#c2255c", groups: ["#eef1f6", "#e6ebf2", "#dee5ee", "#d6dfea"], label: "#4a5667" },
  dark: { back: "#11151b", paper: "#1d242e", ink: "#e4e9f0", dim: "#93a0b1", line: "#3b4655", edge: "#5d6b7d",
          accent: "#6ea8fe", down: "#ff922b", derivative: "#f783ac", groups: ["#171c24", "#1c222c", "#222a35", "#29323f"], label: "#a9b6c6" },
};
const PHASE_COLOURS = { forward: "#2f9e44", backward: "#c2255c", update: "#e8590c" };

function hue(text) {
  let hash = 2166136261;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619) >>> 0;
  return `hsl(${hash % 360} 62% 52%)`;
}

function heat(share) {
  return share <= 0 ? "#94a3b8" : `hsl(${Math.round(210 - 205 * Math.min(1, Math.pow(share, 0.35)))} 75% 50%)`;
}

function colourOf(thing, mode, scene) {
  if (isGroup(thing)) {
    if (mode === "cost") return heat(thing.flops / (scene.root.flops || 1));
    return thing.kind === "phase" ? PHASE_COLOURS[thing.name] : thing.kind === "module" ? "#7c8796" : "#ec4899";
  }
  if (thing.kind === "input" || thing.kind === "output") return "#2f9e44";
  if (mode === "cost") return heat(thing.flops * 8 / (scene.root.flops || 1));
  if (mode === "kernel") return thing.kernel ? hue(thing.name) : thing.launches.length ? hue("k" + thing.launches[0]) : "#94a3b8";
  return thing.kernel ? KERNELS[thing.kernel] || "#94a3b8" : FAMILIES[familyOf(thing.name)][1];
}

function roundRect(c, x, y, w, h, r) {
  c.beginPath();
  c.moveTo(x + r, y);
  c.arcTo(x + w, y, x + w, y + h, r);
  c.arcTo(x + w, y + h, x, y + h, r);
  c.arcTo(x, y + h, x, y, r);
  c.arcTo(x, y, x + w, y, r);
  c.closePath();
}

function tracePath(c, points) {
  c.beginPath();
  c.moveTo(points[0][0], points[0][1]);
  for (let i = 1; i < points.length; i++) {
    const [ax, ay] = points[i - 1], [bx, by] = points[i], middle = (ay + by) / 2;
    if (Math.abs(ax - bx) < 0.5) c.lineTo(bx, by);
    else c.bezierCurveTo(ax, middle, bx, middle, bx, by);
  }
}

function arrow(c, points, k) {
  const [x, y] = points[points.length - 1], up = points[points.length - 2][1] > y ? -1 : 1;
  const s = Math.max(4.5, 3 / k);
  c.beginPath();
  c.moveTo(x, y);
  c.lineTo(x - s * 0.62, y - up * s * 1.3);
  c.lineTo(x + s * 0.62, y - up * s * 1.3);
  c.fill();
}

/// view: {x, y, k}: screen = (world - x, y) * k. look: {theme, colour, chosen, hover, hits}.
function drawPicture(c, picture, view, size, look) {
  const t = THEMES[look.theme], k = view.k;
  const window = [view.x, view.y, view.x + size.w / k, view.y + size.h / k];
  const isSeen = (x0, y0, x1, y1) => x0 < window[2] && x1 > window[0] && y0 < window[3] && y1 > window[1];
  c.fillStyle = t.back;
  c.fillRect(0, 0, size.w, size.h);
  c.save();
  c.scale(k, k);
  c.translate(-view.x, -view.y);
  for (const box of picture.boxes) if (box.open && isSeen(box.x, box.y, box.x + box.w, box.y + box.h)) drawOpen(c, box, t, k, look, picture.scene);
  drawRoutes(c, picture, t, k, look, isSeen);
  for (const box of picture.boxes) if (!box.open && isSeen(box.x, box.y, box.x + box.w, box.y + box.h)) drawBox(c, box, t, k, look, picture.scene);
  drawLinks(c, picture, t, k, look);
  c.restore();
}

function drawOpen(c, box, t, k, look, scene) {
  const group = box.thing;
  roundRect(c, box.x, box.y, box.w, box.h, 9);
  c.fillStyle = t.groups[Math.min(group.depth - 1, 3)];
  c.fill();
  c.lineWidth = look.chosen === group ? 2.4 : 1;
  c.strokeStyle = look.chosen === group ? t.accent : t.line;
  c.stroke();
  if (k < 0.12) return;
  c.fillStyle = colourOf(group, look.colour, scene);
  roundRect(c, box.x + 10, box.y + 9, 9, 9, 2);
  c.fill();
  c.fillStyle = t.ink;
  c.font = TITLE;
  c.textBaseline = "middle";
  c.fillText(cut(group.name, TITLE, box.w - 60), box.x + 26, box.y + 14);
  c.fillStyle = t.dim;
  c.fillText("−", box.x + box.w - 20, box.y + 14);
}

function drawBox(c, box, t, k, look, scene) {
  const thing = box.thing, group = isGroup(thing), colour = colourOf(thing, look.colour, scene);
  const isPort = thing.kind === "input" || thing.kind === "output";
  const radius = isPort ? box.h / 2 : group ? 7 : 6;
  const isHit = look.hits && look.hits.has(thing);
  if (group && k > 0.25) {
    roundRect(c, box.x + 3, box.y + 3, box.w, box.h, radius);
    c.fillStyle = t.line;
    c.fill();
  }
  roundRect(c, box.x, box.y, box.w, box.h, radius);
  c.fillStyle = t.paper;
  c.fill();
  if (k < 0.3) { c.globalAlpha = 0.75; c.fillStyle = colour; c.fill(); c.globalAlpha = 1; }
  const isChosen = look.chosen === thing;
  c.lineWidth = isChosen ? 2.6 : isHit ? 2.2 : look.hover === thing ? 1.8 : 1.1;
  c.strokeStyle = isChosen ? t.accent : isHit ? t.down : look.hover === thing ? t.dim : isPort ? colour : t.line;
  c.stroke();
  if (k < 0.3) return;
  if (!isPort) {
    c.save();
    roundRect(c, box.x, box.y, box.w, box.h, radius);
    c.clip();
    c.fillStyle = colour;
    c.fillRect(box.x, box.y, 5, box.h);
    c.restore();
  }
  c.textBaseline = "middle";
  const roles = { title: t.ink, dim: t.dim, read: look.theme === "dark" ? "#8ce99a" : "#2b8a3e", write: look.theme === "dark" ? "#ffc078" : "#c05621" };
  sizeOf(thing).lines.forEach((line, i) => {
    if (i && k < 0.5) return;
    c.font = line.font;
    c.fillStyle = roles[line.role];
    c.fillText(line.text, box.x + 14, box.y + 14 + i * 15);
  });
  if (group) { c.fillStyle = t.dim; c.font = TITLE; c.fillText("+", box.x + box.w - 14, box.y + 14); }
}

/// Of the chosen thing: does it read this edge (1), make it (2)?
function partIn(edges, chosen) {
  if (!chosen) return 0;
  if (isGroup(chosen)) {
    const inside = node => { for (let g = node.group; g; g = g.parent) if (g === chosen) return true; return false; };
    for (const edge of edges) {
      const a = inside(edge.from), b = inside(edge.to);
      if (a !== b) return b ? 1 : 2;
    }
    return 0;
  }
  if (edges.some(edge => edge.to === chosen)) return 1;
  return edges.some(edge => edge.from === chosen) ? 2 : 0;
}

function drawRoutes(c, picture, t, k, look, isSeen) {
  const later = [], labels = [];
  for (const route of picture.routes) {
    const [x0, y0, x1, y1] = route.box;
    if (!isSeen(x0 - 8, y0 - 8, x1 + 8, y1 + 8)) continue;
    const part = partIn(route.edges, look.chosen);
    if (part) { later.push([route, part]); continue; }
    c.globalAlpha = look.chosen ? 0.45 : route.ends ? 0.7 : 1;
    drawRoute(c, route, t.edge, k, 1.1);
    if (k > 0.6 && route.label && !route.ends) labels.push(route);
  }
  c.globalAlpha = 1;
  for (const [route, part] of later) drawRoute(c, route, part === 1 ? t.accent : t.down, k, 2.2);
  for (const [route] of later) if (k > 0.35 && route.label) labels.push(route);
  const taken = [];
  for (const route of labels.reverse()) drawLabel(c, route, t, taken);
}

function drawRoute(c, route, colour, k, width) {
  c.strokeStyle = c.fillStyle = colour;
  c.lineWidth = Math.max(width * (route.count > 1 ? 1.6 : 1), 0.7 / k);
  c.setLineDash(route.back ? [5, 4] : []);
  tracePath(c, route.points);
  c.stroke();
  c.setLineDash([]);
  if (k > 0.2 && route.ends !== "out") arrow(c, route.points, k);
}

/// Where another label is already, there is none.
function drawLabel(c, route, t, taken) {
  const [[ax, ay], [bx, by]] = route.points;
  const width = textWidth(route.label, SMALL), x = (ax + bx) / 2 - width / 2, y = (ay + by) / 2;
  if (Math.abs(by - ay) < 14) return;
  if (taken.some(([l, r, v]) => x - 4 < r && x + width + 4 > l && Math.abs(v - y) < 13)) return;
  taken.push([x, x + width, y]);
  c.fillStyle = t.back;
  c.globalAlpha = 0.86;
  c.fillRect(x - 3, y - 7, width + 6, 14);
  c.globalAlpha = 1;
  c.font = SMALL;
  c.textBaseline = "middle";
  c.fillStyle = t.label;
  c.fillText(route.label, x, y + 0.5);
}

/// For what is chosen: lines to its derivatives, and edges from one phase to another.
function drawLinks(c, picture, t, k, look) {
  const chosen = look.chosen;
  if (!chosen || isGroup(chosen)) return;
  const boxFor = node => { const way = picture.wayTo(node); return picture.boxOf.get(way[way.length - 1]); };
  const join = (from, to, colour, dash) => {
    const a = boxFor(from), b = boxFor(to);
    if (!a || !b || a === b) return;
    const down = a.y < b.y;
    const points = [[a.x + a.w / 2, down ? a.y + a.h : a.y], [b.x + b.w / 2, down ? b.y : b.y + b.h]];
    c.strokeStyle = c.fillStyle = colour;
    c.lineWidth = Math.max(1.8, 1.4 / k);
    c.setLineDash(dash);
    tracePath(c, points);
    c.stroke();
    c.setLineDash([]);
    arrow(c, points, k);
  };
  for (const edge of picture.hidden) {
    if (edge.to === chosen) join(edge.from, edge.to, t.accent, [7, 4]);
    if (edge.from === chosen) join(edge.from, edge.to, t.down, [7, 4]);
  }
  if (chosen.of !== undefined) join(picture.scene.nodes[chosen.of], chosen, t.derivative, [2, 4]);
  for (const derivative of chosen.derivatives) join(chosen, derivative, t.derivative, [2, 4]);
}
