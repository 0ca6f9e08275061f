// The same targets as rows: a grid for the keyboard and for screen readers. Only the rows that are seen are in the document.

import { h } from "./dom.js";
import { glyph } from "./parts.js";
import { age, shortened, spoken } from "./words.js";
import { ordered } from "./order.js";
import { rank, STATES } from "./states.js";

/**
 * @typedef {import("./model.js").Model} Model
 */

const HEIGHT = 34;
/** Browsers do not scroll much further than 16 million pixels. */
const MOST = 400_000;
const LONG = 40;
const COLUMNS = ["State", "Target", "Source", "Reason", "For"];

/** A key in one line; where it does not fit its middle is left out, and the whole is its title. @param {string} key */
function whole(key) {
  const slash = key.indexOf("/");
  return h("span", { class: "key", title: key }, h("span", { class: "ns" }, key.slice(0, slash + 1)), h("span", { class: "name" }, shortened(key.slice(slash + 1), LONG)));
}

export class Table {
  /** @param {(row: number) => void} open */
  constructor(open) {
    this.open = open;
    /** @type {Uint32Array} */
    this.rows = new Uint32Array();
    /** @type {Model | null} */
    this.model = null;
    this.count = -1;
    this.at = 0;
    this.column = 1;
    this.chosen = "";
    this.body = h("div", { class: "rows", role: "rowgroup" });
    this.head = h("div", { class: "head", role: "rowgroup" },
      h("div", { role: "row", class: "tr", "aria-rowindex": 1 },
        ...COLUMNS.map((text, n) => h("div", { role: "columnheader", class: `td c${n}`, "aria-colindex": n + 1 }, text))));
    this.grid = h("div", {
      class: "grid",
      role: "grid",
      "aria-label": "Targets",
      "aria-colcount": COLUMNS.length,
      keydown: (/** @type {KeyboardEvent} */ event) => this.key(event),
    }, this.head, this.body);
    this.element = h("div", { class: "table", scroll: () => this.draw() }, this.grid);
    this.frame = 0;
    /** @type {Map<number, { element: HTMLElement, says: string }>} The rows that are in the document, and what each shows. */
    this.there = new Map();
  }

  /**
   * @param {Model} model
   * @param {Uint32Array} rows
   * @param {"problems" | "name"} order
   * @param {string} chosen
   */
  show(model, rows, order, chosen) {
    this.model = model;
    this.chosen = chosen;
    const [namespaces, names] = [model.namespaces.placed(), model.names.placed()];
    let list = ordered(rows, names.length, (row) => names[model.name[row] ?? 0] ?? 0);
    list = ordered(list, namespaces.length, (row) => namespaces[model.namespace[row] ?? 0] ?? 0);
    this.rows = order === "name" ? list : ordered(list, STATES.length, (row) => rank(model.state[row] ?? 0));
    this.at = Math.min(this.at, Math.max(0, list.length - 1));
    if (this.count !== list.length) {
      this.count = list.length;
      this.grid.setAttribute("aria-rowcount", String(list.length + 1));
      this.body.style.setProperty("height", `${Math.min(list.length, MOST) * HEIGHT}px`);
    }
    this.paint(true);
  }

  draw() {
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.paint(false));
  }

  /** @param {boolean} anew */
  paint(anew) {
    if (this.frame !== 0) cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { model, element, rows } = this;
    if (model === null) return;
    const from = Math.max(0, Math.floor(element.scrollTop / HEIGHT) - 6);
    const to = Math.min(rows.length, MOST, from + Math.ceil((element.clientHeight || 600) / HEIGHT) + 12);
    // The one that has the focus stays in the document, wherever it is scrolled to.
    const wanted = new Set([this.at]);
    for (let n = from; n < to; n++) wanted.add(n);
    const focused = this.body.contains(document.activeElement);
    for (const [n, { element, says }] of this.there) {
      if (wanted.has(n) && (!anew || says === this.says(model, n))) continue;
      element.remove();
      this.there.delete(n);
    }
    for (const n of rows.length > 0 ? [...wanted].sort((a, b) => a - b) : []) {
      if (this.there.has(n)) continue;
      const made = { element: this.row(model, n), says: this.says(model, n) };
      this.there.set(n, made);
      this.body.append(made.element);
    }
    if (focused) this.focus(false);
  }

  /** What a row shows, in one text: it is made anew where that is another. @param {Model} model @param {number} n */
  says(model, n) {
    if (n >= this.rows.length) return "";
    const row = model.row(this.rows[n] ?? 0);
    return [row.kind, row.target, row.source, row.state, row.reason, this.age(model, row), this.chosen === `${row.kind}:${row.target}`].join(" ");
  }

  /** @param {Model} model @param {import("./model.js").Row} row */
  age(model, row) {
    return row.since === null || row.state === 0 ? "" : age(model.now(Date.now()) - row.since);
  }

  /**
   * @param {Model} model
   * @param {number} n
   */
  row(model, n) {
    const row = model.row(this.rows[n] ?? 0);
    const state = STATES[row.state] ?? "current";
    const since = this.age(model, row);
    const cells = [
      [glyph(row.state), h("span", null, state)],
      [h("small", null, row.kind === "ConfigMap" ? "CM" : row.kind), whole(row.target)],
      [row.source === null ? "" : whole(row.source)],
      [row.reason === null ? "to be read" : h("span", { title: spoken(row.reason) }, row.reason)],
      [since],
    ];
    const isChosen = this.chosen === `${row.kind}:${row.target}`;
    const element = h("div", {
      role: "row",
      class: `tr is-${state}${isChosen ? " chosen" : ""}`,
      "aria-rowindex": n + 2,
      "aria-selected": isChosen ? "true" : "false",
      "data-n": n,
      click: () => {
        this.at = n;
        this.open(this.rows[n] ?? 0);
      },
    }, ...cells.map((content, column) => h("div", {
      role: "gridcell",
      class: `td c${column}`,
      "aria-colindex": column + 1,
      tabindex: n === this.at && column === this.column ? "0" : "-1",
      focus: () => this.moved(n, column),
    }, ...content)));
    element.style.setProperty("transform", `translateY(${n * HEIGHT}px)`);
    return element;
  }

  /** The focus came to a cell, by whatever way. @param {number} n @param {number} column */
  moved(n, column) {
    if (this.at === n && this.column === column) return;
    this.cell()?.setAttribute("tabindex", "-1");
    [this.at, this.column] = [n, column];
    this.cell()?.setAttribute("tabindex", "0");
  }

  cell() {
    const row = this.body.querySelector(`[data-n="${this.at}"]`);
    return /** @type {HTMLElement | null} */ (row?.children[this.column] ?? null);
  }

  /** @param {boolean} reveal */
  focus(reveal) {
    if (reveal) {
      const top = this.at * HEIGHT;
      const { element } = this;
      const room = element.clientHeight - HEIGHT;
      if (top < element.scrollTop) element.scrollTop = top;
      else if (top + HEIGHT > element.scrollTop + room) element.scrollTop = top + HEIGHT - room;
      this.paint(false);
    }
    this.cell()?.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.altKey || event.metaKey) return;
    const last = Math.max(0, Math.min(this.rows.length, MOST) - 1);
    const page = Math.max(1, Math.floor(this.element.clientHeight / HEIGHT) - 2);
    /** @type {Record<string, [number, number]>} */
    const moves = {
      ArrowDown: [Math.min(last, this.at + 1), this.column],
      ArrowUp: [Math.max(0, this.at - 1), this.column],
      ArrowRight: [this.at, Math.min(COLUMNS.length - 1, this.column + 1)],
      ArrowLeft: [this.at, Math.max(0, this.column - 1)],
      PageDown: [Math.min(last, this.at + page), this.column],
      PageUp: [Math.max(0, this.at - page), this.column],
      Home: [event.ctrlKey ? 0 : this.at, 0],
      End: [event.ctrlKey ? last : this.at, COLUMNS.length - 1],
    };
    const move = moves[event.key];
    if (move !== undefined) {
      event.preventDefault();
      this.cell()?.setAttribute("tabindex", "-1");
      [this.at, this.column] = move;
      this.focus(true);
      this.cell()?.setAttribute("tabindex", "0");
      this.cell()?.focus({ preventScroll: true });
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (this.rows.length > 0) this.open(this.rows[this.at] ?? 0);
    }
  }
}
