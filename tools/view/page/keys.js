// Search, keys and buttons; then the page starts.

const found = $("found"), search = $("search");

/// Ops and modules of this tab whose name, variables, types, lines or modules hold all words.
function findThings(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  const scene = app.state().scene, hits = [];
  const consider = (thing, own, all) => {
    if (!words.every(word => all.includes(word))) return;
    const rank = own === words[0] ? 0 : own.startsWith(words[0]) ? 1 : own.includes(words[0]) ? 2 : 3;
    hits.push({ thing, rank });
  };
  for (const group of scene.groups)
    if (group.order < Infinity) consider(group, group.name.toLowerCase(), [...pathOf(group), group.name].join(".").toLowerCase());
  for (const node of scene.nodes) {
    if (node.hidden) continue;
    const all = [node.title || "", node.name, ...pathOf(node), ...node.types, ...node.types.map(typeText), ...node.reads.map(chip => chip.text), ...node.writes,
      ...node.places.map(p => p.file + ":" + p.line)].join(" ").toLowerCase();
    consider(node, (node.title || node.name).toLowerCase(), all);
  }
  return hits.sort((a, b) => a.rank - b.rank).map(hit => hit.thing);
}

let hits = [], at = 0;
function showFound() {
  hits = findThings(search.value);
  at = 0;
  app.hits = hits.length ? new Set(hits) : null;
  found.hidden = !search.value.trim() || document.activeElement !== search;
  const most = 60;
  found.replaceChildren(...hits.slice(0, most).map((thing, i) => {
    const place = isGroup(thing) ? `${thing.ops} ops` : placeText(userPlace(thing));
    const row = element("li", { role: "option", "aria-selected": i === at },
      element("b", {}, thing.title || thing.name), element("span", {}, pathOf(thing).join(" › ")), element("span", {}, place));
    row.addEventListener("pointerdown", event => { event.preventDefault(); goToHit(i); });
    return row;
  }), ...(hits.length > most ? [element("li", {}, element("span", {}, `and ${hits.length - most} more`))] : []),
  ...(hits.length ? [] : [element("li", {}, element("span", {}, "nothing found"))]));
  app.redraw();
}
function goToHit(i) {
  at = Math.max(0, Math.min(hits.length - 1, i));
  [...found.children].forEach((row, j) => row.setAttribute("aria-selected", j === at));
  found.children[at]?.scrollIntoView({ block: "nearest" });
  if (hits[at]) app.go(hits[at], app.tab);
}
search.addEventListener("input", showFound);
search.addEventListener("focus", showFound);
search.addEventListener("blur", () => { found.hidden = true; });
search.addEventListener("keydown", event => {
  if (event.key === "ArrowDown") goToHit(at + 1);
  else if (event.key === "ArrowUp") goToHit(at - 1);
  else if (event.key === "Enter") { goToHit(at); canvas.focus(); }
  else if (event.key === "Escape") { search.value = ""; showFound(); canvas.focus(); }
  else return;
  event.preventDefault();
});

// ---- Keys ----

/// The visible thing that the chosen one reads (up) or is read by (down).
function alongEdge(up) {
  const picture = app.state().picture, seen = new Set();
  for (const route of picture.routes)
    if (partIn(route.edges, app.chosen) === (up ? 1 : 2))
      for (const edge of route.edges) {
        const way = picture.wayTo(up ? edge.from : edge.to);
        seen.add(way[way.length - 1]);
      }
  seen.delete(app.chosen);
  const next = seen.values().next().value;
  if (next) app.go(next, app.tab);
}
function sideways(step) {
  const picture = app.state().picture, box = picture.boxOf.get(app.chosen);
  if (!box) return;
  const middle = b => b.x + b.w / 2;
  const row = picture.boxes.filter(b => b.y < box.y + box.h && b.y + b.h > box.y && b.thing.group === box.thing.group && b.thing.parent === box.thing.parent)
    .sort((a, b) => middle(a) - middle(b));
  const next = row[row.indexOf(box) + step];
  if (next) app.go(next.thing, app.tab);
}
function toDerivative() {
  const node = app.chosen;
  if (!node || isGroup(node) || node.kernel) return;
  if (node.of !== undefined) app.go(GRAPH.nodes[node.of], "graph");
  else if (node.derivatives.length) app.go(node.derivatives[0], "graph");
}
function toKernel() {
  const node = app.chosen;
  if (!node || isGroup(node)) return;
  if (node.kernel) app.go(GRAPH.nodes[node.ops[0]], "graph");
  else if (node.launches.length) app.go(KERNEL_SCENE.nodes[node.launches[0]], "kernels");
}
function pan(dx, dy) {
  const view = app.state().view;
  view.x += dx / view.k, view.y += dy / view.k;
  app.redraw();
}
function setTheme(theme) {
  app.theme = theme;
  document.documentElement.dataset.theme = theme;
  app.redraw();
}

const KEYS = {
  "/": () => search.focus(), "1": () => app.show("graph"), "2": () => app.show("kernels"), "3": () => app.show("memory"),
  ArrowUp: () => app.chosen ? alongEdge(true) : pan(0, -80), ArrowDown: () => app.chosen ? alongEdge(false) : pan(0, 80),
  ArrowLeft: () => app.chosen ? sideways(-1) : pan(-80, 0), ArrowRight: () => app.chosen ? sideways(1) : pan(80, 0),
  Enter: () => app.chosen && isGroup(app.chosen) && app.toggle(app.chosen),
  Backspace: () => { const outer = app.chosen && (app.chosen.group || app.chosen.parent); if (outer && outer.parent) app.go(outer, app.tab); },
  d: toDerivative, k: toKernel, e: () => app.foldAll(true), c: () => app.foldAll(false),
  f: () => { app.fit(); app.redraw(); }, "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8),
  t: () => setTheme(app.theme === "dark" ? "light" : "dark"), "?": () => $("keys").showModal(), Escape: () => app.choose(null),
};
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|SELECT/.test(event.target.tagName) || $("keys").open) return;
  if (event.key === "Enter" && event.target !== canvas && event.target !== document.body) return;
  const action = KEYS[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

// ---- Buttons ----

for (const button of document.querySelectorAll("[data-tab]")) button.addEventListener("click", () => app.show(button.dataset.tab));
$("unfold").addEventListener("click", () => app.foldAll(true));
$("fold").addEventListener("click", () => app.foldAll(false));
$("fit").addEventListener("click", KEYS.f);
$("theme").addEventListener("click", KEYS.t);
$("help").addEventListener("click", KEYS["?"]);
$("colour").addEventListener("change", () => app.redraw());
$("split").addEventListener("pointerdown", event => {
  const split = event.target;
  split.setPointerCapture(event.pointerId);
  const move = e => { $("panel").style.width = Math.max(200, Math.min(innerWidth * 0.6, innerWidth - e.clientX)) + "px"; };
  split.addEventListener("pointermove", move);
  split.addEventListener("pointerup", () => split.removeEventListener("pointermove", move), { once: true });
});
new ResizeObserver(() => app.redraw()).observe(stage);

$("title").textContent = document.title = DOC.title;
setTheme(app.theme);
app.show("graph");
// The address may say where to begin: #kernels, #graph/12 (a node), &dark, &unfolded.
for (const word of decodeURIComponent(location.hash.slice(1)).split("&")) {
  const [tab, number] = word.split("/");
  if (tab === "dark" || tab === "light") setTheme(tab);
  else if (tab === "unfolded") app.foldAll(true);
  else if (app.states[tab] || tab === "memory") {
    app.show(tab);
    if (number && app.state().scene.nodes[number]) app.go(app.state().scene.nodes[number], tab);
  }
}
