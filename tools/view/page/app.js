// The page: tabs, folding, choosing, moving, searching, keys.

const canvas = document.getElementById("canvas"), stage = document.getElementById("stage"), tip = document.getElementById("tip"), map = document.getElementById("map");
const $ = id => document.getElementById(id);

const app = {
  tab: "graph", chosen: null, hover: null, line: null, hits: null,
  theme: window.matchMedia && matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
  states: { graph: newState(GRAPH), kernels: newState(KERNEL_SCENE) },
  state() { return this.states[this.tab === "memory" ? "kernels" : this.tab]; },
};

function newState(scene) {
  return { scene, unfolded: firstUnfolded(scene, 46), picture: null, view: null };
}

/// Levels of the forward phase, one after the other while the picture stays small.
function firstUnfolded(scene, most) {
  const unfolded = new Set();
  const count = g => g.nodes.length + g.groups.length;
  let level = scene.root.groups, visible = count(scene.root);
  const phases = level.filter(g => g.kind === "phase");
  if (phases.length > 1) level = level.filter(g => g.name === "forward");
  while (level.length) {
    const grown = visible + level.reduce((sum, g) => sum + count(g) - 1, 0);
    if (grown > most && unfolded.size) break;
    if (grown > 6 * most) break;
    level.forEach(g => unfolded.add(g.id));
    visible = grown;
    level = level.flatMap(g => g.groups);
  }
  return unfolded;
}

app.size = () => ({ w: stage.clientWidth, h: stage.clientHeight });

app.relayout = function (anchor) {
  const state = this.state(), before = anchor && state.picture && state.picture.boxOf.get(anchor);
  state.picture = new Picture(state.scene, state.unfolded);
  const after = before && state.picture.boxOf.get(anchor);
  if (after && state.view) state.view.x += after.x - before.x, state.view.y += after.y - before.y;
  if (!state.view) this.fit();
  this.redraw();
};

app.fit = function () {
  const state = this.state(), size = this.size(), p = state.picture;
  const k = Math.min(1.15, (size.w - 60) / Math.max(1, p.w), (size.h - 60) / Math.max(1, p.h));
  // A tall picture starts at its top, readable.
  const readable = Math.max(k, Math.min(0.62, (size.w - 40) / Math.max(1, p.w)));
  const zoom = state.view ? k : readable;
  state.view = { k: zoom, x: p.w / 2 - size.w / 2 / zoom, y: zoom * p.h > size.h ? -24 / zoom : p.h / 2 - size.h / 2 / zoom };
};

app.redraw = function () {
  if (this.pending) return;
  this.pending = true;
  requestAnimationFrame(() => { this.pending = false; this.draw(); });
};

app.draw = function () {
  const size = this.size(), ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(size.w * ratio) || canvas.height !== Math.round(size.h * ratio)) {
    canvas.width = Math.round(size.w * ratio);
    canvas.height = Math.round(size.h * ratio);
  }
  const c = canvas.getContext("2d");
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  const look = { theme: this.theme, colour: $("colour").value, chosen: this.chosen, hover: this.hover, hits: this.hits, line: this.line };
  map.hidden = this.tab === "memory";
  if (this.tab === "memory") return drawMemory(c, size, look);
  const state = this.state();
  drawPicture(c, state.picture, state.view, size, look);
  drawMap(state, size);
};

function drawMap(state, size) {
  const p = state.picture, scale = Math.min(170 / Math.max(1, p.w), 150 / Math.max(1, p.h)), ratio = window.devicePixelRatio || 1;
  const isAll = p.w * state.view.k < size.w && p.h * state.view.k < size.h;
  map.hidden = isAll;
  if (isAll) return;
  const w = Math.max(12, p.w * scale) + 8, h = Math.max(12, p.h * scale) + 8;
  map.width = w * ratio; map.height = h * ratio;
  map.style.width = w + "px"; map.style.height = h + "px";
  const c = map.getContext("2d"), t = THEMES[app.theme];
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.translate(4, 4);
  for (const box of p.boxes) {
    c.fillStyle = box.open ? t.groups[1] : colourOf(box.thing, $("colour").value, p.scene);
    c.fillRect(box.x * scale, box.y * scale, Math.max(1, box.w * scale), Math.max(1, box.h * scale));
  }
  c.strokeStyle = t.accent;
  c.lineWidth = 1.4;
  c.strokeRect(state.view.x * scale, state.view.y * scale, size.w / state.view.k * scale, size.h / state.view.k * scale);
  map.scale = scale;
}

app.show = function (tab) {
  this.tab = tab;
  this.line = null;
  this.hits = null;
  if (this.chosen && !this.has(this.chosen)) this.chosen = null;
  for (const button of document.querySelectorAll("[data-tab]")) button.setAttribute("aria-selected", button.dataset.tab === tab);
  if (!this.state().picture) this.relayout();
  showPanel(this);
  this.redraw();
};
app.has = function (thing) {
  const scene = this.state().scene;
  return (isGroup(thing) ? scene.groups : scene.nodes)[thing.id] === thing;
};

app.choose = function (thing) {
  this.chosen = thing;
  this.line = null;
  canvas.setAttribute("aria-label", thing ? thing.name : "The graph");
  showPanel(this);
  this.redraw();
};

/// Shows a thing: its tab, its groups unfolded, in the middle of the window.
app.go = function (thing, tab) {
  if (tab && tab !== "memory" && tab !== this.tab) this.show(tab);
  if (this.tab === "memory") this.show("kernels");
  const state = this.state();
  let changed = false;
  for (let g = thing.group || thing.parent; g && g.parent; g = g.parent)
    if (!state.unfolded.has(g.id)) state.unfolded.add(g.id), changed = true;
  if (changed) this.relayout();
  const box = state.picture.boxOf.get(thing), size = this.size();
  if (box) {
    const view = state.view;
    view.k = Math.max(view.k, 0.7);
    view.x = box.x + box.w / 2 - size.w / 2 / view.k;
    view.y = box.y + Math.min(box.h / 2, size.h * 0.4 / view.k) - size.h / 2 / view.k;
  }
  this.choose(thing);
};

app.toggle = function (group) {
  const state = this.state();
  if (!state.unfolded.delete(group.id)) state.unfolded.add(group.id);
  this.relayout(group);
  this.choose(group);
};
app.foldAll = function (open) {
  const state = this.state();
  state.unfolded = open ? new Set(state.scene.groups.map(g => g.id)) : new Set();
  this.relayout();
  this.fit();
  this.choose(null);
};

// ---- Pointer ----

function worldAt(event) {
  const view = app.state().view, rect = canvas.getBoundingClientRect();
  return [view.x + (event.clientX - rect.left) / view.k, view.y + (event.clientY - rect.top) / view.k];
}
function thingAt(event) {
  const [x, y] = worldAt(event), boxes = app.state().picture.boxes;
  for (let i = boxes.length; i-- > 0;) {
    const b = boxes[i];
    if (x < b.x || x > b.x + b.w || y < b.y || y > b.y + b.h) continue;
    return b.open && y > b.y + HEAD ? null : b.thing;
  }
  return null;
}

let drag = null;
canvas.addEventListener("pointerdown", event => {
  if (app.tab === "memory") return;
  drag = { x: event.clientX, y: event.clientY, view: { ...app.state().view }, moved: false };
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", event => {
  const rect = canvas.getBoundingClientRect();
  if (app.tab === "memory") {
    const line = memoryLineAt(event.clientX - rect.left, event.clientY - rect.top, app.size());
    return showTip(line && `${bytesText(line.bytes)}  ${line.type}\n${line.what}\n${line.place}`, event);
  }
  if (!drag) {
    const thing = thingAt(event);
    if (thing !== app.hover) app.hover = thing, app.redraw();
    canvas.classList.toggle("pointing", !!thing);
    const place = thing && !isGroup(thing) ? userPlace(thing) : null;
    return showTip(thing && [...pathOf(thing), thing.title || thing.name].join(" › ") + (place ? `\n${place.file}:${place.line}` : ""), event);
  }
  const view = app.state().view, dx = event.clientX - drag.x, dy = event.clientY - drag.y;
  if (Math.abs(dx) + Math.abs(dy) > 4) drag.moved = true;
  if (!drag.moved) return;
  canvas.classList.add("moving");
  view.x = drag.view.x - dx / view.k;
  view.y = drag.view.y - dy / view.k;
  app.redraw();
});
canvas.addEventListener("pointerup", event => {
  canvas.classList.remove("moving");
  if (app.tab === "memory") {
    const rect = canvas.getBoundingClientRect();
    app.line = memoryLineAt(event.clientX - rect.left, event.clientY - rect.top, app.size()) || null;
    showPanel(app);
    return app.redraw();
  }
  if (drag && !drag.moved) {
    const thing = thingAt(event), box = thing && app.state().picture.boxOf.get(thing), [x] = worldAt(event);
    if (thing && isGroup(thing) && x > box.x + box.w - 26) app.toggle(thing); else app.choose(thing);
  }
  drag = null;
});
canvas.addEventListener("dblclick", event => {
  const thing = app.tab !== "memory" && thingAt(event);
  if (thing && isGroup(thing)) app.toggle(thing);
});
canvas.addEventListener("pointerleave", () => showTip(null));
canvas.addEventListener("wheel", event => {
  if (app.tab === "memory") return;
  event.preventDefault();
  const rect = canvas.getBoundingClientRect();
  zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), event.clientX - rect.left, event.clientY - rect.top);
}, { passive: false });
map.addEventListener("pointerdown", event => {
  const view = app.state().view, size = app.size(), rect = map.getBoundingClientRect();
  view.x = (event.clientX - rect.left - 4) / map.scale - size.w / 2 / view.k;
  view.y = (event.clientY - rect.top - 4) / map.scale - size.h / 2 / view.k;
  app.redraw();
});

function zoom(factor, x, y) {
  const view = app.state().view, size = app.size();
  [x, y] = [x ?? size.w / 2, y ?? size.h / 2];
  const k = Math.min(4, Math.max(0.02, view.k * factor));
  view.x += x / view.k - x / k;
  view.y += y / view.k - y / k;
  view.k = k;
  app.redraw();
}
function showTip(text, event) {
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  const rect = stage.getBoundingClientRect(), x = event.clientX - rect.left, y = event.clientY - rect.top;
  tip.style.left = Math.min(x + 14, rect.width - tip.offsetWidth - 8) + "px";
  tip.style.top = Math.min(y + 16, rect.height - tip.offsetHeight - 8) + "px";
}
