// What the page knows: all targets, by what the server says. Pure; no DOM.
//
// A snapshot comes in columns of numbers and is kept so: 100,000 targets are a few typed arrays. A frame changes rows, adds some, or
// takes some away (then the last row moves into the gap). Texts are kept once, by number.

import { natural } from "./order.js";
import { Texts } from "./texts.js";

export const PROTOCOL = 1;
const EXISTS = 1;
const PUSHED = 2;

/**
 * @typedef {object} Snapshot
 * @property {number} protocol
 * @property {string} version
 * @property {string} server
 * @property {string} prefix
 * @property {string} id
 * @property {number} now
 * @property {boolean} ready
 * @property {boolean | null} standby
 * @property {number} existing_namespaces
 * @property {number} namespaces_revision  Another one whenever the namespaces or their labels have changed.
 * @property {string[]} kinds
 * @property {string[]} reasons
 * @property {string[]} namespaces
 * @property {string[]} names
 * @property {number[]} sources
 * @property {{ kind: string, state: string, flags: string, namespace: number[], name: number[], source: number[], reason: number[], age: number[] }} rows
 * @property {Action[]} actions
 *
 * @typedef {object} Action
 * @property {number} at
 * @property {string} kind
 * @property {string} target
 * @property {string | null} source
 * @property {string} action
 * @property {string} reason
 * @property {string | null} error
 * @property {number} others
 *
 * @typedef {[number, string, string | null, number, string | null, number, number | null]} ChangedRow
 *
 * @typedef {object} Frame
 * @property {number} now
 * @property {ChangedRow[]} [rows]
 * @property {[number, string][]} [gone]
 * @property {Action[]} [actions]
 * @property {[number, number]} [namespaces]  How many exist, and the revision.
 * @property {boolean} [standby]
 *
 * @typedef {object} Row
 * @property {string} kind
 * @property {string} namespace
 * @property {string} name
 * @property {string} target
 * @property {string | null} source
 * @property {number} state
 * @property {string | null} reason
 * @property {boolean} exists
 * @property {boolean} pushed
 * @property {number | null} since
 */

/** Sources by their keys, then by their kinds. @param {string} a @param {string} b */
function bySource(a, b) {
  const key = (/** @type {string} */ text) => text.slice(text.indexOf(" ") + 1);
  return natural(key(a), key(b)) || natural(a, b);
}

/**
 * A column of numbers that grows.
 * @template {Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>} T
 * @param {T} array
 * @param {number} length
 * @returns {T}
 */
function grown(array, length) {
  if (length <= array.length) return array;
  const Kind = /** @type {new (length: number) => T} */ (array.constructor);
  const bigger = new Kind(Math.max(64, length * 2));
  bigger.set(array);
  return bigger;
}

export class Model {
  constructor() {
    this.ready = false;
    /** @type {boolean | null} */
    this.standby = null;
    this.version = "";
    this.server = "";
    this.prefix = "";
    this.existingNamespaces = 0;
    this.namespacesRevision = 0;
    /** The server's time, in seconds since 1970, when it last spoke, and the browser's then. */
    this.clock = { server: 0, here: 0 };
    /** @type {string[]} */
    this.kinds = [];
    this.namespaces = new Texts();
    this.names = new Texts();
    this.reasons = new Texts();
    /** Sources, as `kind namespace/name`. */
    this.sources = new Texts([], bySource);
    this.length = 0;
    this.kind = new Uint8Array();
    this.state = new Uint8Array();
    this.flags = new Uint8Array();
    this.namespace = new Uint32Array();
    this.name = new Uint32Array();
    /** From 1; 0: none is known. */
    this.source = new Uint32Array();
    /** From 1; 0: it is not known yet. */
    this.reason = new Uint32Array();
    /** In seconds since 1970; 0: not known. */
    this.since = new Float64Array();
    /** @type {Map<number, number>[]} Of each namespace, by kind and name, the row. */
    this.places = [];
    /** So many rows have their places there; the others get them when one is sought first. */
    this.placed = 0;
    /** @type {Action[]} The latest first. */
    this.actions = [];
    /** Another one after each change. */
    this.revision = 0;
  }

  /**
   * @param {Snapshot} snapshot
   * @param {number} here
   */
  static of(snapshot, here) {
    const model = new Model();
    const { rows } = snapshot;
    model.ready = snapshot.ready;
    model.standby = snapshot.standby;
    model.version = snapshot.version;
    model.server = snapshot.server;
    model.prefix = snapshot.prefix;
    model.existingNamespaces = snapshot.existing_namespaces;
    model.namespacesRevision = snapshot.namespaces_revision;
    model.clock = { server: snapshot.now, here };
    model.kinds = snapshot.kinds;
    model.namespaces = new Texts(snapshot.namespaces);
    model.names = new Texts(snapshot.names);
    model.reasons = new Texts(snapshot.reasons);
    const length = rows.kind.length;
    model.length = length;
    model.kind = digits(rows.kind);
    model.state = digits(rows.state);
    model.flags = digits(rows.flags);
    model.namespace = Uint32Array.from(rows.namespace);
    model.name = Uint32Array.from(rows.name);
    model.reason = Uint32Array.from(rows.reason);
    model.source = new Uint32Array(length);
    model.since = new Float64Array(length);
    // A source is of the kind of the row that names it.
    const perKind = snapshot.kinds.map(() => new Uint32Array(1 + snapshot.sources.length / 2));
    for (let row = 0; row < length; row++) {
      const age = rows.age[row] ?? 0;
      model.since[row] = age > 0 ? snapshot.now - (age - 1) : 0;
      const source = rows.source[row] ?? 0;
      if (source === 0) continue;
      const kind = model.kind[row] ?? 0;
      const known = perKind[kind];
      if (known === undefined) continue;
      let number = known[source] ?? 0;
      if (number === 0) {
        const namespace = model.namespaces.text(snapshot.sources[2 * source - 2] ?? 0);
        const name = model.names.text(snapshot.sources[2 * source - 1] ?? 0);
        number = 1 + model.sources.number(`${snapshot.kinds[kind] ?? ""} ${namespace}/${name}`);
        known[source] = number;
      }
      model.source[row] = number;
    }
    model.actions = snapshot.actions.slice().reverse();
    return model;
  }

  /**
   * @param {Frame} frame
   * @param {number} here
   */
  apply(frame, here) {
    this.clock = { server: frame.now, here };
    for (const row of frame.rows ?? []) this.set(row);
    for (const [kind, target] of frame.gone ?? []) this.remove(kind, target);
    if (frame.namespaces) [this.existingNamespaces, this.namespacesRevision] = frame.namespaces;
    if (frame.standby !== undefined) this.standby = frame.standby;
    if (frame.actions) {
      // A snapshot may have had some of them already.
      const is = (/** @type {Action} */ it) => `${it.at} ${it.action} ${it.kind} ${it.target}`;
      const known = new Set(this.actions.map(is));
      this.actions = [...frame.actions.filter((it) => !known.has(is(it))).reverse(), ...this.actions].slice(0, 60);
    }
    this.revision++;
  }

  /** @param {ChangedRow} changed */
  set([kind, target, source, state, reason, flags, since]) {
    const [namespace, name] = parts(target);
    const [inNamespace, named] = [this.namespaces.number(namespace), this.names.number(name)];
    let row = this.rowOf(kind, inNamespace, named);
    if (row === undefined) {
      row = this.length;
      this.grow(row + 1);
      this.kind[row] = kind;
      this.namespace[row] = inNamespace;
      this.name[row] = named;
      this.index();
    }
    this.state[row] = state;
    this.flags[row] = flags;
    this.source[row] = source === null ? 0 : 1 + this.sources.number(`${this.kinds[kind] ?? ""} ${source}`);
    this.reason[row] = reason === null ? 0 : 1 + this.reasons.number(reason);
    this.since[row] = since ?? 0;
  }

  /**
   * @param {number} kind
   * @param {string} target
   */
  remove(kind, target) {
    const row = this.seek(kind, target);
    if (row === undefined) return;
    const last = this.length - 1;
    this.places[this.namespace[row] ?? 0]?.delete(this.place(this.kind[row] ?? 0, this.name[row] ?? 0));
    if (row !== last) {
      for (const column of [this.kind, this.state, this.flags, this.namespace, this.name, this.source, this.reason, this.since]) {
        column[row] = column[last] ?? 0;
      }
      this.note(row);
    }
    this.length = last;
    this.placed = last;
  }

  /** @param {number} length */
  grow(length) {
    this.kind = grown(this.kind, length);
    this.state = grown(this.state, length);
    this.flags = grown(this.flags, length);
    this.namespace = grown(this.namespace, length);
    this.name = grown(this.name, length);
    this.source = grown(this.source, length);
    this.reason = grown(this.reason, length);
    this.since = grown(this.since, length);
    this.length = length;
  }

  /** Some rows more get their places, or all. Whether all have them. @param {number} [most] */
  index(most = Infinity) {
    for (const end = Math.min(this.length, this.placed + most); this.placed < end; this.placed++) this.note(this.placed);
    return this.placed === this.length;
  }

  /** Keeps in mind where a row is. @param {number} row */
  note(row) {
    const namespace = this.namespace[row] ?? 0;
    const known = this.places[namespace] ?? (this.places[namespace] = new Map());
    known.set(this.place(this.kind[row] ?? 0, this.name[row] ?? 0), row);
  }

  /** What a target is found by in its namespace. @param {number} kind @param {number} name */
  place(kind, name) {
    return name * this.kinds.length + kind;
  }

  /** @param {number} kind @param {number | undefined} namespace @param {number | undefined} name */
  rowOf(kind, namespace, name) {
    this.index();
    return namespace === undefined || name === undefined || kind < 0 ? undefined : this.places[namespace]?.get(this.place(kind, name));
  }

  /** The row of a target. @param {number} kind @param {string} target */
  seek(kind, target) {
    const [namespace, name] = parts(target);
    return this.rowOf(kind, this.namespaces.numbers.get(namespace), this.names.numbers.get(name));
  }

  /** `namespace/name`. @param {number} row */
  target(row) {
    return `${this.namespaces.text(this.namespace[row] ?? 0)}/${this.names.text(this.name[row] ?? 0)}`;
  }

  /** `kind namespace/name`. @param {number} row */
  sourceOf(row) {
    const source = this.source[row] ?? 0;
    return source === 0 ? null : this.sources.text(source - 1);
  }

  /** @param {number} row */
  reasonOf(row) {
    const reason = this.reason[row] ?? 0;
    return reason === 0 ? null : this.reasons.text(reason - 1);
  }

  /** @param {number} row @returns {Row} */
  row(row) {
    const source = this.sourceOf(row);
    return {
      kind: this.kinds[this.kind[row] ?? 0] ?? "",
      namespace: this.namespaces.text(this.namespace[row] ?? 0),
      name: this.names.text(this.name[row] ?? 0),
      target: this.target(row),
      source: source === null ? null : source.slice(source.indexOf(" ") + 1),
      state: this.state[row] ?? 0,
      reason: this.reasonOf(row),
      exists: ((this.flags[row] ?? 0) & EXISTS) !== 0,
      pushed: ((this.flags[row] ?? 0) & PUSHED) !== 0,
      since: this.since[row] || null,
    };
  }

  /**
   * The row of a target.
   * @param {string} kind
   * @param {string} target
   */
  find(kind, target) {
    return this.seek(this.kinds.indexOf(kind), target);
  }

  /** The server's time now, in seconds since 1970. @param {number} here */
  now(here) {
    return this.clock.server + Math.max(0, (here - this.clock.here) / 1000);
  }

  /**
   * What would be lost with a source: the targets that get its data, also through others, and how.
   * @param {string} kind
   * @param {string} source
   */
  blast(kind, source) {
    const first = this.sources.numbers.get(`${kind} ${source}`);
    const direct = first === undefined ? [] : this.rowsOf([first]);
    const [seen, inKind] = [new Set([first]), this.kinds.indexOf(kind)];
    let [further, level] = [0, direct];
    while (level.length > 0) {
      /** @type {number[]} */
      const next = [];
      for (const row of level) {
        if (this.kind[row] !== inKind) continue;
        const number = this.sources.numbers.get(`${kind} ${this.target(row)}`);
        if (number === undefined || seen.has(number)) continue;
        seen.add(number);
        next.push(number);
      }
      level = next.length === 0 ? [] : this.rowsOf(next);
      further += level.length;
    }
    const exists = direct.filter((row) => ((this.flags[row] ?? 0) & EXISTS) !== 0);
    const deleted = exists.filter((row) => ((this.flags[row] ?? 0) & PUSHED) !== 0).length;
    return { direct, deleted, emptied: exists.length - deleted, further };
  }

  /** The rows of the targets of these sources, by their numbers. @param {number[]} sources */
  rowsOf(sources) {
    const of = new Uint8Array(this.sources.list.length + 1);
    for (const source of sources) of[source + 1] = 1;
    const rows = [];
    for (let row = 0; row < this.length; row++) {
      const source = this.source[row] ?? 0;
      if (source !== 0 && of[source] === 1) rows.push(row);
    }
    return rows;
  }
}

/** @param {string} text */
function digits(text) {
  const numbers = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) numbers[i] = text.charCodeAt(i) - 48;
  return numbers;
}

/** @param {string} target @returns {[string, string]} */
export function parts(target) {
  const slash = target.indexOf("/");
  return [target.slice(0, slash), target.slice(slash + 1)];
}
