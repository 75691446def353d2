// The arena as a map: the schedule goes to the right, addresses go up; a rectangle is what lies
// there, from the kernel that makes it to the last that reads it.

const MEMORY = (() => {
  const m = DOC.memory;
  const lines = m.lines.map(([what, type, place, bytes, offset, start, end]) => ({
    what: DOC.strings[what], type: DOC.strings[type], place: DOC.strings[place], bytes, offset, start, end }));
  const live = new Float64Array(m.positions + 2);
  for (const line of lines) live[line.start] += line.bytes, live[line.end + 1] -= line.bytes;
  for (let i = 1; i < live.length; i++) live[i] += live[i - 1];
  const launchAt = new Map(KERNEL_SCENE.nodes.filter(n => n.position !== undefined).map(n => [n.position, n]));
  return { ...m, lines, liveAt: live, launchAt };
})();

const MARGIN = { left: 74, right: 22, top: 42, bottom: 46 };

function memoryScales(size) {
  const w = Math.max(50, size.w - MARGIN.left - MARGIN.right), h = Math.max(50, size.h - MARGIN.top - MARGIN.bottom);
  return {
    x: position => MARGIN.left + position / Math.max(1, MEMORY.positions) * w,
    y: bytes => MARGIN.top + h - bytes / Math.max(1, MEMORY.arena) * h,
    positionAt: x => Math.floor((x - MARGIN.left) / w * MEMORY.positions),
    bytesAt: y => (MARGIN.top + h - y) / h * MEMORY.arena,
  };
}

function drawMemory(c, size, look) {
  const t = THEMES[look.theme], at = memoryScales(size);
  c.fillStyle = t.back;
  c.fillRect(0, 0, size.w, size.h);
  c.font = "600 13px " + FONT;
  c.fillStyle = t.ink;
  c.textBaseline = "alphabetic";
  c.fillText(`Arena ${bytesText(MEMORY.arena)}, of which ${bytesText(MEMORY.live)} are live at once`, MARGIN.left, 24);
  c.font = PLAIN;
  c.fillStyle = t.dim;
  for (let i = 0; i <= 4; i++) {
    const y = at.y(MEMORY.arena * i / 4);
    c.fillRect(MARGIN.left, y, size.w - MARGIN.left - MARGIN.right, 0.5);
    c.textAlign = "right";
    c.fillText(bytesText(MEMORY.arena * i / 4), MARGIN.left - 8, y + 4);
  }
  c.textAlign = "center";
  for (let i = 0; i <= 8; i++) {
    const position = Math.round(MEMORY.positions * i / 8);
    c.fillText(String(position), at.x(position), size.h - MARGIN.bottom + 18);
  }
  c.fillText("position in the schedule", (size.w + MARGIN.left) / 2, size.h - 10);
  c.textAlign = "left";
  for (const line of MEMORY.lines) {
    const x = at.x(line.start), y = at.y(line.offset + line.bytes);
    const w = Math.max(1, at.x(line.end + 1) - x), h = Math.max(0.7, at.y(line.offset) - y);
    const isChosen = look.line === line || (look.chosen && MEMORY.launchAt.get(line.start) === look.chosen);
    c.globalAlpha = isChosen ? 1 : 0.72;
    c.fillStyle = hue(line.place || line.what);
    c.fillRect(x, y, w, h);
    c.globalAlpha = 1;
    if (isChosen || h > 3) {
      c.strokeStyle = isChosen ? t.ink : t.back;
      c.lineWidth = isChosen ? 2 : 0.6;
      c.strokeRect(x, y, w, h);
    }
    const text = typeText(line.type);
    if (h > 13 && w > textWidth(text, SMALL) + 8) {
      c.font = SMALL;
      c.fillStyle = "#fff";
      c.fillText(text, x + 4, y + h / 2 + 4);
    }
  }
  c.strokeStyle = t.ink;
  c.lineWidth = 1.4;
  c.beginPath();
  for (let p = 0; p < MEMORY.positions; p++) {
    c.lineTo(at.x(p), at.y(MEMORY.liveAt[p]));
    c.lineTo(at.x(p + 1), at.y(MEMORY.liveAt[p]));
  }
  c.stroke();
  c.setLineDash([4, 4]);
  c.strokeStyle = t.down;
  c.beginPath();
  c.moveTo(at.x(MEMORY.peak + 0.5), MARGIN.top - 6);
  c.lineTo(at.x(MEMORY.peak + 0.5), size.h - MARGIN.bottom);
  c.stroke();
  c.setLineDash([]);
  c.fillStyle = t.down;
  c.font = PLAIN;
  c.fillText("peak", at.x(MEMORY.peak + 0.5) + 4, MARGIN.top - 4);
}

function memoryLineAt(x, y, size) {
  const at = memoryScales(size), position = at.positionAt(x), bytes = at.bytesAt(y);
  return MEMORY.lines.find(l => l.start <= position && position <= l.end && l.offset <= bytes && bytes < l.offset + l.bytes);
}
