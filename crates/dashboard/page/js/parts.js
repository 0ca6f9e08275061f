// Small things that are drawn in many places.

import { h, s } from "./dom.js";
import { STATES, shape } from "./states.js";
import { breakable, marked } from "./words.js";

/**
 * The shape of a state, in its colour. It says nothing to who does not see it: the state's name stands beside it.
 * @param {number} state
 * @param {number} [size]
 */
export function glyph(state, size = 14) {
  const name = STATES[state] ?? "current";
  return s("svg", { class: `glyph is-${name}`, width: size, height: size, viewBox: `0 0 ${size} ${size}`, "aria-hidden": "true" },
    s("path", { d: shape(name, size) }));
}

/**
 * A name that may be broken after what separates its words.
 * @param {string} text
 */
export function name(text) {
  return h("span", { class: "name" }, ...breakable(text).flatMap((piece) => [piece, h("wbr")]));
}

/**
 * `namespace/name`, the namespace in a quieter tone.
 * @param {string} key
 */
export function keyed(key) {
  const slash = key.indexOf("/");
  return h("span", { class: "key" },
    h("span", { class: "ns" }, ...breakable(key.slice(0, slash + 1)).flatMap((piece) => [piece, h("wbr")])),
    name(key.slice(slash + 1)));
}

/** What a panel is about: a key, in smaller letters if it is long. @param {string} key */
export function title(key) {
  return h("h2", { tabindex: "-1", class: key.length > 90 ? "long" : null }, keyed(key));
}

/**
 * A text of the documentation.
 * @param {string} text
 */
export function prose(text) {
  return marked(text).map((piece) => (piece.code ? h("code", null, ...breakable(piece.text).flatMap((it) => [it, h("wbr")])) : piece.text));
}

/**
 * A command, and a button that copies it.
 * @param {string} text
 * @param {string} does
 */
export function command(text, does) {
  const button = h("button", { type: "button", class: "copy", "aria-label": `Copy the command: ${does}`, click: () => copy(text, button) }, "Copy");
  return h("figure", { class: "command" },
    h("figcaption", null, h("span", null, does), button),
    h("code", { tabindex: "0", role: "region", "aria-label": `Command: ${does}` }, text));
}

/**
 * @param {string} text
 * @param {HTMLButtonElement} button
 */
async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    // Without HTTPS, and not on this machine: the text is selected, so that it can be copied by hand.
    const code = button.closest("figure")?.querySelector("code") ?? null;
    if (code !== null) getSelection()?.selectAllChildren(code);
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = "Copy"), 1500);
}
