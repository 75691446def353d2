// The side panel: what is chosen, or an overview. Everything that can be gone to is a link.

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {}))
    if (key === "go") made.tabIndex = 0, made.addEventListener("click", value), made.addEventListener("keydown", e => { if (e.key === "Enter") { e.stopPropagation(); value(); } });
    else made.setAttribute(key, value);
  for (const child of children.flat(9)) if (child !== null && child !== undefined && child !== "") made.append(child);
  return made;
}
const section = (title, ...content) => content.flat(9).length ? [element("h3", {}, title), ...content] : [];
const list = (items, limit = 12) => {
  if (!items.length) return [];
  const made = element("ul", {}, items.slice(0, limit).map(item => element("li", {}, item)));
  if (items.length <= limit) return [made];
  const more = element("a", { go: () => { more.remove(); made.append(...items.slice(limit).map(item => element("li", {}, item))); } }, `${items.length - limit} more`);
  return [made, more];
};

function link(thing, app, tab, text) {
  const place = isGroup(thing) ? "" : placeText(userPlace(thing));
  return [element("a", { go: () => app.go(thing, tab) }, text || thing.title || thing.name), " ", element("span", { class: "mono" }, place)];
}

function crumbs(thing, app) {
  const parts = [];
  for (let g = thing.group || thing.parent; g && g.parent; g = g.parent)
    parts.unshift(element("a", { go: (target => () => app.go(target, app.tab))(g) }, g.name));
  return element("p", { class: "sub" }, parts.flatMap((part, i) => i ? [" › ", part] : [part]));
}

function placesOf(node) {
  const most = 10;
  return node.places.slice(0, most).map(p => element("div", { class: "mono" + (p.user ? " user" : "") }, p.line ? `${p.file}:${p.line}` : p.file));
}

function showNode(node, app) {
  const isLaunch = !!node.kernel, tab = app.tab === "memory" ? "kernels" : app.tab;
  const out = [element("h2", {}, node.title || node.name), crumbs(node, app)];
  const kind = isLaunch ? `kernel ${node.name}, ${node.kernel}` : node.kind === "op" ? familyOf(node.name) : node.kind;
  out.push(element("p", {}, element("span", { class: "pill" }, kind), node.phase ? element("span", { class: "pill" }, PHASES[node.phase]) : ""));
  if (node.types.length) out.push(...section("Results", ...list(node.types.map(t => element("code", {}, t)))));
  if (node.attributes) out.push(...section("Attributes", element("pre", {}, node.attributes)));
  const operands = node.inputs.map(edge => [link(edge.from, app, tab), element("span", { class: "mono" }, " " + typeText(edge.type))]);
  const chips = node.reads.map(chip => [element("code", {}, chip.text), element("span", { class: "mono" }, " " + typeText(chip.type))]);
  out.push(...section("Reads", ...list([...operands, ...chips])));
  out.push(...section("Read by", ...list(node.outputs.map(edge => [...link(edge.to, app, tab), element("span", { class: "mono" }, " " + typeText(edge.type))]))));
  out.push(...section("Updates", ...list(node.writes.map(name => element("code", {}, name)))));
  if (node.flops || node.bytes) {
    const rows = [["FLOPs", flopsText(node.flops)], ["reads and writes", bytesText(node.bytes)]];
    if (node.flops && node.bytes) rows.push(["FLOPs a byte", (node.flops / node.bytes).toFixed(2)]);
    if (isLaunch && node.position !== undefined) rows.push(["live in the arena then", bytesText(MEMORY.liveAt[node.position] || 0)]);
    out.push(...section("Cost", element("table", {}, rows.map(([what, much]) => element("tr", {}, element("td", {}, what), element("td", { class: "num" }, much))))));
  }
  if (!isLaunch && node.kind === "op") {
    if (node.of !== undefined) out.push(...section("Derivative of", ...list([link(GRAPH.nodes[node.of], app, "graph")])));
    out.push(...section("Its derivative", ...list(node.derivatives.map(n => link(n, app, "graph")))));
    out.push(...section("Computed by", ...list(node.launches.map(i => link(KERNEL_SCENE.nodes[i], app, "kernels", KERNEL_SCENE.nodes[i].title + " (" + KERNEL_SCENE.nodes[i].name + ")")))));
    if (!node.launches.length) out.push(...section("Computed by", element("p", { class: "sub" }, "no kernel: a view of its operand, or folded into another op")));
  }
  if (isLaunch) {
    out.push(...section(`Stands for ${node.ops.length} ops`, ...list(node.ops.map(i => link(GRAPH.nodes[i], app, "graph")), 40)));
    const others = KERNEL_SCENE.nodes.filter(n => n.kernel && n.name === node.name && n !== node);
    out.push(...section(`Same kernel, ${others.length} more`, ...list(others.map(n => link(n, app, "kernels")), 6)));
  }
  if (node.places.length) out.push(...section("Source", ...placesOf(node)));
  return out;
}

function showGroup(group, app) {
  const open = app.state().unfolded.has(group.id);
  const nodes = [];
  const collect = g => { nodes.push(...g.nodes); g.groups.forEach(collect); };
  collect(group);
  const variables = new Map();
  for (const node of nodes) for (const chip of node.reads) if (/[a-z_]/i.test(chip.text) && chip.text !== "constant") variables.set(chip.text, chip.type);
  const region = group.region >= 0 ? app.state().scene.nodes[group.region] : null;
  return [
    element("h2", {}, group.name), crumbs(group, app),
    element("p", {}, element("span", { class: "pill" }, group.kind), element("span", { class: "pill" }, `${group.ops} ops`), group.flops ? element("span", { class: "pill" }, flopsText(group.flops)) : ""),
    element("button", { go: () => app.toggle(group) }, open ? "Fold" : "Unfold"),
    ...(region ? [...section("Attributes", element("pre", {}, region.attributes)), ...section("Source", ...placesOf(region))] : []),
    ...section("Variables", ...list([...variables].map(([name, type]) => [element("code", {}, name), element("span", { class: "mono" }, " " + typeText(type))]))),
    ...section("Modules", ...list(group.groups.map(g => [element("a", { go: () => app.go(g, app.tab) }, g.name), element("span", { class: "mono" }, ` ${g.ops} ops ${g.flops >= 1000 ? flopsText(g.flops) : ""}`)]), 20)),
    ...section("Ops", ...list(group.nodes.map(n => link(n, app, app.tab)), 30)),
  ];
}

function showMemoryLine(line, app) {
  const launch = MEMORY.launchAt.get(line.start);
  return [
    element("h2", {}, bytesText(line.bytes)), element("p", { class: "sub" }, `${line.type}, made by ${line.what}`),
    ...section("Place", element("table", {}, [["offset", String(line.offset)], ["lives", `${line.start} to ${line.end}`]].map(([a, b]) => element("tr", {}, element("td", {}, a), element("td", { class: "num" }, b))))),
    ...(launch ? section("Kernel", ...list([link(launch, app, "kernels")])) : []),
    ...(line.place ? section("Source", element("div", { class: "mono user" }, line.place)) : []),
  ];
}

/// Nothing is chosen: totals, and where the FLOPs are.
function showOverview(app) {
  const launches = KERNEL_SCENE.nodes.filter(n => n.kernel), ops = GRAPH.nodes.filter(n => n.kind === "op");
  const distinct = new Set(launches.map(n => n.name)).size;
  const total = launches.reduce((sum, n) => sum + n.flops, 0);
  const rows = [["ops", ops.length], ["kernels", distinct], ["launches", launches.length], ["parameters and state", quantity(DOC.parameters, "")],
    ["FLOPs a run", flopsText(total)], ["arena", bytesText(MEMORY.arena)], ["variables", bytesText(MEMORY.variables)],
    ["constants", bytesText(MEMORY.constants)]];
  const tally = (items, key, go) => {
    const sums = new Map();
    for (const item of items) { const k = key(item); if (k) sums.set(k, { value: (sums.get(k)?.value || 0) + item.flops, item: sums.get(k)?.item || item }); }
    const sorted = [...sums].filter(([, v]) => v.value).sort((a, b) => b[1].value - a[1].value).slice(0, 9);
    if (!sorted.length) return [];
    return [element("table", {}, sorted.map(([name, { value, item }]) => element("tr", {},
      element("td", {}, element("a", { go: () => app.go(item, go) }, name)), element("td", { class: "num" }, flopsText(value)),
      element("td", { style: "width:64px" }, element("span", { class: "bar", style: `width:${Math.max(2, 60 * value / sorted[0][1].value)}px` })))))];
  };
  const legend = app.tab === "kernels" ? Object.entries(KERNELS) : Object.entries(FAMILIES).map(([name, [, colour]]) => [name, colour]);
  return [
    element("h2", {}, DOC.title),
    element("table", {}, rows.map(([what, much]) => element("tr", {}, element("td", {}, what), element("td", { class: "num" }, String(much))))),
    ...section("Colours", ...(app.tab === "memory" ? [] : [element("p", { class: "sub" }, legend.map(([name, colour]) =>
      [element("span", { style: "white-space:nowrap;margin-right:8px" }, element("span", { class: "swatch", style: `background:${colour}` }), name), " "]))])),
    ...section("Heaviest kernels", ...tally(launches, n => n.title, "kernels")),
    ...section("Heaviest lines", ...tally(ops, n => placeText(userPlace(n)), "graph")),
    ...section("Inputs", ...list(GRAPH.nodes.filter(n => n.kind === "input").map(n => [...link(n, app, "graph"), element("span", { class: "mono" }, " " + typeText(n.types[0]))]))),
    ...section("Outputs", ...list(GRAPH.nodes.filter(n => n.kind === "output").map(n => [...link(n, app, "graph"), element("span", { class: "mono" }, " " + typeText(n.types[0]))]))),
  ];
}

function showPanel(app) {
  const panel = document.getElementById("panel");
  const what = app.tab === "memory" && app.line ? showMemoryLine(app.line, app)
    : !app.chosen ? showOverview(app) : isGroup(app.chosen) ? showGroup(app.chosen, app) : showNode(app.chosen, app);
  panel.replaceChildren(...what.flat(9).filter(x => x !== ""));
  panel.scrollTop = 0;
}
