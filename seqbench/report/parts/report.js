// What a reader can do with the page: show and hide architectures, sort and filter tables, read values off figures,
// choose light or dark. Without it the page is whole and static.
"use strict";

const every = (selector, within = document) => [...within.querySelectorAll(selector)];
const root = document.documentElement;

/* ---------------------------------------------------------------- light and dark */

function chooseTheme() {
  const button = document.querySelector("#dark");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const show = (dark) => button.setAttribute("aria-pressed", dark);
  show(system.matches);
  system.addEventListener("change", () => { if (!root.dataset.theme) show(system.matches); });
  button.addEventListener("click", () => {
    const dark = button.getAttribute("aria-pressed") !== "true";
    root.dataset.theme = dark ? "dark" : "light";
    show(dark);
  });
}

/* ---------------------------------------------------------------- architectures */

function chooseArchitectures() {
  const boxes = every("input[data-toggles]"), all = document.querySelector("#everything");
  const shown = new Map();
  for (const element of every("[data-series]")) {
    const name = element.dataset.series;
    shown.set(name, [...(shown.get(name) ?? []), element]);
  }
  const apply = (box) => shown.get(box.dataset.toggles)?.forEach((e) => e.classList.toggle("off", !box.checked));
  const say = () => all?.setAttribute("aria-pressed", boxes.every((box) => box.checked));
  boxes.forEach((box) => box.addEventListener("change", () => { apply(box); say(); }));
  all?.addEventListener("click", () => {
    const checked = !boxes.every((box) => box.checked);
    boxes.forEach((box) => { box.checked = checked; apply(box); });
    say();
  });
}

/* ---------------------------------------------------------------- tables */

// Sorts the rows within each body; a body's title row stays on top, empty cells go last.
function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button")?.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    for (const body of table.tBodies) {
      const rows = [...body.rows].filter((row) => !row.classList.contains("group"));
      rows.sort((a, b) => compare(key(a.cells[column]), key(b.cells[column]), down));
      body.append(...rows);
    }
  }));
}

function key(cell) {
  const text = cell.dataset.value ?? cell.textContent.trim();
  return text === "" ? null : text === "inf" ? Infinity : isNaN(text) ? text : Number(text);
}

function compare(a, b, down) {
  if (a === null || b === null) return (a === null) - (b === null);
  const order = typeof a === "number" && typeof b === "number" ? (a > b) - (a < b) : String(a).localeCompare(String(b));
  return down ? -order : order;
}

// Keeps the rows that hold every word, in the row itself or in the title of its body.
function filterable(line) {
  const table = line.nextElementSibling.querySelector("table"), said = line.querySelector("[role=status]");
  const bodies = [...table.tBodies].map((body) => {
    const title = body.querySelector("tr.group");
    const rows = [...body.rows].filter((row) => row !== title);
    const text = (row) => `${title?.querySelector("b").textContent ?? ""} ${row.textContent}`.toLowerCase();
    return { body, rows: rows.map((row) => [row, text(row)]) };
  });
  const total = bodies.reduce((sum, { rows }) => sum + rows.length, 0);
  line.hidden = false;
  line.querySelector("input").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    let kept = 0;
    for (const { body, rows } of bodies) {
      for (const [row, text] of rows) row.hidden = !words.every((word) => text.includes(word));
      const left = rows.filter(([row]) => !row.hidden).length;
      body.hidden = left === 0;
      kept += left;
    }
    said.textContent = words.length ? `${kept} of ${total} rows` : "";
  });
}

/* ---------------------------------------------------------------- values of a figure */

// A panel says where its axes lie and what they span; a line's corners are its points.
class Panel {
  constructor(group) {
    const [x, y, width, height] = group.dataset.box.split(" ").map(Number);
    Object.assign(this, { group, x, y, width, height });
    this.scales = [scale(group.dataset.x, x, width), scale(group.dataset.y, y + height, -height)];
    this.names = JSON.parse(group.dataset.names);
  }

  // [{ element, points: [[x, y], ...] }], read when they are first asked for.
  get series() {
    this.read ??= every("[data-series][data-note]", this.group)
      .map((element) => ({ element, points: points(element) })).filter(({ points }) => points.length);
    return this.read.filter(({ element }) => !element.closest(".off"));
  }

  holds([x, y]) {
    const [dx, dy] = [x - this.x, y - this.y];
    return dx > -4 && dy > -4 && dx < this.width + 4 && dy < this.height + 4 && !this.group.closest(".off");
  }

  nearest([x, y], reach = 16) {
    let best = null, least = reach ** 2;
    for (const one of this.series) {
      one.points.forEach(([a, b], index) => {
        const far = (a - x) ** 2 + (b - y) ** 2;
        if (far < least && this.holds([a, b])) [best, least] = [{ ...one, index, at: [a, b] }, far];
      });
    }
    return best;
  }

  text([x, y]) {
    return this.names.map((name, i) => `${name || (i ? "value" : "")}: ${this.scales[i](i ? y : x)}`).join(" · ");
  }
}

function points(element) {
  const found = [];
  for (const path of every("path", element)) {
    for (const part of path.getAttribute("d").split("M").slice(1)) {
      const [start, ...moves] = part.split("l");
      let [x, y] = start.split(/[ m]/).map(Number);
      found.push([x, y]);
      if (start.includes("m")) continue; // a marker: its middle, then its shape
      const steps = (moves[0] ?? "").split(" ").map(Number);
      for (let i = 0; i + 1 < steps.length; i += 2) found.push([x += steps[i], y += steps[i + 1]]);
    }
  }
  return found;
}

// From a place in points to a value, with no more digits than a hundredth of a point tells.
function scale(text, origin, length) {
  const [kind, ...rest] = text.split(" ");
  const listed = kind === "places" ? rest.shift().split(",") : null;
  const [low, high] = (kind === "log" ? rest.map((end) => Math.log10(end)) : rest.map(Number));
  const linear = (place) => low + (high - low) * (place - origin) / length;
  if (listed) return (place) => listed[Math.min(listed.length - 1, Math.max(0, Math.floor(linear(place))))];
  const value = { log: (v) => 10 ** v, lag: (v) => 10 ** v - 1 }[kind] ?? ((v) => v);
  return (place) => {
    const found = value(linear(place)), blur = Math.abs(value(linear(place + 0.01)) - found);
    if (kind === "lag") return String(Math.max(0, Math.round(found)));
    const places = Math.floor(-Math.log10(blur));
    const digits = Math.max(1, Math.min(6, places + 1 + Math.floor(Math.log10(Math.abs(found) || 1))));
    const shown = Math.abs(found) < blur ? 0 : Number(found.toPrecision(digits));
    return Math.abs(shown) >= 1e-4 || shown === 0 ? shown.toLocaleString("en", { maximumSignificantDigits: 6 })
      : shown.toExponential();
  };
}

class Reader {
  constructor(svg, tip) {
    Object.assign(this, { svg, tip, panels: every(".panel", svg).map((group) => new Panel(group)) });
    this.mark = document.createElementNS(svg.namespaceURI, "circle");
    this.mark.setAttribute("r", "4");
    this.mark.setAttribute("class", "mark");
    svg.addEventListener("pointermove", (event) => this.point(event));
    svg.addEventListener("pointerleave", () => this.clear());
    for (const panel of this.panels) {
      panel.group.setAttribute("tabindex", "0");
      panel.group.setAttribute("role", "group");
      panel.group.setAttribute("aria-label", `${panel.group.dataset.title}: arrow keys read its values`);
      panel.group.addEventListener("focus", () => { if (panel.group.matches(":focus-visible")) this.start(panel); });
      panel.group.addEventListener("blur", () => this.clear());
      panel.group.addEventListener("keydown", (event) => this.move(panel, event));
    }
  }

  point(event) {
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    const at = [place.x, place.y], panel = this.panels.find((one) => one.holds(at));
    const found = panel?.nearest(at);
    if (found) this.show(panel, found);
    else if (panel && !panel.series.length) this.tile(panel, at, event.target.closest("[data-note]"));
    else this.clear();
  }

  start(panel) {
    const [first] = panel.series;
    if (first) this.show(panel, { ...first, index: 0, at: first.points[0] });
    else this.tile(panel, [panel.x + panel.width / 2, panel.y + panel.height / 2]);
  }

  // Left and right along a line, up and down to another; where there are no lines, anywhere in the panel.
  move(panel, event) {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [];
    if (dx === undefined || !this.now) return;
    event.preventDefault();
    const all = panel.series;
    if (!all.length) {
      const [x, y] = this.now.at;
      const at = [x + dx * panel.width / 40, y + dy * panel.height / 20];
      return panel.holds(at) ? this.tile(panel, at) : undefined;
    }
    const line = all.findIndex(({ element }) => element === this.now.element);
    const next = all[(line + dy + all.length) % all.length];
    const index = Math.min(next.points.length - 1, Math.max(0, this.now.index + dx));
    this.show(panel, { ...next, index, at: next.points[index] });
  }

  show(panel, found) {
    const { series, note, told, shift = 0 } = found.element.dataset, [x, y] = found.at;
    this.now = found;
    this.say([`${series}, ${note}`, told ?? panel.text([x, y + Number(shift)])], found.at); // drawn so far above values
  }

  tile(panel, at, target = null) {
    this.now = { at };
    const note = (target ?? this.under(at))?.dataset.note ?? "less than any shade, or not known";
    this.say([panel.group.dataset.title, panel.text(at), note], at);
  }

  under(at) {
    const { x, y } = this.client(at);
    return document.elementsFromPoint(x, y).map((e) => e.closest("[data-note]")).find(Boolean);
  }

  client = (at) => new DOMPoint(...at).matrixTransform(this.svg.getScreenCTM());

  say(lines, at) {
    this.mark.setAttribute("cx", at[0]);
    this.mark.setAttribute("cy", at[1]);
    this.svg.append(this.mark);
    this.tip.replaceChildren(...lines.map((line) => Object.assign(document.createElement("div"), { textContent: line })));
    this.tip.hidden = false;
    const { x, y } = this.client(at), { width, height } = this.tip.getBoundingClientRect();
    this.tip.style.left = `${Math.max(4, Math.min(x + 14, root.clientWidth - width - 4))}px`;
    this.tip.style.top = `${y + 14 + height > root.clientHeight ? y - height - 14 : y + 14}px`;
  }

  clear() {
    this.mark.remove();
    this.tip.hidden = true;
    this.now = null;
  }
}

/* ---------------------------------------------------------------- links into closed details */

function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  const closed = target?.closest("details:not([open])");
  if (!closed) return;
  closed.open = true;
  target.scrollIntoView();
}

document.querySelector(".bar").hidden = false;
chooseTheme();
chooseArchitectures();
every("table.sortable").forEach(sortable);
every(".filter").forEach(filterable);
every("figure svg").forEach((svg) => new Reader(svg, document.querySelector(".tip")));
addEventListener("hashchange", openTarget);
openTarget();
