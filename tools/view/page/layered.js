// Layered layout of one group's boxes: ranks of bounded width, long edges cut into dummies, fewer
// crossings by medians, x by isotonic regression towards neighbours. Nested groups are boxes here.

const GAP_X = 22, GAP_Y = 44, DUMMY_WIDTH = 10;

/// boxes: [{w, h, order, pin: "top" | "bottom" | undefined}]; edges: [{a, b}] by number of box.
/// Sets x, y (left top) of boxes and `bends` [[x, y], ...] of edges; returns {w, h}.
function layoutLayered(boxes, edges) {
  if (!boxes.length) return { w: 0, h: 0 };
  const order = sortBoxes(boxes, edges);
  const ranks = rankBoxes(boxes, edges, order);
  const { layers, cells, links, chains } = cutEdges(boxes, edges, ranks);
  orderLayers(layers, links);
  placeX(layers, links);
  return placeBoxes(boxes, edges, layers, chains);
}

/// The program's order, where edges allow it; edges that would close a circle are turned around.
function sortBoxes(boxes, edges) {
  const next = boxes.map(() => []), state = boxes.map(() => 0);
  const byOrder = (i, j) => boxes[i].order - boxes[j].order;
  for (const edge of edges) next[edge.a].push(edge);
  for (const root of boxes.map((_, i) => i).sort(byOrder)) { // depth first, without recursion: chains are long
    if (state[root]) continue;
    const stack = [[root, 0]];
    state[root] = 1;
    while (stack.length) {
      const top = stack[stack.length - 1];
      if (top[1] === next[top[0]].length) {
        state[top[0]] = 2;
        stack.pop();
        continue;
      }
      const edge = next[top[0]][top[1]++];
      edge.turned = state[edge.b] === 1;
      if (!state[edge.b]) state[edge.b] = 1, stack.push([edge.b, 0]);
    }
  }
  const waits = boxes.map(() => 0), after = boxes.map(() => []), sorted = [];
  for (const edge of edges) {
    const [a, b] = edge.turned ? [edge.b, edge.a] : [edge.a, edge.b];
    waits[b]++, after[a].push(b);
  }
  const ready = boxes.map((_, i) => i).filter(i => !waits[i]).sort(byOrder);
  while (ready.length) {
    const box = ready.shift();
    sorted.push(box);
    for (const b of after[box]) {
      if (--waits[b]) continue;
      let at = ready.length;
      while (at > 0 && boxes[ready[at - 1]].order > boxes[b].order) at--;
      ready.splice(at, 0, b);
    }
  }
  return sorted;
}

function rankBoxes(boxes, edges, order) {
  const before = boxes.map(() => []), after = boxes.map(() => []);
  for (const edge of edges) {
    const [a, b] = edge.turned ? [edge.b, edge.a] : [edge.a, edge.b];
    before[b].push(a), after[a].push(b);
  }
  const total = boxes.reduce((sum, box) => sum + box.w + GAP_X, 0);
  const widest = Math.max(900, 2.2 * Math.sqrt(boxes.reduce((sum, box) => sum + (box.w + GAP_X) * (box.h + GAP_Y), 0)));
  const rank = boxes.map(() => 0), width = [];
  const isTop = box => box.pin === "top";
  const first = boxes.some(isTop) ? 1 : 0;
  for (const i of order) {
    if (isTop(boxes[i])) { rank[i] = 0; continue; }
    let r = Math.max(first, ...before[i].map(j => rank[j] + 1));
    if (total > widest) while ((width[r] || 0) > 0 && width[r] + boxes[i].w > widest) r++;
    width[r] = (width[r] || 0) + boxes[i].w + GAP_X;
    rank[i] = r;
  }
  // What nothing feeds goes near its reader.
  for (const i of [...order].reverse()) {
    if (before[i].length || !after[i].length || boxes[i].pin) continue;
    let r = Math.min(...after[i].map(j => rank[j])) - 1;
    while (r > rank[i] && (width[r] || 0) + boxes[i].w > widest) r--;
    if (r <= rank[i]) continue;
    width[rank[i]] -= boxes[i].w + GAP_X;
    width[r] = (width[r] || 0) + boxes[i].w + GAP_X;
    rank[i] = r;
  }
  const last = Math.max(...rank.filter((_, i) => boxes[i].pin !== "bottom"), 0);
  boxes.forEach((box, i) => { if (box.pin === "bottom") rank[i] = last + 1; });
  return rank;
}

/// Cells are boxes and, where an edge passes a rank, dummies. links: [upper cell, lower cell].
function cutEdges(boxes, edges, ranks) {
  const layers = [], links = [], chains = [];
  const add = cell => { (layers[cell.rank] = layers[cell.rank] || []).push(cell); return cell; };
  const cells = boxes.map((box, i) => add({ box: i, w: box.w, rank: ranks[i], order: box.order, up: [], down: [] }));
  const link = (upper, lower) => { upper.down.push(lower); lower.up.push(upper); links.push([upper, lower]); };
  for (const edge of edges) {
    const [a, b] = edge.turned ? [edge.b, edge.a] : [edge.a, edge.b];
    const chain = [];
    let upper = cells[a];
    for (let r = ranks[a] + 1; r < ranks[b]; r++) {
      const dummy = add({ box: -1, w: DUMMY_WIDTH, rank: r, order: cells[a].order + 0.5, up: [], down: [] });
      chain.push(dummy);
      link(upper, dummy);
      upper = dummy;
    }
    if (ranks[a] < ranks[b]) link(upper, cells[b]);
    chains.push(chain);
  }
  for (let r = 0; r < layers.length; r++) layers[r] = layers[r] || [];
  return { layers, cells, links, chains };
}

function orderLayers(layers, links) {
  for (const layer of layers) {
    layer.sort((a, b) => a.order - b.order);
    layer.forEach((cell, i) => cell.i = i);
  }
  let best = layers.map(layer => [...layer]), bestCrossings = countCrossings(layers);
  const sweeps = links.length > 6000 ? 4 : 12;
  for (let sweep = 0; sweep < sweeps && bestCrossings > 0; sweep++) {
    const down = sweep % 2 === 0, side = down ? "up" : "down";
    for (const layer of down ? layers : [...layers].reverse()) {
      for (const cell of layer) {
        const at = cell[side].map(other => other.i).sort((a, b) => a - b), m = at.length >> 1;
        cell.key = !at.length ? cell.i : at.length % 2 ? at[m] : (at[m - 1] + at[m]) / 2;
      }
      layer.sort((a, b) => a.key - b.key || a.i - b.i);
      layer.forEach((cell, i) => cell.i = i);
    }
    const crossings = countCrossings(layers);
    if (crossings < bestCrossings) bestCrossings = crossings, best = layers.map(layer => [...layer]);
  }
  best.forEach((layer, r) => { layers[r] = layer; layer.forEach((cell, i) => cell.i = i); });
}

/// Inversions of the lower ends, by a Fenwick tree.
function countCrossings(layers) {
  let crossings = 0;
  for (let r = 0; r + 1 < layers.length; r++) {
    const size = layers[r + 1].length, tree = new Int32Array(size + 1);
    let seen = 0;
    for (const cell of layers[r]) {
      const ends = cell.down.map(other => other.i).sort((a, b) => a - b);
      for (const end of ends) {
        let notAfter = 0;
        for (let i = end + 1; i > 0; i -= i & -i) notAfter += tree[i];
        crossings += seen - notAfter;
      }
      for (const end of ends) {
        seen++;
        for (let i = end + 1; i <= size; i += i & -i) tree[i]++;
      }
    }
  }
  return crossings;
}

function placeX(layers, links) {
  for (const layer of layers) {
    let x = 0;
    for (const cell of layer) cell.x = x + cell.w / 2, x += cell.w + (cell.box < 0 ? GAP_X / 2 : GAP_X);
    for (const cell of layer) cell.x -= x / 2;
  }
  const rounds = links.length > 6000 ? 6 : 14;
  for (let round = 0; round < rounds; round++) {
    const down = round % 2 === 0;
    for (const layer of down ? layers : [...layers].reverse()) {
      // The last rounds look both ways.
      settle(layer, cell => round + 3 >= rounds ? [...cell.up, ...cell.down] : down ? cell.up : cell.down);
    }
  }
}

/// Moves the cells of a layer, in order and apart, as near to their neighbours as they can be:
/// pools of cells that touch move together (pool adjacent violators).
function settle(layer, neighbours) {
  const pools = [];
  let offset = 0;
  layer.forEach((cell, i) => {
    if (i) offset += (layer[i - 1].w + cell.w) / 2 + (cell.box < 0 && layer[i - 1].box < 0 ? GAP_X / 3 : GAP_X);
    cell.offset = offset;
    let wish = 0, weight = 0;
    for (const other of neighbours(cell)) {
      const w = cell.box < 0 && other.box < 0 ? 8 : cell.box < 0 || other.box < 0 ? 2 : 1;
      wish += w * other.x, weight += w;
    }
    if (!weight) wish = cell.x * 0.05, weight = 0.05;
    let pool = { wish: wish - weight * offset, weight, cells: [cell] };
    while (pools.length && pools[pools.length - 1].wish / pools[pools.length - 1].weight > pool.wish / pool.weight) {
      const before = pools.pop();
      pool = { wish: before.wish + pool.wish, weight: before.weight + pool.weight, cells: before.cells.concat(pool.cells) };
    }
    pools.push(pool);
  });
  for (const pool of pools)
    for (const cell of pool.cells) cell.x = pool.wish / pool.weight + cell.offset;
}

function placeBoxes(boxes, edges, layers, chains) {
  let left = Infinity, right = -Infinity, y = 0;
  for (const layer of layers)
    for (const cell of layer) left = Math.min(left, cell.x - cell.w / 2), right = Math.max(right, cell.x + cell.w / 2);
  for (const layer of layers) {
    const height = Math.max(0, ...layer.map(cell => cell.box < 0 ? 0 : boxes[cell.box].h));
    for (const cell of layer) {
      cell.y = y, cell.height = height;
      if (cell.box < 0) continue;
      const box = boxes[cell.box];
      box.x = cell.x - cell.w / 2 - left;
      box.y = box.pin === "bottom" ? y + height - box.h : box.pin === "top" ? y : y + (height - box.h) / 2;
    }
    const crowd = Math.min(40, layer.reduce((sum, cell) => sum + cell.down.length, 0));
    if (layer.length) y += height + GAP_Y * 0.75 + crowd;
  }
  edges.forEach((edge, i) => {
    edge.bends = [];
    for (const dummy of chains[i]) edge.bends.push([dummy.x - left, dummy.y], [dummy.x - left, dummy.y + dummy.height]);
    if (edge.turned) edge.bends.reverse();
  });
  const bottom = Math.max(...boxes.map(box => box.y + box.h));
  return { w: right - left, h: bottom };
}
