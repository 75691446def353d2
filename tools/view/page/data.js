// The document as objects: scenes of nodes, edges and a tree of groups.

const FAMILIES = {
  contraction: ["dot convolution", "#3b82f6"],
  elementwise: ["", "#14b8a6"],
  reduction: ["reduce_sum reduce_max reduce_min reduce_prod reduce_and reduce_or window_sum window_max fold " +
              "cumulative_sum cumulative_prod cumulative_max argmax argmin sort", "#f59e0b"],
  layout: ["broadcast reshape transpose slice pad concatenate reverse unfold iota convert dilate", "#94a3b8"],
  indexing: ["gather scatter_add scatter dynamic_slice dynamic_update_slice gather_nd scatter_nd", "#a855f7"],
  control: ["scan while if call sweep custom_linear", "#ec4899"],
  random: ["random_bits philox random_uniform random_normal", "#84cc16"],
};
const KERNELS = { dot: "#3b82f6", loop: "#14b8a6", row: "#f59e0b", column: "#f97316", op: "#a855f7" };
const FAMILY_OF = {};
for (const [family, [names]] of Object.entries(FAMILIES))
  for (const name of names.split(" ")) FAMILY_OF[name] = family;
const familyOf = name => FAMILY_OF[name] || (name.startsWith("reduce_") ? "reduction" : "elementwise");

const PHASES = ["forward", "backward", "update"];

function readScene(raw, strings) {
  const scene = { nodes: [], groups: [], edges: [], root: null };
  scene.root = { id: -1, name: "", kind: "root", groups: [], nodes: [], parent: null, depth: 0 };
  raw.groups.forEach((g, id) => scene.groups.push(
    { id, name: g.n, kind: g.k, region: g.r, groups: [], nodes: [], parent: null, depth: 0 }));
  raw.groups.forEach((g, id) => {
    const parent = g.p < 0 ? scene.root : scene.groups[g.p];
    scene.groups[id].parent = parent;
    parent.groups.push(scene.groups[id]);
  });
  raw.nodes.forEach((n, id) => {
    const group = n.g < 0 ? scene.root : scene.groups[n.g];
    const node = {
      id, kind: n.k, name: strings[n.n], types: n.t.map(t => strings[t]), group, phase: n.ph,
      places: n.at.map(([file, line, user]) => ({ file: strings[file], line, user: !!user })),
      attributes: n.a === undefined ? "" : strings[n.a],
      reads: (n.r || []).map(([text, type]) => ({ text: strings[text], type: strings[type] })),
      writes: n.w || [], flops: n.f || 0, bytes: n.b || 0, of: n.of, launches: n.l || [],
      ops: n.ops || [], kernel: n.kind, position: n.pos, inputs: [], outputs: [], derivatives: [],
    };
    scene.nodes.push(node);
  });
  raw.edges.forEach(([from, result, to, back]) => {
    const edge = { from: scene.nodes[from], to: scene.nodes[to], type: scene.nodes[from].types[result] || "", result, back: !!back };
    scene.edges.push(edge);
    edge.from.outputs.push(edge);
    edge.to.inputs.push(edge);
  });
  for (const node of scene.nodes) {
    // A region's own node is only drawn where something reads or feeds it.
    node.hidden = node.kind === "region" && !node.inputs.length;
    if (!node.hidden) node.group.nodes.push(node);
    if (node.of !== undefined) scene.nodes[node.of].derivatives.push(node);
  }
  measure(scene.root, 0);
  return scene;
}

/// Depth of each group, and totals over everything in it.
function measure(group, depth) {
  Object.assign(group, { depth, ops: 0, flops: 0, order: Infinity });
  for (const node of group.nodes) {
    if (node.kind === "op") group.ops++, group.flops += node.flops;
    group.order = Math.min(group.order, node.id);
  }
  for (const inner of group.groups) {
    measure(inner, depth + 1);
    group.ops += inner.ops; group.flops += inner.flops;
    group.order = Math.min(group.order, inner.order);
  }
}

function pathOf(thing) {
  const path = [];
  for (let g = thing.group || thing.parent; g && g.parent; g = g.parent) path.unshift(g.name);
  return path;
}
const userPlace = node => node.places.find(p => p.user) || node.places[node.places.length - 1];
const placeText = place => !place ? "" : place.file.split("/").pop() + (place.line ? ":" + place.line : "");

/// What a launch computes, in a few words: its heaviest ops, "dot + add + tanh".
function kernelTitle(launch, graph) {
  const counts = new Map();
  for (const id of launch.ops) {
    const op = graph.nodes[id];
    const known = counts.get(op.name) || { count: 0, flops: 0 };
    counts.set(op.name, { count: known.count + 1, flops: known.flops + op.flops });
  }
  const names = [...counts].sort((a, b) => b[1].flops - a[1].flops)
    .filter(([name], i) => i === 0 || familyOf(name) !== "layout").slice(0, 3);
  return names.map(([name, c]) => c.count > 1 ? `${name} ×${c.count}` : name).join(" + ") || "fill";
}

function quantity(value, unit, base = 1000) {
  const steps = base === 1024 ? ["", "Ki", "Mi", "Gi", "Ti"] : ["", "k", "M", "G", "T", "P"];
  let step = 0;
  while (value >= base && step + 1 < steps.length) value /= base, step++;
  const digits = step === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toFixed(digits) + " " + steps[step] + unit;
}
const flopsText = flops => quantity(flops, "FLOP");
const bytesText = bytes => quantity(bytes, "B", 1024);
const typeText = text => {
  const [type, ...sharding] = text.split(/ (?=\[\{)/);
  return [type.replace(/\s/g, "").replace("[]", "").replace(/\[(.*)\]/, (_, dims) => " " + dims.replace(/,/g, "×")), ...sharding].join(" ");
};

const DOC = JSON.parse(document.getElementById("document").textContent);
const GRAPH = readScene(DOC.graph, DOC.strings);
const KERNEL_SCENE = readScene(DOC.kernels, DOC.strings);
for (const launch of KERNEL_SCENE.nodes) launch.title = launch.kernel ? kernelTitle(launch, GRAPH) : launch.name;
