// The panel: what asks for attention and what happens, or one source. (One target: trail.js.)

import { countReasons, countStates, oldest } from "./counts.js";
import { h } from "./dom.js";
import { glyph, keyed, title } from "./parts.js";
import { STATES } from "./states.js";
import { age, clock, count, grouped, shortened } from "./words.js";

/**
 * @typedef {import("./model.js").Model} Model
 * @typedef {import("./model.js").Action} Action
 *
 * @typedef {object} Listener
 * @property {(kind: string, target: string) => void} trail
 * @property {(kind: string, source: string) => void} source
 * @property {(source: string) => void} all  All targets of a source, in the table.
 * @property {(reason: string) => void} reason
 */

const MOST_OLDEST = 5;
const MOST_REASONS = 10;
const MOST_ACTIONS = 7;
/** Longer names are shortened in lists; a trail shows them whole. */
const LONG = 46;
const MOST_OF_SOURCE = 40;

/** @type {Readonly<Record<string, string>>} */
const DONE = { create: "created", adopt: "adopted", update: "updated", clear: "cleared", delete: "deleted", recreate: "recreated", read: "read", refuse: "refused", hold: "held", wait: "waits" };

/**
 * @param {Model} model
 * @param {Uint32Array} rows
 * @param {string} reason  The one that is filtered by.
 * @param {Listener} listener
 */
export function drawOverview(model, rows, reason, listener) {
  const now = model.now(Date.now());
  const old = oldest(model, rows, MOST_OLDEST);
  const reasons = countReasons(model, rows).slice(0, MOST_REASONS);
  return [
    h("section", { "aria-labelledby": "attention" },
      h("h2", { id: "attention" }, "Needs attention"),
      old.length === 0
        ? h("p", { class: "calm" }, glyph(0, 14), rows.length === 0 ? "Nothing is shown." : "Every target is current.")
        : h("ul", { class: "list" }, ...old.map((row) => target(model, row, now, listener)))),
    h("section", { "aria-labelledby": "actions" },
      h("h2", { id: "actions" }, "As it happens"),
      model.actions.length === 0
        ? h("p", { class: "soft" }, "Nothing was written since the page was turned on.")
        : h("ol", { class: "actions" }, ...model.actions.slice(0, MOST_ACTIONS).map((action) => drawAction(action, listener)))),
    reasons.length === 0 ? null : h("section", { "aria-labelledby": "reasons" },
      h("h2", { id: "reasons" }, "By reason"),
      h("ul", { class: "reasons" }, ...reasons.map((it) => h("li", null,
        h("button", { type: "button", "aria-pressed": it.reason === reason ? "true" : "false", click: () => listener.reason(it.reason) },
          glyph(it.state, 12), h("span", { class: "code" }, it.reason), h("span", { class: "number" }, grouped(it.count))))))),
  ];
}

/**
 * @param {Model} model
 * @param {number} row
 * @param {number} now
 * @param {Listener} listener
 */
function target(model, row, now, listener) {
  const it = model.row(row);
  return h("li", null, h("button", { type: "button", class: "item", click: () => listener.trail(it.kind, it.target) },
    glyph(it.state),
    h("span", { class: "hidden" }, STATES[it.state] ?? ""),
    h("span", { class: "main" }, brief(it.target), it.state === 0 ? null : h("span", { class: "code" }, it.reason ?? "to be read")),
    h("span", { class: "age" }, it.since === null ? "" : age(now - it.since))));
}

/** A key that is not too long for a list. @param {string} key */
function brief(key) {
  const slash = key.indexOf("/");
  const short = key.slice(0, slash + 1) + shortened(key.slice(slash + 1), LONG);
  const element = keyed(short);
  if (short !== key) element.title = key;
  return element;
}

/**
 * @param {Action} action
 * @param {Listener} listener
 */
function drawAction(action, listener) {
  const failed = action.error !== null;
  // What it was about stands there already.
  const about = `${action.action} ${action.kind} ${action.target}: `;
  const error = action.error?.startsWith(about) ? action.error.slice(about.length) : action.error;
  return h("li", { class: failed ? "failed" : "" },
    h("time", { datetime: new Date(action.at).toISOString() }, clock(action.at)),
    h("button", { type: "button", class: "item", click: () => listener.trail(action.kind, action.target) },
      h("span", { class: "main" },
        h("span", { class: "verb" }, failed ? `could not ${action.action}` : (DONE[action.action] ?? action.action)), " ",
        brief(action.target),
        action.others > 0 ? h("span", { class: "soft" }, ` and ${grouped(action.others)} more`) : null,
        h("span", { class: "code", title: action.error }, action.reason, failed ? `: ${error}` : ""))));
}

/**
 * @param {Model} model
 * @param {string} kind
 * @param {string} source
 * @param {Listener} listener
 */
export function drawSource(model, kind, source, listener) {
  const { direct, deleted, emptied, further } = model.blast(kind, source);
  const now = model.now(Date.now());
  const counts = countStates(model, Uint32Array.from(direct));
  const own = model.find(kind, source);
  const removals = direct.filter((row) => ["RemovalDelayed", "RemovalHeld"].includes(model.reasonOf(row) ?? ""));
  const bad = direct.length - (counts[0] ?? 0);
  const sorted = oldest(model, Uint32Array.from(direct), MOST_OF_SOURCE);
  if (bad < MOST_OF_SOURCE) sorted.push(...direct.filter((row) => model.state[row] === 0).slice(0, MOST_OF_SOURCE - bad));
  const most = Math.max(1, ...counts);
  return [
    h("header", { class: "what" },
      h("p", { class: "kicker" }, `${kind} · source`),
      title(source),
      own === undefined ? null : h("p", { class: "verdict" }, "It is itself a target: ",
        h("button", { type: "button", class: "link-like", click: () => listener.trail(kind, source) }, `${STATES[model.state[own] ?? 0]}`))),
    h("section", { "aria-label": "Its targets by state" },
      h("h3", null, count(direct.length, "target")),
      h("ul", { class: "bars" }, ...STATES.map((state, n) => [state, counts[n] ?? 0, n]).filter(([, n]) => n !== 0).map(([state, number, n]) => {
        const bar = h("span", { class: `fill is-${state}` });
        bar.style.setProperty("width", `${Math.max(2, (Number(number) / most) * 100)}%`);
        return h("li", null, glyph(Number(n), 12), h("span", { class: "word" }, state), h("span", { class: "track" }, bar), h("span", { class: "number" }, grouped(Number(number))));
      }))),
    h("section", { class: "blast", "aria-label": "If it were deleted" },
      h("h3", null, "If it were deleted"),
      deleted + emptied + further === 0
        ? h("p", null, "Nothing would be taken away: no target holds its data.")
        : h("ul", { class: "plain" },
          deleted === 0 ? null : h("li", null, h("strong", null, grouped(deleted)), ` ${deleted === 1 ? "replica" : "replicas"} that it pushes would be deleted.`),
          emptied === 0 ? null : h("li", null, h("strong", null, grouped(emptied)), ` ${emptied === 1 ? "target that pulls" : "targets that pull"} would be emptied.`),
          further === 0 ? null : h("li", null, h("strong", null, grouped(further)), ` more down the chain would follow.`))),
    removals.length === 0 ? null : h("section", { "aria-label": "Waits for removal" },
      h("h3", null, "Waits for removal"),
      h("ul", { class: "list" }, ...removals.slice(0, MOST_OF_SOURCE).map((row) => target(model, row, now, listener)))),
    h("section", { "aria-label": "Its targets" },
      h("h3", null, "Its targets"),
      h("ul", { class: "list" }, ...sorted.map((row) => target(model, row, now, listener))),
      direct.length > MOST_OF_SOURCE ? h("p", { class: "more" }, h("button", { type: "button", class: "link-like", click: () => listener.all(source) }, `All ${grouped(direct.length)} in the table`)) : null),
  ];
}
