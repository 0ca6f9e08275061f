// The same targets as rows: a grid for the keyboard and for screen readers. Only the rows that are seen are in the document.

import { h } from "./dom.js";
import { STATES } from "./states.js";
import { glyph, keyed } from "./parts.js";
import { age, shortened, spoken } from "./words.js";
import { natural } from "./layout.js";
import { rank } from "./states.js";

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
  const short = key.slice(0, slash + 1) + shortened(key.slice(slash + 1), LONG);
  const element = keyed(short);
  element.title = key;
  return element;
}

export class Table {
  /** @param {(row: number) => void} open */
  constructor(open) {
    this.open = open;
    this.rows = new Uint32Array();
    /** @type {Model | null} */
    this.model = null;
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
    const list = Array.from(rows);
    // Names compare by number: each distinct one is compared with the others once.
    const place = (/** @type {string[]} */ texts) => {
      const order = texts.map((_, n) => n).sort((a, b) => natural(texts[a] ?? "", texts[b] ?? ""));
      const places = new Uint32Array(texts.length);
      order.forEach((text, n) => (places[text] = n));
      return places;
    };
    const [namespaces, names] = [place(model.namespaces.list), place(model.names.list)];
    const asks = (/** @type {number} */ row) => (order === "problems" ? rank(model.state[row] ?? 0) : 0);
    list.sort((a, b) => asks(a) - asks(b) ||
      (namespaces[model.namespace[a] ?? 0] ?? 0) - (namespaces[model.namespace[b] ?? 0] ?? 0) ||
      (names[model.name[a] ?? 0] ?? 0) - (names[model.name[b] ?? 0] ?? 0));
    this.rows = Uint32Array.from(list);
    this.at = Math.min(this.at, Math.max(0, list.length - 1));
    this.grid.setAttribute("aria-rowcount", String(list.length + 1));
    this.body.style.setProperty("height", `${Math.min(list.length, MOST) * HEIGHT}px`);
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
    /** @type {Map<number, HTMLElement>} */
    const there = new Map();
    for (const child of [...this.body.children]) {
      const n = Number(child.getAttribute("data-n"));
      if (anew || !wanted.has(n)) child.remove();
      else there.set(n, /** @type {HTMLElement} */ (child));
    }
    if (rows.length > 0) {
      for (const n of [...wanted].sort((a, b) => a - b)) {
        if (!there.has(n)) this.body.append(this.row(model, n));
      }
    }
    if (focused) this.focus(false);
  }

  /**
   * @param {Model} model
   * @param {number} n
   */
  row(model, n) {
    const row = model.row(this.rows[n] ?? 0);
    const state = STATES[row.state] ?? "current";
    const since = row.since === null || row.state === 0 ? "" : age(model.now(Date.now()) - row.since);
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
