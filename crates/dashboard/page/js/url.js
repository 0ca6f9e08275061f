// What the address bar says: filters, view, and what is open. Pure.

import { STATES } from "./states.js";

/**
 * @typedef {object} Place
 * @property {"trail" | "source"} what
 * @property {string} kind
 * @property {string} key  `namespace/name`
 *
 * @typedef {object} View
 * @property {import("./filter.js").Filter} filter
 * @property {"matrix" | "table"} as
 * @property {"problems" | "name"} order
 * @property {number} zoom      Of the steps of layout.js.
 * @property {string} group      What groups namespaces: nothing: their names, where they do not fit; `no`; or `label:` and a label's key.
 * @property {string[]} opened  Groups of namespaces that are shown one by one.
 * @property {Place | null} place
 */

export const ZOOM = 2;

/** @returns {View} */
export function start() {
  return {
    filter: { text: "", states: [], reason: "", kind: "", namespace: "" },
    as: "matrix",
    order: "problems",
    zoom: ZOOM,
    group: "",
    opened: [],
    place: null,
  };
}

/**
 * @param {string} query
 * @returns {View}
 */
export function parse(query) {
  const said = new URLSearchParams(query);
  const view = start();
  const text = (/** @type {string} */ name) => (said.get(name) ?? "").slice(0, 400);
  const list = (/** @type {string} */ name) => text(name).split(",").filter((item) => item !== "");
  view.filter.text = text("q");
  view.filter.states = STATES.filter((state) => list("state").includes(state));
  view.filter.reason = text("reason");
  view.filter.kind = text("kind");
  view.filter.namespace = text("ns");
  if (text("view") === "table") view.as = "table";
  if (text("order") === "name") view.order = "name";
  const zoom = Number.parseInt(text("zoom"), 10);
  if (zoom >= 0 && zoom <= 6) view.zoom = zoom;
  const group = text("group");
  if (group === "no" || /^label:./.test(group)) view.group = group;
  view.opened = list("open");
  for (const what of /** @type {const} */ (["trail", "source"])) {
    const [, kind, key] = /^([A-Za-z]+):([^/]+\/[^/]+)$/.exec(text(what)) ?? [];
    if (kind !== undefined && key !== undefined) view.place = { what, kind, key };
  }
  return view;
}

/**
 * The query of a view, with its question mark; nothing where all is as at the start.
 * @param {View} view
 */
export function serialise(view) {
  /** @type {string[]} */
  const said = [];
  // Slashes, colons and commas may stand in a query as they are: that is how people write these names.
  const encoded = (/** @type {string} */ value) => encodeURIComponent(value).replace(/%2F/g, "/").replace(/%3A/g, ":").replace(/%2C/g, ",").replace(/%20/g, "+");
  const say = (/** @type {string} */ name, /** @type {string} */ value) => value !== "" && said.push(`${name}=${encoded(value)}`);
  const { filter } = view;
  say("q", filter.text.trim());
  say("state", filter.states.join(","));
  say("reason", filter.reason);
  say("kind", filter.kind);
  say("ns", filter.namespace);
  say("view", view.as === "matrix" ? "" : view.as);
  say("order", view.order === "problems" ? "" : view.order);
  say("zoom", view.zoom === ZOOM ? "" : String(view.zoom));
  say("group", view.group);
  say("open", view.opened.join(","));
  if (view.place !== null) say(view.place.what, `${view.place.kind}:${view.place.key}`);
  return said.length === 0 ? "" : `?${said.join("&")}`;
}

/** The key of the label by which namespaces are grouped; nothing: by none. @param {View} view */
export function labelOf({ group }) {
  return group.startsWith("label:") ? group.slice(6) : "";
}
