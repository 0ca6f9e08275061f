// What one chooses from: the numbers by state, which filter as well, the filters, and what groups namespaces.

import { countStates, oldestOf } from "./counts.js";
import { byId, h } from "./dom.js";
import { isFiltering, matching } from "./filter.js";
import { glyph } from "./parts.js";
import { MEANING, STATES } from "./states.js";
import { age, grouped } from "./words.js";

/**
 * @typedef {import("./model.js").Model} Model
 * @typedef {import("./filter.js").Filter} Filter
 *
 * @typedef {object} Listener
 * @property {(changes: Partial<Filter>, how?: "push" | "replace") => void} filter
 * @property {(name: import("./states.js").StateName) => void} state  Turns the filter by this state on or off.
 * @property {() => void} clear
 */

export class Filters {
  /** @param {Listener} listener */
  constructor(listener) {
    this.tiles = STATES.map((state, n) => h("button", {
      type: "button",
      class: `tile is-${state}`,
      "aria-pressed": "false",
      title: MEANING[state],
      click: () => listener.state(state),
    }, h("span", { class: "number" }, "–"), h("span", { class: "word" }, glyph(n, 13), state), h("span", { class: "oldest" })));
    byId("states").replaceChildren(...this.tiles);
    this.kind = h("select", { id: "kind", change: () => listener.filter({ kind: this.kind.value }) });
    this.reason = h("select", { id: "reason", change: () => listener.filter({ reason: this.reason.value }) });
    this.namespace = h("input", {
      id: "namespace", type: "text", placeholder: "team-*", autocomplete: "off", spellcheck: "false", size: 14,
      input: () => listener.filter({ namespace: this.namespace.value.trim() }, "replace"),
    });
    this.clear = h("button", { type: "button", class: "clear", click: listener.clear }, "Clear filters");
    byId("filters").replaceChildren(
      h("label", null, h("span", null, "Kind"), this.kind),
      h("label", null, h("span", null, "Namespace"), this.namespace),
      h("label", null, h("span", null, "Reason"), this.reason),
      this.clear);
  }

  /**
   * @param {Model} model
   * @param {Uint32Array} rows  Those that the filters let through.
   * @param {Filter} filter
   * @param {boolean} known  Whether the numbers mean anything.
   */
  draw(model, rows, filter, known) {
    // The numbers are of all that the other filters let through: so that one sees what else there is.
    const others = filter.states.length > 0 ? matching(model, { ...filter, states: [] }) : rows;
    const [counts, since, now] = [countStates(model, others), oldestOf(model, others), model.now(Date.now())];
    this.tiles.forEach((tile, n) => {
      const [count, old] = [counts[n] ?? 0, since[n]];
      write(tile.firstElementChild, known ? grouped(count) : "–");
      write(tile.lastElementChild, n === 0 || old === undefined ? "" : `longest ${age(now - old)}`);
      tile.classList.toggle("none", count === 0);
      tile.setAttribute("aria-pressed", String(filter.states.includes(STATES[n] ?? "current")));
    });
    options(this.kind, all(model.kinds), filter.kind);
    options(this.reason, all(model.reasons.list.filter((code) => code !== "UpToDate").sort()), filter.reason);
    if (document.activeElement !== this.namespace) this.namespace.value = filter.namespace;
    this.clear.hidden = !isFiltering(filter);
  }
}

/**
 * What groups namespaces, to choose from.
 * @param {string[]} keys  Of labels.
 * @param {string} chosen  See `View.group`.
 */
export function drawGroups(keys, chosen) {
  const labels = keys.map((key) => /** @type {const} */ ([`label:${key}`, `by label ${key}`]));
  if (chosen.startsWith("label:") && !keys.includes(chosen.slice(6))) labels.push([`label:${chosen.slice(6)}`, `by label ${chosen.slice(6)}`]);
  options(/** @type {HTMLSelectElement} */ (byId("grouped")), [["", "by name"], ["no", "one by one"], ...labels], chosen);
}

/** @param {Element | null} element @param {string} text */
function write(element, text) {
  if (element !== null && element.textContent !== text) element.textContent = text;
}

/** @param {string[]} values @returns {[string, string][]} */
function all(values) {
  return [["", "All"], ...values.map((it) => /** @type {[string, string]} */ ([it, it]))];
}

/**
 * @param {HTMLSelectElement} select
 * @param {(readonly [string, string])[]} choices  Value, and what is written.
 * @param {string} value
 */
function options(select, choices, value) {
  const all = choices.some(([it]) => it === value) ? choices : [...choices, /** @type {const} */ ([value, value])];
  const key = all.map(([it]) => it).join(" ");
  if (select.getAttribute("data-of") !== key) {
    select.setAttribute("data-of", key);
    select.replaceChildren(...all.map(([value, text]) => h("option", { value }, text)));
  }
  if (select.value !== value) select.value = value;
}
