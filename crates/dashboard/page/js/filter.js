// Which targets are shown. Pure.

import { STATES } from "./states.js";

/**
 * @typedef {import("./model.js").Model} Model
 *
 * @typedef {object} Filter
 * @property {string} text       Words, each of which has to be found in the target, its source or its reason.
 * @property {string[]} states   Names; none: all.
 * @property {string} reason     A code, or nothing.
 * @property {string} kind       `Secret`, or nothing.
 * @property {string} namespace  A namespace, with `*` for any text, or nothing.
 */

/** @type {Readonly<Filter>} */
export const NO_FILTER = Object.freeze({ text: "", states: [], reason: "", kind: "", namespace: "" });

/** @param {Filter} filter */
export function isFiltering(filter) {
  return filter.text.trim() !== "" || filter.states.length > 0 || filter.reason !== "" || filter.kind !== "" || filter.namespace !== "";
}

/**
 * The rows that a filter lets through, in the model's order. Each distinct text is looked at once, not each row's.
 * @param {Model} model
 * @param {Filter} filter
 * @returns {Uint32Array}
 */
export function matching(model, filter) {
  const rows = new Uint32Array(model.length);
  const states = new Uint8Array(STATES.length);
  for (const name of filter.states) states[STATES.indexOf(/** @type {any} */ (name))] = 1;
  const anyState = filter.states.length === 0;
  const kind = filter.kind === "" ? -1 : model.kinds.indexOf(filter.kind);
  const anyKind = filter.kind === "";
  const reason = filter.reason === "" ? -1 : 1 + (model.reasons.numbers.get(filter.reason) ?? -2);
  const anyReason = filter.reason === "";
  const inNamespace = filter.namespace === "" ? null : model.namespaces.list.map(glob(filter.namespace));
  const words = filter.text.toLowerCase().split(/\s+/).filter((word) => word !== "").map((word) => finder(model, word));
  let length = 0;
  for (let row = 0; row < model.length; row++) {
    if (!anyState && states[model.state[row] ?? 0] !== 1) continue;
    if (!anyKind && model.kind[row] !== kind) continue;
    if (!anyReason && model.reason[row] !== reason) continue;
    if (inNamespace !== null && inNamespace[model.namespace[row] ?? 0] !== true) continue;
    if (words.every((word) => word(row))) rows[length++] = row;
  }
  return rows.subarray(0, length);
}

/**
 * @param {Model} model
 * @param {string} word
 * @returns {(row: number) => boolean}
 */
function finder(model, word) {
  const has = (/** @type {string} */ text) => text.toLowerCase().includes(word);
  const source = model.sources.list.map(has);
  const ofSource = (/** @type {number} */ row) => source[(model.source[row] ?? 0) - 1] === true;
  // Over the slash between namespace and name: neither has one.
  const [before = "", after, more] = word.split("/");
  if (after !== undefined) {
    const namespace = model.namespaces.list.map((text) => more === undefined && text.toLowerCase().endsWith(before));
    const name = model.names.list.map((text) => text.toLowerCase().startsWith(after));
    return (row) => ofSource(row) || (namespace[model.namespace[row] ?? 0] === true && name[model.name[row] ?? 0] === true);
  }
  const [namespace, name] = [model.namespaces.list.map(has), model.names.list.map(has)];
  const reason = model.reasons.list.map(has);
  return (row) =>
    name[model.name[row] ?? 0] === true ||
    namespace[model.namespace[row] ?? 0] === true ||
    ofSource(row) ||
    reason[(model.reason[row] ?? 0) - 1] === true;
}

/**
 * Whether a text fits a pattern with `*`.
 * @param {string} pattern
 * @returns {(text: string) => boolean}
 */
export function glob(pattern) {
  const pieces = pattern.toLowerCase().split("*");
  const [first = "", ...rest] = pieces;
  if (rest.length === 0) return (text) => text === first;
  const last = rest.pop() ?? "";
  return (text) => {
    if (!text.startsWith(first) || text.length < first.length + last.length) return false;
    const end = text.length - last.length;
    let at = first.length;
    for (const piece of rest) {
      const found = text.indexOf(piece, at);
      if (found < 0 || found + piece.length > end) return false;
      at = found + piece.length;
    }
    return text.endsWith(last);
  };
}
