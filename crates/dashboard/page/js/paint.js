// How the matrix is drawn on its canvas: only what is seen of it. What people do with it is in `matrix.js`.

import { GROUP } from "./layout.js";
import { STATES, shape } from "./states.js";
import { count, fitted } from "./words.js";

/**
 * @typedef {{ row: number, column: number }} Spot
 *
 * @typedef {object} Scene  What is to be drawn.
 * @property {import("./layout.js").Layout} layout
 * @property {number} width   Of the canvas.
 * @property {number} height
 * @property {number} left    Where the heads of rows end.
 * @property {number} top     Where the heads of columns end.
 * @property {number} x       How far it is scrolled.
 * @property {number} y
 * @property {Spot | null} active  What the pointer is on, or else the cursor.
 * @property {Spot | null} cursor
 * @property {string} chosen       The source that is open, as `kind:key`.
 * @property {Spot | null} spot    Where the target is that is open.
 *
 * @typedef {{ rows: number[], columns: number[] }} Seen
 */

const GAP = 1;
/** Where the names of opened groups stand, above their namespaces'. */
export const BAND = 22;
/** So many texts are remembered. */
const MOST = 20_000;

export class Painter {
  /** @param {Element} element  Whose style has the colours. */
  constructor(element) {
    this.element = element;
    /** @type {Record<string, string>} */
    this.colours = {};
    /** @type {Map<string, Path2D>} */
    this.paths = new Map();
    /** @type {Map<string, string>} */
    this.texts = new Map();
    /** @type {Map<string, number>} */
    this.widths = new Map();
  }

  /** The colours are others now. */
  restyle() {
    this.colours = {};
  }

  /** @param {string} name */
  colour(name) {
    let colour = this.colours[name];
    if (colour === undefined) {
      colour = getComputedStyle(this.element).getPropertyValue(`--${name}`).trim();
      this.colours[name] = colour;
    }
    return colour;
  }

  /** @param {CanvasRenderingContext2D} c @param {Scene} scene */
  paint(c, scene) {
    const { layout, width, height, left, top, x, y } = scene;
    if (this.texts.size > MOST) this.texts.clear();
    if (this.widths.size > MOST) this.widths.clear();
    c.fillStyle = this.colour("surface");
    c.fillRect(0, 0, width, height);
    const seen = layout.seen(x, y, width - left, height - top);
    c.save();
    c.beginPath();
    c.rect(left, top, width - left, height - top);
    c.clip();
    this.cells(c, scene, seen);
    c.restore();
    this.columnHeads(c, scene, seen);
    this.rowHeads(c, scene, seen);
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
   * @param {Scene} scene
   * @param {Seen} seen
   */
  cells(c, scene, seen) {
    const { layout } = scene;
    const [dx, dy] = [scene.left - scene.x, scene.top - scene.y];
    const [fromRow = 0, toRow = 0] = seen.rows;
    const [fromColumn = 0, toColumn = 0] = seen.columns;
    const active = scene.active;
    if (active !== null) {
      c.fillStyle = this.colour("hover");
      c.fillRect(0, dy + active.row * layout.rowHeight, 1e5, layout.rowHeight);
      if (active.column >= 0) c.fillRect(dx + (layout.edges[active.column] ?? 0), 0, layout.wide(active.column), 1e5);
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
    for (const spot of [scene.spot, scene.cursor]) {
      if (spot === null) continue;
      c.strokeStyle = this.colour("accent");
      c.lineWidth = 2;
      c.strokeRect(dx + (layout.edges[spot.column] ?? 0) + 1, dy + spot.row * layout.rowHeight + 1, layout.wide(spot.column) - 2, layout.rowHeight - 2);
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
   * @param {Scene} scene
   * @param {Seen} seen
   */
  columnHeads(c, scene, seen) {
    const { layout, left, top, width } = scene;
    const dx = left - scene.x;
    c.save();
    c.beginPath();
    c.rect(left, 0, width - left, top);
    c.clip();
    c.fillStyle = this.colour("surface");
    c.fillRect(left, 0, width - left, top);
    const active = scene.active;
    const sans = this.colour("sans");
    const [from = 0, to = 0] = seen.columns;
    c.textBaseline = "alphabetic";
    c.textAlign = "left";
    // Names lean over their neighbours' heads: so first what is behind all of them.
    for (const [column, colour] of /** @type {const} */ ([[active?.column ?? -1, "hover"], [scene.spot?.column ?? -1, "chosen"]])) {
      if (column < 0) continue;
      c.fillStyle = this.colour(colour);
      c.fillRect(dx + (layout.edges[column] ?? 0), 0, layout.wide(column), top);
    }
    let group = "";
    for (let n = from; n < to; n++) {
      const column = layout.columns[n];
      if (column === undefined) continue;
      const x = dx + (layout.edges[n] ?? 0);
      c.fillStyle = this.colour(active?.column === n || scene.spot?.column === n ? "ink" : "soft");
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
      if (column.inGroup !== "" && column.inGroup !== group) this.band(c, scene, n);
      group = column.inGroup;
      c.fillStyle = this.colour(active?.column === n || scene.spot?.column === n ? "ink" : "soft");
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
   * @param {Scene} scene
   * @param {number} n  Its first column that is seen.
   */
  band(c, scene, n) {
    const { layout, left } = scene;
    const name = layout.columns[n]?.inGroup;
    if (!name) return;
    let end = n;
    while (layout.columns[end]?.inGroup === name) end++;
    const at = (/** @type {number} */ column) => left - scene.x + (layout.edges[column] ?? 0);
    const [from, to] = [Math.max(left, at(n)) + 3, at(end - 1) + layout.cell - 3];
    c.fillStyle = this.colour("accent");
    c.fillRect(from, BAND - 3, to - from, 2);
    c.font = `600 11px ${this.colour("sans")}`;
    c.fillText(this.fit(c, name, Math.max(20, to - from)), from, BAND - 8);
  }

  /**
   * @param {CanvasRenderingContext2D} c
   * @param {Scene} scene
   * @param {Seen} seen
   */
  rowHeads(c, scene, seen) {
    const { layout, left, top, height } = scene;
    const dy = top - scene.y;
    c.save();
    c.beginPath();
    c.rect(0, top, left, height - top);
    c.clip();
    c.fillStyle = this.colour("surface");
    c.fillRect(0, top, left, height - top);
    const active = scene.active;
    const [from = 0, to = 0] = seen.rows;
    const sans = this.colour("sans");
    c.textBaseline = "middle";
    c.textAlign = "left";
    for (let n = from; n < to; n++) {
      const source = layout.rows[n];
      if (source === undefined) continue;
      const y = dy + n * layout.rowHeight;
      const isChosen = scene.chosen === `${source.kind}:${source.key}` || scene.spot?.row === n;
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
}

/** @param {ArrayLike<number>} counts */
function worst(counts) {
  for (const state of [4, 3, 1, 2]) {
    if ((counts[state] ?? 0) > 0) return state;
  }
  return 0;
}
