// What is visible of a scene with some groups unfolded: boxes and routes at their places. Each
// unfolded group is laid out alone, inner ones first. What enters a group comes through one point
// of its upper border, what leaves it goes through one of its lower border.

const PAD = 16, HEAD = 28, FONT = '"DejaVu Sans", system-ui, sans-serif', MONO = '"DejaVu Sans Mono", ui-monospace, monospace';
const measuring = document.createElement("canvas").getContext("2d");
const textWidths = new Map();
function textWidth(text, font) {
  const key = font + text;
  let known = textWidths.get(key);
  if (known === undefined) {
    measuring.font = font;
    textWidths.set(key, known = measuring.measureText(text).width);
  }
  return known;
}
function cut(text, font, width) {
  if (textWidth(text, font) <= width) return text;
  let low = 0, high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (textWidth(text.slice(0, middle) + "…", font) <= width) low = middle; else high = middle - 1;
  }
  return text.slice(0, low) + "…";
}

const TITLE = "600 12.5px " + FONT, SMALL = "10.5px " + MONO, PLAIN = "11px " + FONT;
const isGroup = thing => thing.groups !== undefined;

/// Lines of text of a box: [text, font, role].
function linesOf(thing) {
  if (isGroup(thing)) {
    const parts = [thing.ops + (thing.ops === 1 ? " op" : " ops")];
    if (thing.flops >= 1000) parts.push(flopsText(thing.flops));
    return [[thing.name, TITLE, "title"], [parts.join(" · "), PLAIN, "dim"]];
  }
  const lines = [[thing.title || thing.name, TITLE, "title"]];
  if (thing.kernel) lines.push([`${thing.name} · ${thing.ops.length} ops` + (thing.flops >= 1000 ? " · " + flopsText(thing.flops) : ""), PLAIN, "dim"]);
  else if (thing.types.length) lines.push([thing.types.slice(0, 2).map(typeText).join(", ") + (thing.types.length > 2 ? ", …" : ""), SMALL, "dim"]);
  const reads = thing.reads.filter(chip => chip.text !== "constant" || thing.reads.length < 3);
  for (const chip of reads.slice(0, 2)) lines.push([chip.text + "  " + typeText(chip.type), SMALL, "read"]);
  if (reads.length > 2) lines.push([`and ${reads.length - 2} more`, SMALL, "read"]);
  if (thing.writes.length) lines.push(["→ " + thing.writes[0] + (thing.writes.length > 1 ? ` and ${thing.writes.length - 1} more` : ""), SMALL, "write"]);
  return lines;
}

function sizeOf(thing) {
  if (thing.size) return thing.size;
  const lines = linesOf(thing).map(([text, font, role]) => ({ text: cut(text, font, 230), font, role }));
  const w = Math.max(64, ...lines.map(line => textWidth(line.text, line.font))) + 26;
  return thing.size = { lines, w: Math.ceil(w), h: 13 + lines.length * 15 };
}

class Picture {
  constructor(scene, unfolded) {
    this.scene = scene;
    this.unfolded = unfolded;
    this.boxes = [];   // {thing, x, y, w, h, inner: unfolded or not}; outer ones first
    this.routes = [];  // {points, edges, label, back}
    this.boxOf = new Map();
    this.lift();
    const { w, h } = this.layout(scene.root);
    this.w = w, this.h = h;
    this.place(scene.root, 0, 0);
    this.hidden = this.scene.edges.filter(edge => this.isAcross(edge));
  }

  isOpen(group) { return group.parent === null || this.unfolded.has(group.id); }

  /// The things on the way from the root to what stands for a node, outermost first.
  wayTo(node) {
    if (this.ways.has(node.group)) {
      const way = this.ways.get(node.group);
      return way.closed ? way : [...way, node];
    }
    const groups = [];
    for (let g = node.group; g.parent; g = g.parent) groups.unshift(g);
    const way = [];
    for (const group of groups) {
      way.push(group);
      if (!this.isOpen(group)) { way.closed = true; break; }
    }
    this.ways.set(node.group, way);
    return way.closed ? way : [...way, node];
  }

  /// From one phase to another: shown inside of them only for what is chosen.
  isAcross(edge) {
    const [a, b] = [this.wayTo(edge.from), this.wayTo(edge.to)];
    return a[0] !== b[0] && a[0].kind === "phase" && b[0].kind === "phase" && (a.length > 1 || b.length > 1);
  }

  /// Edges by the unfolded group in which they run.
  lift() {
    this.ways = new Map();
    this.within = new Map();
    const add = (group, a, b, edge) => {
      if (!this.within.has(group)) this.within.set(group, new Map());
      const list = this.within.get(group), key = a.key + ">" + b.key;
      if (!list.has(key)) list.set(key, { from: a, to: b, edges: [] });
      list.get(key).edges.push(edge);
    };
    const end = thing => ({ thing, key: typeof thing === "string" ? thing : (isGroup(thing) ? "g" : "n") + thing.id });
    const root = this.scene.root;
    for (const edge of this.scene.edges) {
      if (edge.from.hidden || edge.to.hidden) continue;
      const a = this.wayTo(edge.from), b = this.wayTo(edge.to);
      let level = 0;
      while (level < a.length && level < b.length && a[level] === b[level]) level++;
      if (level === a.length || level === b.length) continue;
      add(level ? a[level - 1] : root, end(a[level]), end(b[level]), edge);
      if (this.isAcross(edge)) continue;
      for (let j = level + 1; j < a.length; j++) add(a[j - 1], end(a[j]), end("out"), edge);
      for (let j = level + 1; j < b.length; j++) add(b[j - 1], end("in"), end(b[j]), edge);
    }
  }

  layout(group) {
    const boxes = [], numberOf = new Map(), edges = [];
    const add = (key, box) => { numberOf.set(key, boxes.length); boxes.push(box); };
    for (const inner of group.groups) {
      if (inner.order === Infinity) continue;
      const open = this.isOpen(inner);
      let { w, h } = open ? this.layout(inner) : sizeOf(inner);
      if (open) {
        w = Math.max(w + 2 * PAD, textWidth(inner.name, TITLE) + 60);
        h += HEAD + PAD + 8;
      }
      add("g" + inner.id, { thing: inner, w, h, order: inner.order, open });
    }
    for (const node of group.nodes) add("n" + node.id, { thing: node, ...sizeOf(node), order: node.kind === "output" ? 1e9 : node.id });
    const list = this.within.get(group) || new Map();
    for (const { from, to } of list.values()) {
      if (from.thing === "in" && !numberOf.has("in")) add("in", { pin: "top", w: 2, h: 2, order: -1 });
      if (to.thing === "out" && !numberOf.has("out")) add("out", { pin: "bottom", w: 2, h: 2, order: 1e9 });
    }
    for (const lifted of list.values())
      edges.push({ a: numberOf.get(lifted.from.key), b: numberOf.get(lifted.to.key), lifted });
    const size = layoutComponents(boxes, edges);
    group.laid = { boxes, edges, size };
    return size;
  }

  place(group, x, y) {
    const { boxes, edges } = group.laid;
    this.attach(boxes, edges, x, y);
    for (const box of boxes) {
      if (box.pin) continue;
      const at = { thing: box.thing, x: x + box.x, y: y + box.y, w: box.w, h: box.h, open: !!box.open };
      this.boxes.push(at);
      this.boxOf.set(box.thing, at);
      if (!box.open) continue;
      this.place(box.thing, at.x + (box.w - box.thing.laid.size.w) / 2, at.y + HEAD + 4);
    }
  }

  /// Routes, their ends spread along the borders of their boxes.
  attach(boxes, edges, x, y) {
    const outs = boxes.map(() => []), ins = boxes.map(() => []);
    const middle = box => box.x + box.w / 2;
    for (const edge of edges) {
      outs[edge.a].push(edge), ins[edge.b].push(edge);
      edge.aim = edge.bends.length ? edge.bends[0][0] : middle(boxes[edge.b]);
      edge.come = edge.bends.length ? edge.bends[edge.bends.length - 1][0] : middle(boxes[edge.a]);
    }
    // An unfolded group is entered and left where its own edges begin and end.
    const middleOf = (box, pin) => {
      const inner = box.open && box.thing.laid.boxes.find(b => b.pin === pin);
      return inner ? box.x + (box.w - box.thing.laid.size.w) / 2 + inner.x + 1 : middle(box);
    };
    const spread = (list, box, key, set, pin) => {
      list.sort((e, f) => e[key] - f[key]);
      const step = box.open ? 0 : Math.min(16, box.w * 0.7 / Math.max(1, list.length));
      list.forEach((edge, i) => edge[set] = middleOf(box, pin) + (i - (list.length - 1) / 2) * step);
    };
    boxes.forEach((box, i) => { spread(outs[i], box, "aim", "fromX", "bottom"); spread(ins[i], box, "come", "toX", "top"); });
    const labelled = new Set();
    for (const edge of edges) {
      const a = boxes[edge.a], b = boxes[edge.b];
      const start = [edge.fromX, edge.turned ? a.y : a.y + a.h], stop = [edge.toX, edge.turned ? b.y + b.h : b.y];
      const bends = [...edge.bends];
      if (a.pin) bends.unshift([edge.fromX, start[1]]), start[1] = -HEAD - 4;
      if (b.pin) bends.push([edge.toX, stop[1]]), stop[1] = b.y + b.h + PAD + 4;
      const points = [start, ...bends, stop].map(([px, py]) => [x + px, y + py]);
      const tensors = new Set(edge.lifted.edges.map(e => e.from.id + ":" + e.result));
      const single = tensors.size === 1;
      let label = single ? typeText(edge.lifted.edges[0].type) : tensors.size + " tensors";
      const key = edge.a + "|" + label + (single ? [...tensors][0] : edge.b);
      if (labelled.has(key)) label = ""; else labelled.add(key);
      const xs = points.map(p => p[0]), ys = points.map(p => p[1]);
      this.routes.push({
        points, label, edges: edge.lifted.edges, back: edge.lifted.edges.every(e => e.back),
        ends: a.pin ? "in" : b.pin ? "out" : "", count: tensors.size,
        box: [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)],
      });
    }
  }
}

/// Parts that no edge joins are laid out alone and set side by side, in rows.
function layoutComponents(boxes, edges) {
  const part = boxes.map((_, i) => i);
  const find = i => { while (part[i] !== i) i = part[i] = part[part[i]]; return i; };
  for (const edge of edges) part[find(edge.a)] = find(edge.b);
  const pins = boxes.map((box, i) => box.pin ? i : -1).filter(i => i >= 0);
  for (const pin of pins) part[find(pin)] = find(pins[0]);
  const parts = new Map();
  boxes.forEach((box, i) => {
    const key = find(i);
    if (!parts.has(key)) parts.set(key, { members: [], edges: [] });
    parts.get(key).members.push(i);
  });
  for (const edge of edges) parts.get(find(edge.a)).edges.push(edge);
  const laid = [...parts.values()].map(({ members, edges: own }) => {
    const local = new Map(members.map((box, i) => [box, i]));
    const mapped = own.map(edge => ({ a: local.get(edge.a), b: local.get(edge.b) }));
    const size = layoutLayered(members.map(i => boxes[i]), mapped);
    own.forEach((edge, i) => Object.assign(edge, { bends: mapped[i].bends, turned: mapped[i].turned }));
    return { members, own, size };
  });
  const area = laid.reduce((sum, { size }) => sum + (size.w + GAP_X) * (size.h + GAP_Y), 0);
  const widest = Math.max(1.7 * Math.sqrt(area), ...laid.map(({ size }) => size.w));
  let x = 0, y = 0, row = 0, right = 0;
  for (const { members, own, size } of laid.sort((a, b) => b.members.length - a.members.length)) {
    if (x > 0 && x + size.w > widest) x = 0, y += row + GAP_Y, row = 0;
    for (const i of members) boxes[i].x += x, boxes[i].y += y;
    for (const edge of own) for (const bend of edge.bends) bend[0] += x, bend[1] += y;
    x += size.w + GAP_X, row = Math.max(row, size.h), right = Math.max(right, x - GAP_X);
  }
  return { w: right, h: y + row };
}
