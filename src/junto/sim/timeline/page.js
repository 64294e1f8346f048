"use strict";
// Takes the whole diagram, compressed, and draws of it what is on the screen. Without this script the page can be
// read as it is; so whatever fails here leaves it so.
(async () => {
  const $ = (id) => document.getElementById(id);
  const packed = Uint8Array.from(atob($("data").textContent.trim()), (c) => c.charCodeAt(0));
  const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const D = await new Response(plain).json();
  const count = D.kind.length, T = D.texts;
  if (!count) return;

  const sum = (steps) => { let at = 0; return steps.map((step) => (at += step)); };
  const times = sum(D.times), row = sum(D.row), number = sum(D.number);
  const rows = times.length, lanes = D.lanes.length;
  const total = D.arrows.length / 5, column = (k) => D.arrows.slice(k * total, (k + 1) * total);
  const aStart = sum(column(0)), aEnd = column(1).map((step, i) => (step ? aStart[i] + step : -1));
  const aLane = column(2), aStyle = column(3).map((i) => T[i]), aFirst = column(4);
  const kind = D.kind.map((i) => T[i]), boxed = new Set(D.boxed), groupOf = {};
  for (const [name, kinds] of Object.entries(D.groups)) for (const one of kinds) groupOf[one] = name;
  const group = kind.map((one) => groupOf[one] || "notes");
  const labelled = new Int32Array(count).fill(-1), begins = new Int32Array(count).fill(-1);
  for (let a = 0; a < total; a++) {
    if (aFirst[a]) labelled[aStart[a]] = a;
    if (aEnd[a] >= 0 && begins[aEnd[a]] < 0) begins[aEnd[a]] = a;
  }

  const LEFT = 164, SLOT = 22, PAD = 7, CHAR = 6.1, HEAD = 30, FAR = 300;
  const S = { first: D.first, last: D.last, zoom: 1, on: -1, link: -1, query: "", hits: [], groups: new Set(["turns"]), hosts: new Set() };
  const scroller = $("live"), stage = $("stage");
  let shown = [], tops = [], height = 0, slots = new Int32Array(count), visible = new Uint8Array(count);
  let laneAt = [], width = 0, laneWidth = D.width, room = 0, arrows = [], blocks = [], indexOf = new Int32Array(rows), digits = 3;

  const esc = (s) => s.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
  const cut = (s, n) => (s.length <= n ? s : s.slice(0, Math.max(n - 1, 1)) + "…");
  // Of a label that is too long, first goes what the arrows show: which request it is.
  const brief = (s, n) => cut(s.length <= n ? s : s.replace(/^((sent again|lost|held): )?(request|result) \d+: /, "$1"), n);
  const clock = (t, d = 9) => `${Math.floor(t / 1e9)}.${String(t % 1e9).padStart(9, "0").slice(0, d)}`;
  const span = (t) => t >= 1e9 ? `${+(t / 1e9).toPrecision(3)} s` : t >= 1e6 ? `${+(t / 1e6).toPrecision(3)} ms` : t >= 1e3 ? `${+(t / 1e3).toPrecision(3)} µs` : `${t} ns`;
  const label = (i) => T[D.label[i]];
  const banner = (i) => D.lane[i] < 0 || kind[i] === "oracle";
  const x = (lane) => LEFT + 30 + laneAt[lane] * laneWidth;

  function choose() {
    const keep = (i) => {
      if (S.groups.has(group[i])) return false;
      if (S.link >= 0) return banner(i) || (D.about[i] === S.link && group[i] !== "faults");
      return D.lane[i] < 0 || (laneAt[D.lane[i]] >= 0 && (D.peer[i] < 0 || laneAt[D.peer[i]] >= 0));
    };
    let next = 0;
    laneAt = D.lanes.map((_, lane) => (S.hosts.has(lane) ? -1 : next++));
    const lanesShown = Math.max(next, 1);
    laneWidth = lanesShown === lanes ? D.width : lanesShown <= 3 ? 260 : lanesShown <= 4 ? 220 : lanesShown <= 5 ? 190 : lanesShown <= 8 ? 170 : 150;
    room = scroller.clientWidth; // all hosts side by side, if that can be
    laneWidth = Math.min(laneWidth, Math.max(Math.floor((room / S.zoom - LEFT - 26) / lanesShown), 130));
    width = LEFT + laneWidth * lanesShown + 24;
    for (let i = 0; i < count; i++) visible[i] = row[i] >= S.first && row[i] <= S.last && keep(i) ? 1 : 0;
  }

  // The same as in the layout that draws the page without a script.
  function place() {
    shown = []; tops = []; height = 0; indexOf.fill(-1);
    let i = 0;
    while (i < count) {
      const r = row[i];
      let end = i;
      while (end < count && row[end] === r) end++;
      if (r >= S.first && r <= S.last) {
        const used = new Map(), gaps = new Map();
        let high = 0;
        for (let k = i; k < end; k++) if (visible[k] && D.lane[k] < 0 && kind[k] !== "oracle") slots[k] = high++;
        const begin = high;
        for (let k = i; k < end; k++) {
          if (!visible[k] || banner(k)) continue;
          const lane = laneAt[D.lane[k]], a = labelled[k];
          let from = lane, to = lane + 1;
          if (a >= 0 && laneAt[aLane[a]] >= 0) { from = Math.min(lane, laneAt[aLane[a]]); to = Math.max(lane, laneAt[aLane[a]], from + 1); }
          else if (begins[k] >= 0) to = from;
          let slot = used.get(lane) ?? begin;
          for (let g = from; g < to; g++) slot = Math.max(slot, gaps.get(g) ?? begin);
          if (begins[k] >= 0) { const s = aStart[begins[k]]; if (row[s] === r && visible[s]) slot = Math.max(slot, slots[s]); }
          slots[k] = slot; used.set(lane, slot + 1);
          for (let g = from; g < to; g++) gaps.set(g, slot + 1);
          high = Math.max(high, slot + 1);
        }
        for (let k = i; k < end; k++) if (visible[k] && kind[k] === "oracle") slots[k] = high++;
        if (high) { indexOf[r] = shown.length; shown.push([r, i, end]); tops.push(height); height += high * SLOT + PAD; }
      }
      i = end;
    }
    arrows = []; blocks = [];
    for (let a = 0; a < total; a++) {
      if (!visible[aStart[a]] && !(aEnd[a] >= 0 && visible[aEnd[a]])) continue;
      if (laneAt[aLane[a]] < 0 || D.lane[aStart[a]] < 0 || laneAt[D.lane[aStart[a]]] < 0) continue;
      arrows.push(a);
      const y1 = yOf(aStart[a], 0), y2 = aEnd[a] >= 0 ? yOf(aEnd[a], height) : y1;
      for (let b = Math.floor(Math.min(y1, y2) / 2000); b <= Math.floor(Math.max(y1, y2) / 2000); b++) (blocks[b] ||= []).push(a);
    }
    digits = 9;
    if (shown.length < 20000) for (digits = 3; digits < 9; digits++) {
      const unit = 10 ** (9 - digits);
      if (shown.every(([r], k) => !k || Math.floor(times[r] / unit) !== Math.floor(times[shown[k - 1][0]] / unit))) break;
    }
  }

  const yOf = (i, otherwise) => (visible[i] && indexOf[row[i]] >= 0 ? tops[indexOf[row[i]]] + slots[i] * SLOT + 16 : otherwise);
  function top(r) { // where a row begins, or would
    let low = 0, high = shown.length;
    while (low < high) { const mid = (low + high) >> 1; if (shown[mid][0] < r) low = mid + 1; else high = mid; }
    return low < shown.length ? tops[low] : height;
  }

  function flags(i) {
    const other = labelled[i] >= 0 ? aEnd[labelled[i]] : -1;
    const hit = S.query && S.hitSet.has(i);
    return (i === S.on || (S.on >= 0 && other === S.on) ? " on" : "") + (hit ? " hit" : S.query && i !== D.failure ? " dim" : "");
  }

  function drawArrow(a, out, labels) {
    const s = aStart[a], e = aEnd[a], style = aStyle[a], from = D.lane[s];
    let x1 = x(from), x2 = x(aLane[a]), y1 = yOf(s, -10), y2 = e >= 0 ? yOf(e, height) : y1;
    const way = x2 > x1 ? 1 : -1;
    if (style === "lost") x2 = (x1 + x2) / 2;
    else if (e < 0) { x2 = (x1 + x2) / 2; y2 = y1; }
    else if (!visible[e]) x2 = (x1 + x2) / 2;
    else x2 -= 5 * way;
    const self = from === aLane[a];
    const line = self ? `M${x1} ${y1}h26V${y2}h-20` : `M${x1} ${y1}L${x2} ${y2}`;
    out.push(`<g class="arrow ${style}${flags(s)}" data-i="${s}"><path d="${line}"/><path d="${line}" style="stroke:transparent;stroke-width:12;marker-end:none"/>`);
    if (style === "lost" || style === "refused") out.push(`<path class="cross" d="M${x2 - 5} ${y2 - 5}l10 10m0 -10l-10 10"/>`);
    out.push("</g>");
    if (visible[s] && aFirst[a]) {
      const room = Math.max(Math.abs(laneAt[aLane[a]] - laneAt[from]), 1) * laneWidth - 26, left = way < 0 && !self;
      labels.push(`<text class="label ${style}${flags(s)}" data-i="${s}" x="${left ? x1 - 10 : x1 + 10}" y="${y1 - 4}"${left ? ' text-anchor="end"' : ""}>${esc(brief(label(s), Math.floor(room / CHAR)))}</text>`);
    }
    // Where it arrives too, if it was sent so long ago that the eye has lost it.
    if (e >= 0 && visible[e] && aFirst[a] && yOf(e, 0) - yOf(s, -FAR - 1) > FAR && style !== "lost" && style !== "ending") {
      const room = Math.max(Math.abs(laneAt[aLane[a]] - laneAt[from]), 1) * laneWidth - 26, right = way < 0 || self;
      const text = brief(`${label(s)}, sent ${span(times[row[e]] - times[row[s]])} before`, Math.floor(room / CHAR));
      labels.push(`<text class="label ${style}${flags(s)}" data-i="${s}" x="${x2 + (right ? 10 : -10)}" y="${y2 + 4}"${right ? "" : ' text-anchor="end"'}>${esc(text)}</text>`);
    }
  }

  function drawMark(i, out) {
    const y = yOf(i, 0), mine = i === D.failure ? ' id="the-failure"' : "";
    if (banner(i)) {
      const sign = kind[i] === "oracle" ? "✖ " : "⚡ ";
      out.push(`<g class="banner ${kind[i]}${flags(i)}" data-i="${i}"${mine}><rect x="${LEFT}" y="${y - 10}" width="${width - LEFT - 4}" height="19" rx="4"/><text x="${LEFT + 8}" y="${y + 4}">${esc(cut(sign + label(i), Math.floor((width - LEFT - 20) / 6.6)))}</text>`);
      if (D.lane[i] >= 0 && laneAt[D.lane[i]] >= 0) out.push(`<path class="pin" d="M${x(D.lane[i])} ${y - 10}v-8"/>`);
      out.push("</g>");
      return;
    }
    const at = x(D.lane[i]);
    if (begins[i] >= 0 || labelled[i] >= 0) { out.push(`<circle class="dot" data-i="${i}" cx="${at}" cy="${y}" r="${begins[i] >= 0 ? 2 : 3}"/>`); return; }
    const text = brief(label(i), Math.floor((laneWidth - 36) / CHAR));
    out.push(`<g class="mark ${kind[i]}${flags(i)}" data-i="${i}"${mine}><circle cx="${at}" cy="${y}" r="4"/>`);
    if (boxed.has(kind[i])) out.push(`<rect x="${at + 10}" y="${y - 9}" width="${text.length * CHAR + 12}" height="18" rx="4"/>`);
    out.push(`<text x="${at + 16}" y="${y + 4}">${esc(text)}</text></g>`);
  }

  let pending = false;
  function draw() {
    pending = false;
    const offset = stage.offsetTop, from = Math.max((scroller.scrollTop - offset) / S.zoom - 500, 0);
    const to = Math.min((scroller.scrollTop - offset + scroller.clientHeight) / S.zoom + 500, height);
    const out = [];
    let low = 0, high = shown.length;
    while (low < high) { const mid = (low + high) >> 1; if (tops[mid] < from) low = mid + 1; else high = mid; }
    const firstShown = Math.max(low - 1, 0);
    let lastShown = firstShown;
    while (lastShown < shown.length && tops[lastShown] <= to) lastShown++;
    for (const [of, first, last, text] of D.bands) {
      const y1 = top(first), y2 = last + 1 > S.last ? height : top(last + 1), cols = of.map((l) => laneAt[l]).filter((l) => l >= 0);
      if (!cols.length || y2 < from || y1 > to) continue;
      const a = LEFT + 30 + Math.min(...cols) * laneWidth - 22, b = LEFT + 30 + Math.max(...cols) * laneWidth + 22;
      out.push(`<rect class="band" x="${a}" y="${y1}" width="${b - a}" height="${y2 - y1}"><title>${esc(T[text])}</title></rect>`);
    }
    for (let k = firstShown; k < lastShown; k++) {
      const [r] = shown[k], y = tops[k];
      out.push(`<path class="row" d="M0 ${y}H${width}"/><text class="time" x="98" y="${y + 17}">${clock(times[r], digits)}</text>`);
      if (r) out.push(`<text class="gap" x="${LEFT - 6}" y="${y + 17}">+${span(times[r] - times[k ? shown[k - 1][0] : r - 1])}</text>`);
    }
    for (let l = 0; l < lanes; l++) if (laneAt[l] >= 0) out.push(`<path class="lane" d="M${x(l)} ${from}V${to}"/>`);
    for (const [lane, first, last, style, text] of D.bars) {
      if (laneAt[lane] < 0) continue;
      const y1 = top(first) + 12, y2 = last >= S.last && last === rows - 1 ? height : top(last) + 12;
      if (y2 < from || y1 > to) continue;
      out.push(`<rect class="bar ${T[style]}" x="${x(lane) - 6}" y="${y1}" width="12" height="${Math.max(y2 - y1, 4)}" rx="3"><title>${esc(T[text])}</title></rect>`);
    }
    const drawn = new Set(), labels = [];
    for (let b = Math.floor(from / 2000); b <= Math.floor(to / 2000); b++) for (const a of blocks[b] || []) if (!drawn.has(a)) { drawn.add(a); drawArrow(a, out, labels); }
    out.push(...labels);
    for (let k = firstShown; k < lastShown; k++) for (let i = shown[k][1]; i < shown[k][2]; i++) if (visible[i]) drawMark(i, out);
    stage.innerHTML = `<svg class="diagram" style="top:${from * S.zoom}px" width="${width * S.zoom}" height="${(to - from) * S.zoom}" viewBox="0 ${from} ${width} ${Math.max(to - from, 1)}">${out.join("")}</svg>`;
    const view = document.querySelector(".overview .view"), length = Math.max(times[rows - 1] - times[0], 1);
    if (shown.length) {
      const a = times[shown[Math.min(firstShown, shown.length - 1)][0]], b = times[shown[Math.max(lastShown - 1, 0)][0]];
      view.setAttribute("x", ((a - times[0]) / length) * 1000);
      view.setAttribute("width", Math.max(((b - a) / length) * 1000, 3));
    }
  }
  const redraw = () => { if (!pending) { pending = true; requestAnimationFrame(draw); } };

  function arrange(anchor = -1) {
    const before = anchor >= 0 ? yOf(anchor, -1) * S.zoom + stage.offsetTop - scroller.scrollTop : 0;
    choose(); place();
    stage.style.height = `${height * S.zoom}px`; stage.style.width = `${width * S.zoom}px`;
    $("lanes").innerHTML = `<svg class="diagram" width="${width * S.zoom}" height="${HEAD * S.zoom}" viewBox="0 0 ${width} ${HEAD}"><text class="gap" x="98" y="20">seconds</text>` +
      D.lanes.map((name, l) => laneAt[l] < 0 ? "" : `<text class="host" x="${x(l)}" y="20">${esc(cut(name, Math.floor((laneWidth - 20) / 7.5)))}</text>`).join("") + "</svg>";
    fold($("above"), S.first, "earlier", 0, S.first - 1, () => { S.first = Math.max(S.first - 200, 0); }, () => { S.first = 0; });
    fold($("below"), rows - 1 - S.last, "later", S.last + 1, rows - 1, () => { S.last = Math.min(S.last + 200, rows - 1); }, () => { S.last = rows - 1; });
    if (!shown.length) stage.innerHTML = '<p style="padding:20px">Nothing to show: all of it is filtered.</p>';
    if (anchor >= 0 && visible[anchor]) scroller.scrollTop = yOf(anchor, 0) * S.zoom + stage.offsetTop - before;
    draw();
  }

  function fold(place, hidden, word, first, last, some, all) {
    place.textContent = "";
    if (hidden <= 0) return;
    place.append(`${hidden.toLocaleString("en")} ${word} instant${hidden > 1 ? "s" : ""}, ${clock(times[first], 4)} s to ${clock(times[last], 4)} s, folded`);
    for (const [text, change] of [[hidden > 200 ? "200 more" : "", some], ["show all", all]]) {
      if (text) place.append(button(text, () => { const anchor = middle(); change(); arrange(anchor); }));
    }
  }

  function button(text, act) {
    const made = document.createElement("button");
    made.textContent = text;
    made.addEventListener("click", act);
    return made;
  }

  function middle() { // some mark that is on the screen
    const y = (scroller.scrollTop - stage.offsetTop + scroller.clientHeight / 2) / S.zoom;
    for (let k = 0; k < shown.length; k++) if (tops[k] >= y || k === shown.length - 1) for (let i = shown[k][1]; i < shown[k][2]; i++) if (visible[i]) return i;
    return -1;
  }

  function go(i, select = true) {
    if (row[i] < S.first || row[i] > S.last || !visible[i]) {
      S.first = Math.min(S.first, Math.max(row[i] - 20, 0)); S.last = Math.max(S.last, Math.min(row[i] + 20, rows - 1));
      S.groups.delete(group[i]); S.hosts.delete(D.lane[i]); if (S.link !== D.about[i]) S.link = -1;
      buttons(); arrange();
    }
    scroller.scrollTop = yOf(i, 0) * S.zoom + stage.offsetTop - scroller.clientHeight * 0.55;
    if (select) tell(S.on = i);
    draw();
  }

  function tell(i) {
    const panel = $("panel");
    panel.textContent = "";
    const add = (tag, text, to = panel) => { const made = document.createElement(tag); made.textContent = text; to.append(made); return made; };
    if (i < 0) { add("h2", "What was said"); add("p", "Point at an arrow or a mark to read it here; click to keep it."); add("p", "Keys: / search, n and p next and previous hit, f failure, + and − size, Esc all again."); return; }
    const a = labelled[i] >= 0 ? labelled[i] : begins[i], source = a >= 0 ? aStart[a] : i;
    const who = D.lane[i] < 0 ? "the network" : D.lanes[D.lane[i]];
    if (kind[i] === "oracle") add("h2", "What failed");
    else add("h2", `${kind[i].replace("_", " ")} ${D.peer[i] >= 0 ? `${who} ${kind[i] === "recv" || kind[i] === "accept" ? "←" : "→"} ${D.lanes[D.peer[i]]}` : who}`);
    for (const line of label(i).split(" · ")) add("pre", line);
    const list = add("dl", ""), fact = (word, text) => { add("dt", word, list); add("dd", text, list); };
    fact("time", `${clock(times[row[i]])} s`);
    if (a >= 0 && aEnd[a] >= 0) {
      const took = span(times[row[aEnd[a]]] - times[row[aStart[a]]]);
      fact(aStyle[a] === "lost" ? "lost after" : aStyle[a] === "refused" ? "refused after" : "arrived after", took + (aStyle[a] === "held" ? ", held on the way" : ""));
    } else if (a >= 0) fact("fate", "nobody has read it until the end of the trace");
    if (D.length[i] >= 0) fact("size", `${D.length[i].toLocaleString("en")} bytes`);
    if (T[D.protocol[source]]) fact("read as", T[D.protocol[source]]);
    if (D.about[i] >= 0) fact(groupOf[kind[i]] === "faults" ? "fault" : kind[i] === "turn" || kind[i].startsWith("task") ? "because of" : kind[i] === "dgram" ? "datagram" : "connection", `${D.about[i]}`);
    fact("event", `${number[i]}`);
    if (kind[i] === "oracle") add("p", "Time stands still here: read upwards to see what led to it. Point at an arrow or a mark to read what was said, click to keep it here.");
    if (T[D.excerpt[source]]) { add("p", D.length[source] > 64 ? "The first 64 bytes, all that the trace keeps:" : "Its bytes:"); add("pre", T[D.excerpt[source]]); }
    if (D.about[i] >= 0 && (group[i] === "messages" || group[i] === "connections"))
      panel.append(button(S.link < 0 ? "show this connection only" : "show all again", () => { S.link = S.link < 0 ? D.about[i] : -1; arrange(i); tell(i); }));
  }

  function buttons() {
    const names = { messages: "messages", connections: "connections", faults: "faults", notes: "notes and logs", turns: "turns and tasks" };
    $("groups").textContent = "";
    const there = new Set(group);
    for (const name of Object.keys(D.groups)) if (there.has(name)) {
      const made = button(names[name], () => { S.groups.has(name) ? S.groups.delete(name) : S.groups.add(name); buttons(); arrange(middle()); });
      made.classList.toggle("off", S.groups.has(name)); $("groups").append(made);
    }
    $("hosts").textContent = "";
    if (lanes > 1 && lanes <= 40) D.lanes.forEach((name, lane) => {
      const made = button(cut(name, 16), () => { S.hosts.has(lane) ? S.hosts.delete(lane) : S.hosts.add(lane); buttons(); arrange(middle()); });
      made.title = "show or hide this host"; made.classList.toggle("off", S.hosts.has(lane)); $("hosts").append(made);
    });
  }

  function search() {
    S.query = $("search").value.trim().toLowerCase(); S.hits = [];
    if (S.query) {
      const texts = T.map((text) => text.toLowerCase().includes(S.query)), hosts = D.lanes.map((name) => name.toLowerCase() === S.query);
      for (let i = 0; i < count; i++)
        if (begins[i] < 0 && (texts[D.label[i]] || texts[D.kind[i]] || texts[D.excerpt[i]] || hosts[D.lane[i]]) && (group[i] !== "turns" || !S.groups.has("turns"))) S.hits.push(i);
    }
    S.hitSet = new Set(S.hits);
    $("found").textContent = S.query ? `${S.hits.length.toLocaleString("en")} found` : "";
    draw();
  }
  function hit(step) {
    if (!S.hits.length) return;
    const here = S.hits.includes(S.on) ? S.hits.indexOf(S.on) : step > 0 ? S.hits.findIndex((i) => i >= Math.max(middle(), 0)) - 1 : 0;
    const next = (here + step + S.hits.length) % S.hits.length;
    go(S.hits[next]); $("found").textContent = `${next + 1} of ${S.hits.length.toLocaleString("en")}`;
  }
  function zoom(factor) {
    const anchor = middle(), before = scroller.scrollTop;
    S.zoom = Math.min(Math.max(S.zoom * factor, 0.3), 3);
    arrange(anchor); if (anchor < 0) scroller.scrollTop = before;
  }

  document.documentElement.classList.add("js");
  $("static").hidden = true;
  for (const id of ["live", "tools", "panel"]) $(id).hidden = false;
  buttons(); tell(D.failure); S.on = D.failure; arrange();
  if (D.failure >= 0) go(D.failure); else { $("to-failure").hidden = true; scroller.scrollTop = 0; }

  const at = (event) => { const found = event.target.closest && event.target.closest("[data-i]"); return found ? +found.dataset.i : -1; };
  let pinned = D.failure >= 0;
  scroller.addEventListener("scroll", redraw);
  addEventListener("resize", () => { if (scroller.clientWidth !== room) arrange(middle()); else redraw(); });
  stage.addEventListener("mouseover", (event) => { const i = at(event); if (i >= 0) tell(i); });
  stage.addEventListener("mouseleave", () => tell(pinned ? S.on : -1));
  stage.addEventListener("click", (event) => { S.on = at(event); pinned = S.on >= 0; tell(S.on); draw(); });
  $("search").addEventListener("input", search);
  $("search").addEventListener("keydown", (event) => { if (event.key === "Enter") hit(event.shiftKey ? -1 : 1); });
  $("to-failure").addEventListener("click", () => go(D.failure));
  $("whole").addEventListener("click", () => { const anchor = middle(); S.first = 0; S.last = rows - 1; arrange(anchor); });
  $("more").addEventListener("click", () => zoom(1.25));
  $("less").addEventListener("click", () => zoom(0.8));
  for (const link of document.querySelectorAll('a[href="#failure"]')) link.addEventListener("click", (event) => { event.preventDefault(); go(D.failure); });
  document.querySelector(".overview").addEventListener("click", (event) => {
    const box = event.currentTarget.getBoundingClientRect(), wanted = times[0] + ((event.clientX - box.left) / box.width) * (times[rows - 1] - times[0]);
    let i = 0;
    while (i < count - 1 && (times[row[i]] < wanted || S.groups.has(group[i]))) i++;
    go(i, false);
  });
  addEventListener("keydown", (event) => {
    if (event.target.tagName === "INPUT") { if (event.key === "Escape") { event.target.value = ""; search(); event.target.blur(); } return; }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") { event.preventDefault(); $("search").focus(); }
    else if (event.key === "f" && D.failure >= 0) go(D.failure);
    else if (event.key === "n") hit(1);
    else if (event.key === "p") hit(-1);
    else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "Escape") { S.link = -1; S.hosts.clear(); S.groups = new Set(["turns"]); buttons(); arrange(middle()); }
  });
  document.documentElement.dataset.events = count;
  document.documentElement.dataset.ready = "yes";
})().catch((error) => { // an old browser: the page without a script is still there
  document.documentElement.dataset.ready = `no: ${error}`;
});
