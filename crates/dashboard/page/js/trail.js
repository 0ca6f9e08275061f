// Why one target stands as it does, as the server says it: the way of the data as a small tree, the questions along it, what is to be
// done. The tree's lines and shapes are SVG; what is said stands beside them as text, which wraps.

import { h, s } from "./dom.js";
import { command, glyph, keyed, prose, title } from "./parts.js";
import { STATES } from "./states.js";
import { age, count } from "./words.js";

/**
 * @typedef {object} Link
 * @property {string} key
 * @property {string} role
 * @property {boolean | null} exists
 * @property {boolean} again
 * @property {boolean} deleting
 * @property {string | null} version
 * @property {string | null} holds
 * @property {number | null} created
 * @property {[string, string][]} says
 * @property {string | null} ill_formed
 *
 * @typedef {object} Step
 * @property {string} question
 * @property {string} text
 * @property {string} fact
 * @property {"passed" | "decided" | "needs"} outcome
 * @property {string | null} what
 *
 * @typedef {object} Trail
 * @property {string} kind
 * @property {string} target
 * @property {import("./states.js").StateName | null} state
 * @property {string | null} reason
 * @property {string} sentence
 * @property {string | null} detail
 * @property {{ text: string, of: string | null } | null} said  When the last attempt failed.
 * @property {string | null} action
 * @property {string | null} needs
 * @property {string | null} todo
 * @property {{ does: string, text: string }[]} commands
 * @property {Link[]} chain
 * @property {string[]} rivals
 * @property {Step[]} steps
 * @property {number | null} since
 * @property {number} now
 *
 * @typedef {object} Listener
 * @property {(kind: string, source: string) => void} source
 */

/**
 * @param {Trail} trail
 * @param {Listener} listener
 * @param {string} prefix
 */
export function drawTrail(trail, listener, prefix) {
  const state = trail.state === null ? -1 : STATES.indexOf(trail.state);
  const since = trail.since === null ? null : age(trail.now - trail.since);
  return [
    h("header", { class: "what" },
      h("p", { class: "kicker" }, trail.kind, trail.state === null ? " · not a target" : ""),
      title(trail.target),
      h("p", { class: `verdict is-${trail.state ?? "none"}` },
        state < 0 ? null : glyph(state, 16),
        h("strong", null, trail.state ?? "none"),
        since === null || state === 0 ? null : h("span", { class: "soft" }, `for ${since}`),
        trail.reason === null ? null : h("code", null, trail.reason))),
    h("p", { class: "sentence" }, trail.sentence),
    trail.detail === null ? null : h("p", { class: "detail" }, trail.detail),
    trail.said === null ? null : h("figure", { class: "said" },
      h("blockquote", null, trail.said.text),
      trail.said.of === null ? null : h("figcaption", null, "Said of ", keyed(trail.said.of), ", which fails for the same reason.")),
    trail.action === null ? null : h("p", { class: "detail" }, `Next, the controller will ${trail.action} it.`),
    trail.needs === null ? null : h("p", { class: "detail" }, "First, the controller has to read ", keyed(trail.needs), "."),
    trail.todo === null && trail.commands.length === 0 ? null : h("section", { class: "todo", "aria-label": "What to do" },
      trail.todo === null ? null : h("h3", null, "What to do"),
      trail.todo === null ? null : h("p", null, ...prose(trail.todo)),
      ...trail.commands.map((it) => command(it.text, it.does))),
    h("section", { "aria-label": "The way of the data" },
      h("h3", null, "The way of the data"),
      h("ol", { class: "tree" }, ...trail.chain.map((link, n) => drawLink(trail, link, n, listener)))),
    trail.rivals.length === 0 ? null : h("section", null,
      h("h3", null, `${count(trail.rivals.length, "other source")} push to this name`),
      h("ul", { class: "plain" }, ...trail.rivals.map((key) => h("li", null, sourceButton(trail.kind, key, listener))))),
    h("section", { "aria-label": "Questions" },
      h("h3", null, count(trail.steps.length, "question")),
      h("ol", { class: "steps" }, ...trail.steps.map((step, n) => drawStep(step, n === trail.steps.length - 1, state)))),
    h("p", { class: "note" }, "Annotations stand under ", h("code", null, prefix === "" ? "no prefix" : prefix), "."),
  ].filter((it) => it !== null);
}

/**
 * @param {Trail} trail
 * @param {Link} link
 * @param {number} n
 * @param {Listener} listener
 */
function drawLink(trail, link, n, listener) {
  const isTarget = link.role === "target";
  const facts = [];
  if (link.exists === true) {
    if (link.created !== null) facts.push(`${age(trail.now - link.created)} old`);
    if (link.version !== null) facts.push(`version ${link.version}`);
    if (link.holds !== null) facts.push(`holds version ${link.holds}`);
    if (link.deleting) facts.push("is being deleted");
  } else if (link.exists === null) facts.push("not known yet whether it exists");
  else facts.push(isTarget ? "does not exist yet" : "does not exist");
  if (link.again) facts.push("the chain comes back to it");
  return h("li", { class: `link${link.exists === false ? " missing" : ""}${isTarget ? " target" : ""}` },
    rail(n === 0, isTarget, link.exists === true, isTarget ? trail.state : null),
    h("div", null,
      h("p", { class: "role" }, isTarget ? "Target" : link.role === "pushes" ? "Source, pushes" : n === 0 ? "Source, is pulled" : "Replica, is pulled"),
      h("p", null, isTarget ? keyed(link.key) : sourceButton(trail.kind, link.key, listener)),
      h("p", { class: "facts" }, facts.join(" · ")),
      link.ill_formed === null ? null : h("p", { class: "bad" }, link.ill_formed),
      link.says.length === 0 ? null : h("dl", { class: "says" }, ...link.says.flatMap(([key, value]) => [h("dt", null, key), h("dd", null, value === "" ? "(empty)" : value)]))));
}

/**
 * One piece of the tree's line, with its knot.
 * @param {boolean} first
 * @param {boolean} last
 * @param {boolean} exists
 * @param {string | null} state
 */
function rail(first, last, exists, state) {
  return s("svg", { class: "rail", width: 20, "aria-hidden": "true" },
    first ? null : s("line", { x1: 10, x2: 10, y1: 0, y2: 12 }),
    last ? null : s("line", { x1: 10, x2: 10, y1: first ? 12 : 12, y2: "100%" }),
    s("circle", { cx: 10, cy: 12, r: 5, class: `knot ${exists ? "" : "open"} ${state === null ? "" : `is-${state}`}` }));
}

/**
 * @param {Step} step
 * @param {boolean} last
 * @param {number} state
 */
function drawStep(step, last, state) {
  const outcome = step.outcome === "passed" ? "yes" : step.outcome === "needs" ? `needs ${step.what ?? ""}` : (step.what ?? "");
  const decides = step.outcome !== "passed";
  return h("li", { class: `step ${step.outcome}` },
    decides && state >= 0 ? glyph(state, 12) : tick(),
    h("div", null,
      h("p", null, step.text, " ", h("span", { class: `outcome${decides ? ` is-${STATES[Math.max(0, state)]}` : ""}` }, outcome)),
      h("p", { class: "facts" }, step.fact)),
    last ? null : null);
}

function tick() {
  return s("svg", { class: "tick", width: 12, height: 12, viewBox: "0 0 12 12", "aria-hidden": "true" }, s("path", { d: "M2 6.5L5 9.5L10 3" }));
}

/**
 * @param {string} kind
 * @param {string} key
 * @param {Listener} listener
 */
function sourceButton(kind, key, listener) {
  return h("button", { type: "button", class: "link-like", click: () => listener.source(kind, key) }, keyed(key));
}
