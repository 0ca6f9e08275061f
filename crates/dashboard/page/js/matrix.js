// The matrix, on one canvas that is as large as what is seen of it. It says nothing to a screen reader (the table does); the keyboard
// moves a cursor over it, and what the cursor is on is said.

import { h } from "./dom.js";
import { BAND, Painter } from "./paint.js";
import { STATES } from "./states.js";
import { count } from "./words.js";

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
    /** @type {import("./layout.js").Layout | null} */
    this.layout = null;
    /** @type {Spot | null} */
    this.cursor = null;
    /** @type {Spot | null} */
    this.hovered = null;
    this.chosen = "";
    /** @type {Spot | null} */
    this.spot = null;
    this.frame = 0;
    this.painter = new Painter(this.scroll);
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
   * @param {import("./layout.js").Layout} layout
   * @param {string} chosen  The source that is open.
   * @param {Spot | null} spot  Where the target is that is open.
   */
  show(model, layout, chosen, spot) {
    // Rows and columns come, go and change places while somebody looks: the cursor stays on what it was put on.
    if (this.cursor !== null && this.layout !== null) this.cursor = layout.find(this.layout, this.cursor);
    this.model = model;
    this.layout = layout;
    this.chosen = chosen;
    this.spot = spot;
    const { left, top } = this.head;
    this.space.style.setProperty("width", `${Math.ceil(left + layout.width + 12)}px`);
    this.space.style.setProperty("height", `${Math.ceil(top + layout.height + 8)}px`);
    this.draw();
  }

  restyle() {
    this.painter.restyle();
    this.draw();
  }

  /** Draws before the next frame. */
  draw() {
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.paint());
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
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    const cursor = document.activeElement === scroll ? this.cursor : null;
    const { chosen, spot } = this;
    this.painter.paint(c, { layout, width, height, ...this.head, x: scroll.scrollLeft, y: scroll.scrollTop, active: this.active(), cursor, chosen, spot });
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
    } else if (event.key === "g" && this.cursor !== null) {
      const head = layout.columns[this.cursor.column];
      if (head !== undefined && (head.group || head.inGroup) !== "") this.listener.toggle(head.group || head.inGroup);
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
