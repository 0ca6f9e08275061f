// Where everything is on the matrix: rows are sources, columns are namespaces or groups of them. Pure; no DOM.

import { natural, ordered } from "./order.js";
import { rank, STATES } from "./states.js";

/**
 * @typedef {import("./model.js").Model} Model
 *
 * @typedef {object} Column
 * @property {string} label      The namespace, or what the group's have in common: the beginning of their names, or a label's value.
 * @property {string} group      What names the group; nothing: a namespace.
 * @property {string} inGroup    The opened group that the namespace is of; nothing: none.
 * @property {number[]} members  Namespaces, by number.
 *
 * @typedef {object} By  What groups namespaces besides their names: a label.
 * @property {string} key
 * @property {ReadonlyMap<string, string>} values  By namespace.
 *
 * @typedef {object} SourceRow
 * @property {string} kind
 * @property {string} key      `namespace/name`; nothing: no source is known.
 * @property {number} worst    The rank of its worst state.
 * @property {number} targets
 *
 * @typedef {object} Cell
 * @property {number} row
 * @property {number} column
 * @property {number[]} counts  By state.
 * @property {number} total
 * @property {number} first     A row of the model, of the worst state.
 */

/** The sizes of a cell that one can zoom to. */
export const SIZES = [11, 14, 18, 22, 28, 36];
/** A group needs room for its name and a bar. */
export const GROUP = 82;
/** So many groups with names that mean something are better than fewer without, also where one has to scroll. */
const PLENTY = 26;

/** @param {number} zoom */
export function size(zoom) {
  return SIZES[Math.max(0, Math.min(SIZES.length - 1, zoom))] ?? 18;
}

/**
 * Names in groups, where there are more than `capacity` of them: those with the same beginning are one.
 *
 * What stands before the first dash groups them; then the largest group is split at its next dash for as long as there is room. Where
 * that says nothing (ns-1, ns-2, …, or no two alike), groups are runs.
 * @param {string[]} names  In order.
 * @param {number} capacity
 * @returns {{ label: string, names: string[] }[]}
 */
export function group(names, capacity) {
  const most = Math.max(1, capacity);
  if (names.length <= most) return names.map((name) => ({ label: name, names: [name] }));
  /** @type {{ names: string[], prefix: string, done: boolean }[]} */
  let groups = split(names, "");
  if (groups.length > Math.max(most, PLENTY)) groups = runs(names, most);
  for (;;) {
    const largest = groups.filter((it) => !it.done && it.names.length > 1).sort((a, b) => b.names.length - a.names.length)[0];
    if (largest === undefined) break;
    const pieces = split(largest.names, largest.prefix);
    // Where nearly all begin alike, that tells nothing yet.
    const tells = pieces.length < largest.names.length;
    const limit = tells && largest.names.length > names.length / 2 ? Math.max(most, PLENTY) : most;
    const room = limit - groups.length + 1;
    if (pieces.length <= room) {
      groups = groups.flatMap((it) => (it === largest ? pieces : [it]));
      continue;
    }
    largest.done = true;
    // One that holds most of all tells nothing: runs of it do.
    const fair = names.length / most;
    if (largest.names.length >= 2 * fair && room > 1) {
      const pieces = runs(largest.names, Math.min(room, Math.ceil(largest.names.length / fair)));
      groups = groups.flatMap((it) => (it === largest ? pieces : [it]));
    }
  }
  return groups.map((it) => ({ label: label(it.names, it.prefix), names: it.names }));
}

/**
 * @param {string[]} names
 * @param {number} count
 */
function runs(names, count) {
  const long = Math.ceil(names.length / count);
  const found = [];
  for (let at = 0; at < names.length; at += long) found.push({ names: names.slice(at, at + long), prefix: "", done: true });
  return found;
}

/**
 * @param {string[]} names
 * @param {string} prefix
 */
function split(names, prefix) {
  /** @type {Map<string, string[]>} */
  const pieces = new Map();
  for (const name of names) {
    const dash = name.indexOf("-", prefix.length);
    const key = dash < 0 ? name : name.slice(0, dash + 1);
    const piece = pieces.get(key);
    if (piece === undefined) pieces.set(key, [name]);
    else piece.push(name);
  }
  return [...pieces].map(([key, piece]) => ({ names: piece, prefix: piece.length === 1 ? (piece[0] ?? key) : key, done: false }));
}

/**
 * @param {string[]} names
 * @param {string} prefix
 */
function label(names, prefix) {
  const [first = "", last = ""] = [names[0], names[names.length - 1]];
  if (names.length === 1) return first;
  if (prefix !== "") return `${prefix}*`;
  return `${first} … ${last}`;
}

/**
 * Namespaces in groups, by the value of a label; those without it are the last one.
 * @param {string[]} names  In order.
 * @param {By} by
 * @returns {{ label: string, names: string[] }[]}
 */
export function byLabel(names, { key, values }) {
  /** @type {Map<string, string[]>} */
  const groups = new Map();
  // No value has a space or a quote.
  const none = `no ${key}`;
  for (const name of names) {
    const value = values.get(name);
    const label = value === undefined ? none : value === "" ? '""' : value;
    const group = groups.get(label);
    if (group === undefined) groups.set(label, [name]);
    else group.push(name);
  }
  const last = (/** @type {string} */ label) => Number(label === none);
  return [...groups].sort(([a], [b]) => last(a) - last(b) || natural(a, b)).map(([label, names]) => ({ label, names }));
}

/**
 * The columns: all namespaces of these rows, grouped where they do not fit, or by a label.
 * @param {Model} model
 * @param {Uint32Array} rows
 * @param {number} width   For the columns.
 * @param {number} cell    The size of one cell.
 * @param {string[]} opened
 * @param {boolean} groups  Whether those that do not fit are grouped.
 * @param {By | null} by    What groups them in any case.
 */
export function columns(model, rows, width, cell, opened, groups, by = null) {
  const used = new Uint8Array(model.namespaces.list.length);
  for (const row of rows) used[model.namespace[row] ?? 0] = 1;
  const names = model.namespaces.inOrder().filter((number) => used[number] === 1).map((number) => model.namespaces.text(number));
  const fits = names.length * cell <= width;
  const found = by !== null ? byLabel(names, by) : group(names, fits || !groups ? names.length : Math.floor(width / GROUP));
  const number = (/** @type {string} */ name) => model.namespaces.numbers.get(name) ?? 0;
  /** @type {Column[]} */
  const list = found.flatMap((it) => {
    if (it.names.length === 1 && by === null) return [{ label: it.label, group: "", inGroup: "", members: it.names.map(number) }];
    if (!opened.includes(it.label)) return [{ label: it.label, group: it.label, inGroup: "", members: it.names.map(number) }];
    return it.names.map((name) => ({ label: name, group: "", inGroup: it.label, members: [number(name)] }));
  });
  return { fits, list };
}

export class Layout {
  /**
   * @param {Model} model
   * @param {Uint32Array} rows
   * @param {{ width: number, zoom: number, opened: string[], order: "problems" | "name", grouped: boolean, by?: By | null }} how
   *   `width`: for the columns
   */
  constructor(model, rows, { width, zoom, opened, order, grouped, by = null }) {
    this.model = model;
    this.by = by;
    this.cell = size(zoom);
    this.rowHeight = Math.max(this.cell, 20);
    const { fits, list } = columns(model, rows, width, this.cell, opened, grouped, by);
    this.columns = list;
    /** Whether all namespaces have room side by side. */
    this.fits = fits;
    /** Where each column begins, and where the last one ends. */
    this.edges = new Float64Array(this.columns.length + 1);
    this.grouped = this.columns.some((column) => column.group !== "" || column.inGroup !== "");
    this.columns.forEach((column, n) => {
      const next = this.columns[n + 1];
      // Names that lean need room before a head that does not.
      const lean = next !== undefined && this.isWide(next) && !this.isWide(column) ? 18 : 0;
      this.edges[n + 1] = (this.edges[n] ?? 0) + (this.isWide(column) ? GROUP : this.cell + lean);
    });
    const ofNamespace = new Int32Array(model.namespaces.list.length).fill(-1);
    this.columns.forEach((column, n) => column.members.forEach((member) => (ofNamespace[member] = n)));

    // The sources, each with its worst state.
    const none = model.sources.list.length;
    const [targets, worst] = [new Uint32Array(none + model.kinds.length), new Uint8Array(none + model.kinds.length).fill(9)];
    const ranks = Uint8Array.from(STATES, (_, state) => rank(state));
    // By the model's row: its slot, then its row here. (Plain loops over numbers: there may be 100,000 of them, for each frame.)
    const rowOf = new Int32Array(model.length).fill(-1);
    for (let n = 0; n < rows.length; n++) {
      const row = rows[n] ?? 0;
      const source = model.source[row] ?? 0;
      const at = source === 0 ? none + (model.kind[row] ?? 0) : source - 1;
      const worse = ranks[model.state[row] ?? 0] ?? 9;
      rowOf[row] = at;
      targets[at] = (targets[at] ?? 0) + 1;
      if (worse < (worst[at] ?? 9)) worst[at] = worse;
    }
    /** @type {(SourceRow & { slot: number })[]} */
    const sources = [];
    const add = (/** @type {number} */ at, /** @type {string} */ text) => {
      const count = targets[at] ?? 0;
      const space = text.indexOf(" ");
      if (count > 0) sources.push({ slot: at, kind: text.slice(0, space), key: text.slice(space + 1), worst: worst[at] ?? 9, targets: count });
    };
    for (const at of model.sources.inOrder()) add(at, model.sources.text(at));
    model.kinds.forEach((kind, n) => add(none + n, `${kind} `));
    // What waits goes by: it would make rows jump. Only what is refused or fails comes first.
    const asks = (/** @type {SourceRow} */ row) => (order === "problems" && row.worst < 2 ? row.worst : 2);
    sources.sort((a, b) => asks(a) - asks(b));
    /** @type {SourceRow[]} */
    this.rows = sources;
    const ofSlot = new Int32Array(none + model.kinds.length).fill(-1);
    sources.forEach((source, n) => (ofSlot[source.slot] = n));

    // The cells, one after the other: each row's have their places between two of `begins`, in the order of their columns.
    for (let n = 0; n < rows.length; n++) {
      const row = rows[n] ?? 0;
      rowOf[row] = ofSlot[rowOf[row] ?? 0] ?? -1;
    }
    const columnOf = (/** @type {number} */ row) => ofNamespace[model.namespace[row] ?? 0] ?? -1;
    const sorted = ordered(ordered(rows, this.columns.length, columnOf), sources.length, (row) => rowOf[row] ?? -1);
    this.begins = new Uint32Array(sources.length + 1);
    this.column = new Uint32Array(sorted.length);
    this.first = new Uint32Array(sorted.length);
    this.counts = new Uint32Array(sorted.length * STATES.length);
    let cell = -1;
    let atRow = -1;
    let atColumn = -1;
    let best = 9;
    for (let n = 0; n < sorted.length; n++) {
      const row = sorted[n] ?? 0;
      const r = rowOf[row] ?? -1;
      const c = columnOf(row);
      const state = model.state[row] ?? 0;
      if (r !== atRow || c !== atColumn) {
        cell++;
        while (atRow < r) this.begins[++atRow] = cell;
        atColumn = c;
        this.column[cell] = c;
        best = 9;
      }
      const at = cell * STATES.length + state;
      this.counts[at] = (this.counts[at] ?? 0) + 1;
      const worse = ranks[state] ?? 9;
      if (worse < best) {
        best = worse;
        this.first[cell] = row;
      }
    }
    while (atRow < sources.length) this.begins[++atRow] = cell + 1;

    /** The place of a row of the model, if it is among these. @type {(row: number) => { row: number, column: number } | null} */
    this.spot = (row) => {
      const r = rowOf[row] ?? -1;
      return r < 0 ? null : { row: r, column: columnOf(row) };
    };
    this.width = this.edges[this.columns.length] ?? 0;
    this.height = this.rows.length * this.rowHeight;
  }

  /**
   * Where that is here which another layout has at a place: the row of the same source, and the same column or, where that was opened,
   * put together or named otherwise, the one that has its first namespace. `null`: the row or the column is gone.
   * @param {Layout} from
   * @param {{ row: number, column: number }} at
   */
  find(from, at) {
    const [source, head] = [from.rows[at.row], from.columns[at.column]];
    if (source === undefined || head === undefined) return null;
    const row = this.rows.findIndex((it) => it.key === source.key && it.kind === source.kind);
    let column = this.columns.findIndex((it) => it.label === head.label && it.group === head.group);
    if (column < 0) {
      const first = from.model.namespaces.text(head.members[0] ?? 0);
      column = this.columns.findIndex((it) => it.members.some((member) => this.model.namespaces.text(member) === first));
    }
    return row < 0 || column < 0 ? null : { row, column };
  }

  /** Whether a column is as wide as a group: beside groups, its name stands as theirs do. @param {Column} column */
  isWide(column) {
    return column.group !== "" || (this.grouped && column.inGroup === "");
  }

  /** How wide a column's cells are. @param {number} n */
  wide(n) {
    const column = this.columns[n];
    return column !== undefined && this.isWide(column) ? GROUP : this.cell;
  }

  /** The number of the cell at a place, or of the first one after it in the row. @param {number} row @param {number} column */
  from(row, column) {
    let [low, high] = [this.begins[row] ?? 0, this.begins[row + 1] ?? 0];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.column[middle] ?? 0) < column) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** @param {number} row @param {number} column @returns {Cell | undefined} */
  at(row, column) {
    const n = this.from(row, column);
    if (row < 0 || n >= (this.begins[row + 1] ?? 0) || this.column[n] !== column) return undefined;
    const counts = Array.from(this.counts.subarray(n * STATES.length, (n + 1) * STATES.length));
    return { row, column, counts, total: counts.reduce((a, b) => a + b, 0), first: this.first[n] ?? 0 };
  }

  /** The column at a place; -1: none. @param {number} x */
  columnAt(x) {
    if (x < 0 || x >= this.width) return -1;
    let [low, high] = [0, this.columns.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.edges[middle] ?? 0) <= x) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The row at a place; -1: none. @param {number} y */
  rowAt(y) {
    const row = Math.floor(y / this.rowHeight);
    return row >= 0 && row < this.rows.length ? row : -1;
  }

  /**
   * The rows and columns that are seen: from, to (without).
   * @param {number} x @param {number} y @param {number} width @param {number} height
   */
  seen(x, y, width, height) {
    const last = this.columnAt(Math.min(this.width - 1, x + width));
    return {
      rows: [Math.max(0, Math.floor(y / this.rowHeight)), Math.min(this.rows.length, Math.ceil((y + height) / this.rowHeight))],
      columns: [Math.max(0, this.columnAt(Math.max(0, x))), last < 0 ? this.columns.length : last + 1],
    };
  }
}
