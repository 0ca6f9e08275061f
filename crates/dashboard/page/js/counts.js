// What is counted of the rows that are shown: by state and by reason, and which have been so for longest. Pure.

import { rank, STATES } from "./states.js";

/** @typedef {import("./model.js").Model} Model */

/**
 * How many rows have each state.
 * @param {Model} model
 * @param {Uint32Array | null} rows  null: all
 */
export function countStates(model, rows = null) {
  const counts = STATES.map(() => 0);
  const length = rows === null ? model.length : rows.length;
  for (let i = 0; i < length; i++) {
    const state = model.state[rows === null ? i : (rows[i] ?? 0)] ?? 0;
    counts[state] = (counts[state] ?? 0) + 1;
  }
  return counts;
}

/**
 * By state, since when the one of them has had it that has had it for longest.
 * @param {Model} model
 * @param {Uint32Array} rows
 */
export function oldestOf(model, rows) {
  /** @type {(number | undefined)[]} */
  const since = STATES.map(() => undefined);
  for (const row of rows) {
    const [state, at] = [model.state[row] ?? 0, model.since[row] ?? 0];
    if (at > 0 && at < (since[state] ?? Infinity)) since[state] = at;
  }
  return since;
}

/**
 * The rows that have not been current for longest; the longest first.
 * @param {Model} model
 * @param {Uint32Array} rows
 * @param {number} most
 */
export function oldest(model, rows, most) {
  const since = (/** @type {number} */ row) => model.since[row] || Infinity;
  const before = (/** @type {number} */ a, /** @type {number} */ b) => {
    const [worse, better] = [rank(model.state[a] ?? 0), rank(model.state[b] ?? 0)];
    return worse === better ? since(a) < since(b) : worse < better;
  };
  /** @type {number[]} Few, and in order: all may be failing. */
  const found = [];
  for (const row of rows) {
    if (model.state[row] === 0 || (found.length === most && !before(row, found[most - 1] ?? 0))) continue;
    let at = found.length;
    while (at > 0 && before(row, found[at - 1] ?? 0)) at--;
    found.splice(at, 0, row);
    found.length = Math.min(found.length, most);
  }
  return found;
}

/**
 * How many rows have each reason that is not that of being current; the most frequent first.
 * @param {Model} model
 * @param {Uint32Array} rows
 */
export function countReasons(model, rows) {
  /** @type {Map<number, { reason: string, state: number, count: number }>} */
  const counts = new Map();
  for (const row of rows) {
    const [state, reason] = [model.state[row] ?? 0, model.reason[row] ?? 0];
    if (state === 0 || reason === 0) continue;
    const known = counts.get(reason);
    if (known === undefined) counts.set(reason, { reason: model.reasons.text(reason - 1), state, count: 1 });
    else known.count++;
  }
  return [...counts.values()].sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1));
}
