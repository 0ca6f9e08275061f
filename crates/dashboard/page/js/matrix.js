// The matrix, on one canvas that is as large as what is seen of it. It says nothing to a screen reader (the table does); the keyboard
// moves a cursor over it, and what the cursor is on is said.

import { h } from "./dom.js";
import { STATES, shape } from "./states.js";
import { GROUP, Layout } from "./layout.js";
import { count, fitted } from "./words.js";

/**
 * @typedef {import("./model.js").Model} Model
 * @typedef {{ row: number, column: number }} Spot
 *
 * @typedef {object} Listener
 * @property {(cell: import("./layout.js").Cell) => void} open
 * @property {(source: import("./layout.js").SourceRow) => void} source
 * @property {(group: string) => void} toggle
 * @property {(namespace: string) => void} namespace
 */

const GAP = 1;
/** Where the names of opened groups stand, above their namespaces'. */
const BAND = 22;

export class Matrix {
  /** @param {Listener} listener */
  constructor(listener) {
    this.listener = listener;
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.space = h("div", { class: "space" }, this.canvas);
    this.said = h("p", { class: "hidden", "aria-live": "polite" });
    this.scroll = h("div", {
      class: "matrix",
      tabindex: "0",
      role: "application",
      "aria-roledescription": "matrix",
      "aria-label": "Sources by namespaces. Arrow keys move, Enter opens. The table shows the same.",
      scroll: () => this.draw(),
      keydown: (/** @type {KeyboardEvent} */ event) => this.key(event),
      pointermove: (/** @type {PointerEvent} */ event) => this.point(event),
      pointerleave: () => this.hover(null),
      click: (/** @type {PointerEvent} */ event) => this.click(event),
      focus: () => this.draw(),
      blur: () => this.draw(),
    }, this.space);
    this.tip = h("div", { class: "tip", hidden: true, "aria-hidden": "true" });
    this.element = h("div", { class: "stagebox" }, this.scroll, this.tip, this.said);
    /** @type {Model | null} */
    this.model = null;
    /** @type {Layout | null} */
    this.layout = null;
    /** @type {Spot | null} */
    this.cursor = null;
    /** @type {Spot | null} */
    this.hovered = null;
    this.chosen = "";
    /** @type {Spot | null} */
    this.spot = null;
    this.frame = 0;
    /** @type {Record<string, string>} */
    this.colours = {};
    /** @type {Map<string, Path2D>} */
    this.paths = new Map();
    /** @type {Map<string, string>} */
    this.texts = new Map();
    /** @type {Map<string, number>} */
    this.widths = new Map();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.restyle());
    matchMedia("(prefers-contrast: more)").addEventListener("change", () => this.restyle());
  }

  /** Where the labels of rows and columns are. */
  get head() {
    const { layout } = this;
    const long = layout?.columns.reduce((most, column) => Math.max(most, layout.isWide(column) ? 0 : column.label.length), 0) ?? 0;
    const opened = layout?.columns.some((column) => column.inGroup !== "") ? BAND : 0;
    return { left: this.left, top: opened + (long === 0 ? 44 : Math.min(132, 30 + long * 4.4)) };
  }

  get left() {
    const wide = this.scroll.clientWidth;
    return wide < 560 ? 118 : Math.min(300, Math.max(220, Math.round(wide * 0.27)));
  }

  /** For columns. */
  get room() {
    return Math.max(100, (this.scroll.clientWidth || this.element.parentElement?.clientWidth || 900) - this.left - 40);
  }

  /**
   * @param {Model} model
   * @param {Layout} layout
   * @param {string} chosen  The source that is open.
   * @param {Spot | null} spot  Where the target is that is open.
   */
  show(model, layout, chosen, spot) {
    this.model = model;
    this.layout = layout;
    this.chosen = chosen;
    this.spot = spot;
    if (this.texts.size > 20_000) this.texts.clear();
    if (this.widths.size > 20_000) this.widths.clear();
    if (this.cursor !== null && (this.cursor.row >= layout.rows.length || this.cursor.column >= layout.columns.length)) this.cursor = null;
    const { left, top } = this.head;
    this.space.style.setProperty("width", `${Math.ceil(left + layout.width + 12)}px`);
    this.space.style.setProperty("height", `${Math.ceil(top + layout.height + 8)}px`);
    this.draw();
  }

  restyle() {
    this.colours = {};
    this.draw();
  }

  /** Draws before the next frame. */
  draw() {
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.paint());
  }

  /** @param {string} name */
  colour(name) {
    let colour = this.colours[name];
    if (colour === undefined) {
      colour = getComputedStyle(this.scroll).getPropertyValue(`--${name}`).trim();
      this.colours[name] = colour;
    }
    return colour;
  }

  paint() {
    this.frame = 0;
    const { layout, model, canvas, scroll } = this;
    if (layout === null || model === null) return;
    const [width, height, ratio] = [scroll.clientWidth, scroll.clientHeight, devicePixelRatio];
    if (width === 0 || height === 0) return;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
      canvas.style.setProperty("width", `${width}px`);
      canvas.style.setProperty("height", `${height}px`);
    }
    const c = canvas.getContext("2d");
    if (c === null) return;
    const { left, top } = this.head;
    const [x, y] = [scroll.scrollLeft, scroll.scrollTop];
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.fillStyle = this.colour("surface");
    c.fillRect(0, 0, width, height);
    const seen = layout.seen(x, y, width - left, height - top);
    c.save();
    c.beginPath();
    c.rect(left, top, width - left, height - top);
    c.clip();
    this.cells(c, seen, left - x, top - y);
    c.restore();
    this.columnHeads(c, seen, left - x, left, top, width);
    this.rowHeads(c, seen, top - y, left, top, height);
    c.fillStyle = this.colour("surface");
    c.fillRect(0, 0, left, top);
    c.fillStyle = this.colour("faint");
    c.font = `11px ${this.colour("sans")}`;
    c.textBaseline = "alphabetic";
    c.textAlign = "left";
    c.fillText(count(layout.rows.length, "source"), 16, top - 10);
    c.fillStyle = this.colour("line");
    c.fillRect(0, top - 1, width, 1);
    c.fillRect(left - 1, 0, 1, height);
  }

  /**
   * @param {CanvasRenderingContext2D} c
   * @param {{ rows: number[], columns: number[] }} seen
   * @param {number} dx
   * @param {number} dy
   */
  cells(c, seen, dx, dy) {
    const { layout } = this;
    if (layout === null) return;
    const [fromRow = 0, toRow = 0] = seen.rows;
    const [fromColumn = 0, toColumn = 0] = seen.columns;
    const active = this.active();
    if (active !== null) {
      c.fillStyle = this.colour("hover");
      c.fillRect(0, dy + active.row * layout.rowHeight, 1e5, layout.rowHeight);
      const [from = 0, to = 0] = [layout.edges[active.column], layout.edges[active.column + 1]];
      if (active.column >= 0) c.fillRect(dx + from, 0, to - from, 1e5);
    }
    /** @type {Map<string, number[]>} Places of shapes, by state. */
    const places = new Map();
    const cell = layout.cell;
    const box = Math.min(cell, 22) - (cell > 14 ? 4 : 1);
    c.font = `11px ${this.colour("sans")}`;
    c.textBaseline = "middle";
    for (let row = fromRow; row < toRow; row++) {
      const top = dy + row * layout.rowHeight;
      const end = layout.begins[row + 1] ?? 0;
      for (let n = layout.from(row, fromColumn); n < end; n++) {
        const column = layout.column[n] ?? 0;
        if (column >= toColumn) break;
        const left = dx + (layout.edges[column] ?? 0);
        const head = layout.columns[column];
        const counts = layout.counts.subarray(n * STATES.length, (n + 1) * STATES.length);
        const total = counts.reduce((a, b) => a + b, 0);
        if (head !== undefined && layout.isWide(head) && (head.group !== "" || total > 1)) this.bar(c, counts, total, left + 8, top, GROUP - 16, layout.rowHeight);
        else {
          const state = STATES[worst(counts)] ?? "current";
          const list = places.get(state);
          const at = [left + (head !== undefined && layout.isWide(head) ? 8 : (cell - box) / 2), top + (layout.rowHeight - box) / 2];
          if (list === undefined) places.set(state, at);
          else list.push(...at);
          if (total > 1 && cell >= 18) {
            c.fillStyle = this.colour("faint");
            c.textAlign = "right";
            c.font = `9px ${this.colour("sans")}`;
            c.fillText(String(total), left + cell - GAP, top + layout.rowHeight - 5);
            c.font = `11px ${this.colour("sans")}`;
          }
        }
      }
    }
    for (const [state, list] of places) {
      const path = this.path(state, box);
      c.fillStyle = this.colour(state);
      if (state === "current") {
        // Most are: the same square as its shape is, without a path.
        const [inset, side] = [0.22 * box, 0.56 * box];
        for (let n = 0; n < list.length; n += 2) c.fillRect((list[n] ?? 0) + inset, (list[n + 1] ?? 0) + inset, side, side);
        continue;
      }
      for (let n = 0; n < list.length; n += 2) {
        const [px = 0, py = 0] = [list[n], list[n + 1]];
        c.translate(px, py);
        c.fill(path);
        c.translate(-px, -py);
      }
    }
    const cursor = document.activeElement === this.scroll ? this.cursor : null;
    for (const spot of [this.spot, cursor]) {
      if (spot === null) continue;
      c.strokeStyle = this.colour("accent");
      c.lineWidth = 2;
      const [from = 0, to = 0] = [layout.edges[spot.column], layout.edges[spot.column + 1]];
      c.strokeRect(dx + from + 1, dy + spot.row * layout.rowHeight + 1, to - from - 2, layout.rowHeight - 2);
    }
  }

  /**
   * A group's targets, by state: a bar, and how many of them are not current.
   * @param {CanvasRenderingContext2D} c
   * @param {ArrayLike<number>} counts
   * @param {number} total
   * @param {number} x @param {number} y @param {number} width @param {number} height
   */
  bar(c, counts, total, x, y, width, height) {
    const bad = total - (counts[0] ?? 0);
    const thick = bad === 0 ? 4 : 8;
    const top = Math.round(y + (height - thick) / 2);
    const long = bad === 0 ? width : width - 24;
    let at = x;
    for (const state of [4, 3, 1, 2, 0]) {
      const part = counts[state] ?? 0;
      if (part === 0) continue;
      // What is bad is seen, however little of it there is.
      const wide = Math.max(state === 0 ? 0 : 3, (part / total) * long);
      const right = Math.min(x + long, at + wide);
      c.fillStyle = this.colour(state === 0 ? "quiet" : (STATES[state] ?? "current"));
      c.fillRect(at, top, Math.max(0, right - at - (state === 0 ? 0 : 1)), thick);
      at = right;
    }
    if (bad > 0) {
      const state = STATES[worst(counts)] ?? "current";
      const path = this.path(state, 10);
      c.fillStyle = this.colour(state);
      c.translate(x + long + 3, y + height / 2 - 5);
      c.fill(path);
      c.translate(-(x + long + 3), -(y + height / 2 - 5));
      c.fillStyle = this.colour("ink");
      c.textAlign = "left";
      c.fillText(bad > 99 ? "…" : String(bad), x + long + 15, y + height / 2 + 1);
    }
  }

  /**
   * @param {CanvasRenderingContext2D} c
   * @param {{ rows: number[], columns: number[] }} seen
   * @param {number} dx
   * @param {number} left
   * @param {number} top
   * @param {number} width
   */
  columnHeads(c, seen, dx, left, top, width) {
    const { layout } = this;
    if (layout === null) return;
    c.save();
    c.beginPath();
    c.rect(left, 0, width - left, top);
    c.clip();
    c.fillStyle = this.colour("surface");
    c.fillRect(left, 0, width - left, top);
    const active = this.active();
    const sans = this.colour("sans");
    const [from = 0, to = 0] = seen.columns;
    c.textBaseline = "alphabetic";
    c.textAlign = "left";
    let group = "";
    for (let n = from; n < to; n++) {
      const column = layout.columns[n];
      if (column === undefined) continue;
      const x = dx + (layout.edges[n] ?? 0);
      if (active?.column === n) {
        c.fillStyle = this.colour("hover");
        c.fillRect(x, 0, (layout.edges[n + 1] ?? 0) - (layout.edges[n] ?? 0), top);
      }
      if (this.spot?.column === n) {
        c.fillStyle = this.colour("chosen");
        c.fillRect(x, 0, (layout.edges[n + 1] ?? 0) - (layout.edges[n] ?? 0), top);
      }
      c.fillStyle = this.colour(active?.column === n || this.spot?.column === n ? "ink" : "soft");
      if (layout.isWide(column)) {
        group = "";
        const alone = column.group === "";
        c.font = `${alone ? 400 : 600} 11px ${sans}`;
        c.fillText(this.fit(c, column.label, GROUP - 12), x + 8, top - 25);
        c.fillStyle = this.colour("faint");
        c.font = `11px ${sans}`;
        if (!alone) c.fillText(`${column.members.length} ns`, x + 8, top - 10);
        continue;
      }
      if (column.inGroup !== "" && column.inGroup !== group) this.band(c, n, dx, left);
      group = column.inGroup;
      c.fillStyle = this.colour(active?.column === n || this.spot?.column === n ? "ink" : "soft");
      const label = column.label;
      if (layout.cell < 14 && active?.column !== n && n % 2 === 1) continue;
      c.save();
      c.translate(x + layout.cell / 2 + 3, top - 8);
      c.rotate(-Math.PI / 3.2);
      c.font = `11px ${sans}`;
      const room = top - 14 - (column.inGroup === "" ? 0 : BAND);
      c.fillText(this.fit(c, label, room * 1.18), 0, 0);
      c.restore();
    }
    c.restore();
  }

  /**
   * The name of an opened group over its namespaces, as far as these are seen.
   * @param {CanvasRenderingContext2D} c
   * @param {number} n  Its first column that is seen.
   * @param {number} dx
   * @param {number} left
   */
  band(c, n, dx, left) {
    const { layout } = this;
    const name = layout?.columns[n]?.inGroup;
    if (!layout || !name) return;
    let end = n;
    while (layout.columns[end]?.inGroup === name) end++;
    const [from, to] = [Math.max(left, dx + (layout.edges[n] ?? 0)) + 3, dx + (layout.edges[end] ?? 0) - 3];
    c.fillStyle = this.colour("accent");
    c.fillRect(from, BAND - 3, to - from, 2);
    c.font = `600 11px ${this.colour("sans")}`;
    c.fillText(this.fit(c, name, Math.max(20, to - from)), from, BAND - 8);
  }

  /**
   * @param {CanvasRenderingContext2D} c
   * @param {{ rows: number[], columns: number[] }} seen
   * @param {number} dy
   * @param {number} left
   * @param {number} top
   * @param {number} height
   */
  rowHeads(c, seen, dy, left, top, height) {
    const { layout } = this;
    if (layout === null) return;
    c.save();
    c.beginPath();
    c.rect(0, top, left, height - top);
    c.clip();
    c.fillStyle = this.colour("surface");
    c.fillRect(0, top, left, height - top);
    const active = this.active();
    const [from = 0, to = 0] = seen.rows;
    const sans = this.colour("sans");
    c.textBaseline = "middle";
    c.textAlign = "left";
    for (let n = from; n < to; n++) {
      const source = layout.rows[n];
      if (source === undefined) continue;
      const y = dy + n * layout.rowHeight;
      const isChosen = this.chosen === `${source.kind}:${source.key}` || this.spot?.row === n;
      if (active?.row === n || isChosen) {
        c.fillStyle = this.colour(isChosen ? "chosen" : "hover");
        c.fillRect(0, y, left, layout.rowHeight);
      }
      const middle = y + layout.rowHeight / 2 + 0.5;
      const slash = source.key.indexOf("/");
      const narrow = left < 200;
      c.font = `500 12px ${sans}`;
      const [namespace, name] = source.key === "" ? ["", "no source"] : [source.key.slice(0, slash + 1), source.key.slice(slash + 1)];
      const long = this.wide(c, name);
      let x = narrow ? 10 : 16;
      if (!narrow) {
        c.fillStyle = this.colour("faint");
        c.font = `10px ${sans}`;
        c.fillText(source.kind === "ConfigMap" ? "CM" : source.kind.slice(0, 3), x, middle);
        x += 30;
        if (namespace !== "") {
          // The name comes first: the namespace has what it leaves, but a third in any case.
          const room = left - x - 14;
          const rest = Math.max(room * 0.3, room - long - 6);
          c.font = `12px ${sans}`;
          const text = this.fit(c, namespace, rest);
          c.fillStyle = this.colour("faint");
          c.fillText(text, x, middle);
          x += this.wide(c, text) + 1;
        }
      }
      c.font = `500 12px ${sans}`;
      c.fillStyle = this.colour(source.key === "" ? "faint" : "ink");
      c.fillText(this.fit(c, name, left - x - 12), x, middle);
    }
    c.restore();
  }

  /**
   * How wide a text is. Measured once.
   * @param {CanvasRenderingContext2D} c
   * @param {string} text
   */
  wide(c, text) {
    const key = `${c.font} ${text}`;
    let wide = this.widths.get(key);
    if (wide === undefined) {
      wide = c.measureText(text).width;
      this.widths.set(key, wide);
    }
    return wide;
  }

  /**
   * @param {CanvasRenderingContext2D} c
   * @param {string} text
   * @param {number} width
   */
  fit(c, text, width) {
    const key = `${c.font} ${Math.round(width)} ${text}`;
    let found = this.texts.get(key);
    if (found === undefined) {
      found = fitted(text, width, (it) => c.measureText(it).width);
      this.texts.set(key, found);
    }
    return found;
  }

  /**
   * @param {string} state
   * @param {number} size
   */
  path(state, size) {
    const key = `${state} ${size}`;
    let path = this.paths.get(key);
    if (path === undefined) {
      path = new Path2D(shape(/** @type {any} */ (state), size));
      this.paths.set(key, path);
    }
    return path;
  }

  active() {
    return this.hovered ?? (document.activeElement === this.scroll ? this.cursor : null);
  }

  /** Where a pointer is. @param {{ clientX: number, clientY: number }} event */
  locate({ clientX, clientY }) {
    const { layout, scroll } = this;
    if (layout === null) return null;
    const box = scroll.getBoundingClientRect();
    const { left, top } = this.head;
    const [x, y] = [clientX - box.left, clientY - box.top];
    const row = y < top ? -1 : layout.rowAt(y - top + scroll.scrollTop);
    const column = x < left ? -1 : layout.columnAt(x - left + scroll.scrollLeft);
    return { row, column, x, y };
  }

  /** @param {PointerEvent} event */
  point(event) {
    const at = this.locate(event);
    this.hover(at);
    if (at === null || this.layout === null || this.model === null) return;
    const cell = at.row >= 0 && at.column >= 0 ? this.layout.at(at.row, at.column) : undefined;
    const head = at.row < 0 && at.column >= 0 ? this.layout.columns[at.column] : undefined;
    const source = at.column < 0 && at.row >= 0 ? this.layout.rows[at.row] : undefined;
    this.scroll.classList.toggle("points", cell !== undefined || head !== undefined || (source !== undefined && source.key !== ""));
    const words = cell !== undefined ? this.describe(cell) : head !== undefined ? this.describeHead(head) : source !== undefined && source.key !== "" ? [source.key, count(source.targets, "target")] : null;
    if (words === null) {
      this.tip.hidden = true;
      return;
    }
    this.tip.replaceChildren(h("strong", null, words[0]), ...words.slice(1).map((line) => h("span", null, line)));
    this.tip.hidden = false;
    const wide = this.element.clientWidth;
    const x = Math.min(at.x + 14, Math.max(4, wide - this.tip.offsetWidth - 4));
    const y = at.y + 18 + this.tip.offsetHeight > this.element.clientHeight ? at.y - this.tip.offsetHeight - 10 : at.y + 18;
    this.tip.style.setProperty("transform", `translate(${Math.round(x)}px, ${Math.round(Math.max(0, y))}px)`);
  }

  /** What a column is, in lines. @param {import("./layout.js").Column} column */
  describeHead({ label, group, inGroup, members }) {
    const of = (/** @type {string} */ text) => (this.layout?.by == null || text.startsWith("no ") ? text : `${this.layout.by.key}=${text}`);
    if (group !== "") return [of(label), `${count(members.length, "namespace")}. Click: one by one`];
    return inGroup !== "" ? [label, `Of ${of(inGroup)}. Click: together again`] : [label, "Click: this namespace alone"];
  }

  /** What a cell is, in lines. @param {import("./layout.js").Cell} cell */
  describe(cell) {
    const { model, layout } = this;
    if (model === null || layout === null) return [""];
    const column = layout.columns[cell.column];
    const from = layout.rows[cell.row]?.key;
    const states = cell.counts.map((n, state) => (n === 0 ? "" : `${n} ${STATES[state]}`)).filter((text) => text !== "").reverse();
    if (cell.total > 1) return [column?.label ?? "", `${count(cell.total, "target")}: ${states.join(", ")}`, from ? `from ${from}` : ""];
    const row = model.row(cell.first);
    return [row.target, `${STATES[row.state] ?? ""}${row.reason === null ? "" : ` · ${row.reason}`}`, from ? `from ${from}` : ""];
  }

  /** @param {Spot | null} spot */
  hover(spot) {
    const was = this.hovered;
    this.hovered = spot === null ? null : { row: spot.row, column: spot.column };
    if (spot === null) this.tip.hidden = true;
    if (was?.row !== this.hovered?.row || was?.column !== this.hovered?.column) this.draw();
  }

  /** @param {PointerEvent} event */
  click(event) {
    const at = this.locate(event);
    if (at === null || this.layout === null) return;
    this.enter(at);
  }

  /** @param {Spot} at */
  enter({ row, column }) {
    const { layout } = this;
    if (layout === null) return;
    const [source, head] = [layout.rows[row], layout.columns[column]];
    if (row < 0 && head !== undefined) {
      if (head.group !== "" || head.inGroup !== "") this.listener.toggle(head.group || head.inGroup);
      else this.listener.namespace(head.label);
    } else if (column < 0 && source !== undefined) {
      if (source.key !== "") this.listener.source(source);
    } else {
      const cell = layout.at(row, column);
      if (cell === undefined) return;
      this.cursor = { row, column };
      if (cell.total > 1 && head !== undefined && head.group !== "") this.listener.toggle(head.group);
      else this.listener.open(cell);
    }
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { layout } = this;
    if (layout === null || layout.rows.length === 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const [rows, columns] = [layout.rows.length - 1, layout.columns.length - 1];
    const at = this.cursor ?? { row: 0, column: -1 };
    const page = Math.max(1, Math.floor(this.scroll.clientHeight / layout.rowHeight) - 4);
    /** @type {Record<string, () => Spot>} */
    const moves = {
      ArrowDown: () => ({ ...at, row: Math.min(rows, at.row + 1) }),
      ArrowUp: () => ({ ...at, row: Math.max(0, at.row - 1) }),
      ArrowRight: () => ({ ...at, column: this.next(at, 1) ?? at.column }),
      ArrowLeft: () => ({ ...at, column: this.next(at, -1) ?? at.column }),
      PageDown: () => ({ ...at, row: Math.min(rows, at.row + page) }),
      PageUp: () => ({ ...at, row: Math.max(0, at.row - page) }),
      Home: () => ({ row: event.shiftKey ? 0 : at.row, column: this.next({ ...at, column: -1 }, 1) ?? 0 }),
      End: () => ({ row: event.shiftKey ? rows : at.row, column: this.next({ ...at, column: columns + 1 }, -1) ?? columns }),
    };
    const move = moves[event.key];
    if (move !== undefined) {
      event.preventDefault();
      this.cursor = move();
      if (this.cursor.column < 0) this.cursor.column = this.next({ ...this.cursor, column: -1 }, 1) ?? 0;
      this.reveal(this.cursor);
      const cell = layout.at(this.cursor.row, this.cursor.column);
      this.said.textContent = cell === undefined ? `${layout.rows[this.cursor.row]?.key ?? ""}: nothing in ${layout.columns[this.cursor.column]?.label ?? ""}` : this.describe(cell).join(", ");
      this.draw();
    } else if ((event.key === "Enter" || event.key === " ") && this.cursor !== null) {
      event.preventDefault();
      const cell = layout.at(this.cursor.row, this.cursor.column);
      if (cell !== undefined) this.enter(this.cursor);
    } else if (event.key === "s" && this.cursor !== null) {
      const source = layout.rows[this.cursor.row];
      if (source !== undefined && source.key !== "") this.listener.source(source);
    }
  }

  /**
   * The next column in which the row has a target.
   * @param {Spot} at
   * @param {1 | -1} step
   */
  next({ row, column }, step) {
    const { layout } = this;
    if (layout === null) return null;
    const n = step === 1 ? layout.from(row, column + 1) : layout.from(row, column) - 1;
    return n < (layout.begins[row] ?? 0) || n >= (layout.begins[row + 1] ?? 0) ? null : (layout.column[n] ?? null);
  }

  /** @param {Spot} spot */
  reveal({ row, column }) {
    const { layout, scroll } = this;
    if (layout === null) return;
    const { left, top } = this.head;
    const [x, y] = [layout.edges[column] ?? 0, row * layout.rowHeight];
    const wide = (layout.edges[column + 1] ?? 0) - x;
    if (x < scroll.scrollLeft) scroll.scrollLeft = x;
    else if (x + wide > scroll.scrollLeft + scroll.clientWidth - left) scroll.scrollLeft = x + wide - scroll.clientWidth + left;
    if (y < scroll.scrollTop) scroll.scrollTop = y;
    else if (y + layout.rowHeight > scroll.scrollTop + scroll.clientHeight - top) scroll.scrollTop = y + layout.rowHeight - scroll.clientHeight + top;
  }
}

/** @param {ArrayLike<number>} counts */
function worst(counts) {
  for (const state of [4, 3, 1, 2]) {
    if ((counts[state] ?? 0) > 0) return state;
  }
  return 0;
}
