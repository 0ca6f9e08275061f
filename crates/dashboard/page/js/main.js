// The page: puts together what the server says, what the address bar says, and what is drawn.

import { drawBlank } from "./blank.js";
import { countStates } from "./counts.js";
import { byId, h } from "./dom.js";
import { isFiltering, matching, NO_FILTER } from "./filter.js";
import { drawGroups, Filters } from "./filters.js";
import { Labels } from "./labels.js";
import { Layout, SIZES } from "./layout.js";
import { Matrix } from "./matrix.js";
import { Model } from "./model.js";
import { title } from "./parts.js";
import { Server, trail as fetchTrail } from "./server.js";
import { drawOverview, drawSource } from "./side.js";
import { Table } from "./table.js";
import { drawTrail } from "./trail.js";
import { labelOf, parse, serialise } from "./url.js";
import { count, grouped } from "./words.js";

/**
 * @typedef {import("./url.js").View} View
 * @typedef {import("./server.js").Link} Link
 */

/** While frames come, all is drawn anew once in this time. */
const CALM = 200;
/** A trail that is open is asked for again at most once in this time. */
const TRAIL_AGAIN = 1_500;

/** @type {View} */
let view = parse(location.search);
let model = new Model();
/** @type {Uint32Array} */
let rows = new Uint32Array();
let loaded = false;
/** @type {{ link: Link, why: string }} */
let link = { link: "loading", why: "" };
let drawn = 0;
/** The frame in which all is drawn; 0: none is asked for. */
let drawing = 0;
/** The time until frames of the server are drawn; 0: none is pending. */
let calm = 0;
/** Where the focus was before a panel was opened. @type {HTMLElement | null} */
let before = null;
/** Somebody opened a panel: its heading gets the focus when it is there. */
let wantsFocus = false;

const [stage, side, notice, search] = [byId("stage"), byId("side"), byId("notice"), /** @type {HTMLInputElement} */ (byId("search"))];

// --- What is open ---

/**
 * Another view.
 * @param {Partial<View>} changes
 * @param {"push" | "replace"} [how]  `push`: back leads to the view before.
 */
function go(changes, how = "push") {
  view = { ...view, ...changes };
  const query = serialise(view);
  if (query !== location.search) history[how === "push" ? "pushState" : "replaceState"](null, "", query === "" ? location.pathname : query);
  draw();
}

/** @param {Partial<import("./filter.js").Filter>} changes @param {"push" | "replace"} [how] */
function filter(changes, how = "push") {
  go({ filter: { ...view.filter, ...changes } }, how);
}

/** @param {"trail" | "source"} what @param {string} kind @param {string} key */
function open(what, kind, key) {
  if (view.place === null) before = /** @type {HTMLElement | null} */ (document.activeElement);
  wantsFocus = true;
  go({ place: { what, kind, key } });
}

function close() {
  if (view.place === null) return;
  go({ place: null });
  const to = before !== null && before.isConnected && before !== document.body ? before : null;
  before = null;
  if (to !== null) to.focus();
  else if (view.as === "matrix") matrix.scroll.focus();
  else table.focus(true);
}

function focusSide() {
  side.scrollTop = 0;
  const heading = /** @type {HTMLElement | null} */ (side.querySelector("h2[tabindex]"));
  (heading ?? side).focus({ preventScroll: true });
}

addEventListener("popstate", () => {
  const was = view.place;
  view = parse(location.search);
  if (search.value !== view.filter.text) search.value = view.filter.text;
  wantsFocus = view.place !== null && view.place.key !== was?.key;
  draw();
});

// --- What is drawn ---

/** @param {number} row */
function openRow(row) {
  const it = model.row(row);
  open("trail", it.kind, it.target);
}

const matrix = new Matrix({
  open: (cell) => openRow(cell.first),
  source: (source) => open("source", source.kind, source.key),
  toggle: (group) => go({ opened: view.opened.includes(group) ? view.opened.filter((it) => it !== group) : [...view.opened, group] }),
  namespace: (namespace) => filter({ namespace: view.filter.namespace === namespace ? "" : namespace }),
});
const table = new Table(openRow);
const filters = new Filters({
  filter,
  state: (state) => filter({ states: view.filter.states.includes(state) ? view.filter.states.filter((it) => it !== state) : [...view.filter.states, state] }),
  clear,
});
const labels = new Labels(() => drawCalmly());
/** Whether namespaces have ever been more than fit: then one may choose what groups them. */
let groups = false;

/** Draws all of it before the next frame: what a person does never waits for the calm between frames of the server. */
function draw() {
  clearTimeout(calm);
  calm = 0;
  if (drawing === 0) drawing = requestAnimationFrame(paint);
}

/** The same, but not more often than one can follow. */
function drawCalmly() {
  if (drawing !== 0 || calm !== 0) return;
  const wait = drawn + CALM - performance.now();
  if (wait <= 0) draw();
  else calm = setTimeout(draw, wait);
}

function paint() {
  drawing = 0;
  drawn = performance.now();
  document.body.classList.toggle("open", view.place !== null);
  document.body.classList.toggle("stale", link.link === "lost" && loaded);
  rows = matching(model, view.filter);
  drawLink();
  filters.draw(model, rows, view.filter, loaded && model.ready);
  drawStage();
  drawSide();
  // What the tests measure: when there was something to be seen of the cluster.
  if (loaded && performance.getEntriesByName("drawn").length === 0) performance.mark("drawn");
}

function drawLink() {
  const words = { loading: "Connecting", live: model.standby === true ? "Live · standby" : "Live", lost: "Disconnected", forbidden: "Not allowed", failed: "Trouble", old: "Updated" }[link.link];
  const element = byId("link");
  element.className = `link is-${link.link}`;
  const text = /** @type {Element} */ (element.lastElementChild);
  if (text.textContent !== words) text.textContent = words;
  element.title = model.server === "" ? "" : `${model.server} · k8s-replicator ${model.version}`;
  const lost = link.link === "lost" && loaded;
  notice.hidden = !lost;
  if (lost && notice.childElementCount === 0) {
    notice.replaceChildren(h("strong", null, "Disconnected. "), h("span", null, "What is shown may be old. The page comes back by itself."));
  }
  if (!lost) notice.replaceChildren();
  const bad = loaded ? countStates(model) : [];
  const failing = bad[4] ?? 0;
  document.title = failing > 0 ? `${grouped(failing)} failing · Replication` : "Replication · k8s-replicator";
}

function clear() {
  search.value = "";
  go({ filter: { ...NO_FILTER, states: [] } });
  search.focus();
}

function drawStage() {
  byId("as-matrix").setAttribute("aria-pressed", String(view.as === "matrix"));
  byId("as-table").setAttribute("aria-pressed", String(view.as === "table"));
  byId("zoom").hidden = view.as !== "matrix";
  byId("order").setAttribute("aria-pressed", String(view.order === "problems"));
  const blank = drawBlank(link, loaded ? model : null, rows.length, clear);
  document.body.classList.toggle("nothing", blank !== null && !["none", "loading", "ready"].includes(blank.getAttribute("data-of") ?? ""));
  const shown = blank ?? (view.as === "matrix" ? matrix.element : table.element);
  if (blank !== null ? stage.firstElementChild?.getAttribute("data-of") !== blank.getAttribute("data-of") : stage.firstElementChild !== shown) stage.replaceChildren(shown);
  byId("count").textContent = blank !== null ? "" : isFiltering(view.filter) ? `${grouped(rows.length)} of ${count(model.length, "target")}` : `${count(model.length, "target")} in ${count(model.existingNamespaces, "namespace")}`;
  if (blank !== null) return;
  const chosen = view.place === null ? "" : `${view.place.kind}:${view.place.key}`;
  if (view.as === "table") return table.show(model, rows, view.order, chosen);
  const key = labelOf(view);
  const by = key === "" ? null : labels.by(key, model.namespacesRevision);
  const layout = new Layout(model, rows, { width: matrix.room, zoom: view.zoom, opened: view.opened, order: view.order, grouped: view.group !== "no", by });
  groups ||= !layout.fits || view.group !== "";
  byId("by").hidden = !groups;
  if (groups) drawGroups(labels.keys(model.namespacesRevision), view.group);
  const row = view.place?.what === "trail" ? model.find(view.place.kind, view.place.key) : undefined;
  matrix.show(model, layout, chosen, row === undefined ? null : layout.spot(row));
}

// --- The panel ---

/** What the panel shows, so that it is not drawn anew when nothing changed. */
let shownSide = "";
/** @type {{ key: string, at: number, abort: AbortController, of: number } | null} */
let asked = null;

const listener = {
  trail: (/** @type {string} */ kind, /** @type {string} */ key) => open("trail", kind, key),
  source: (/** @type {string} */ kind, /** @type {string} */ key) => open("source", kind, key),
  all: (/** @type {string} */ source) => {
    search.value = source;
    go({ as: "table", filter: { ...NO_FILTER, states: [], text: source } });
  },
  reason: (/** @type {string} */ code) => filter({ reason: view.filter.reason === code ? "" : code }),
};

function drawSide() {
  const { place } = view;
  side.hidden = !loaded || (model.length === 0 && place === null);
  if (!loaded) return;
  if (place === null) {
    asked?.abort.abort();
    asked = null;
    // The ages go on, but nobody's focus is taken away for them.
    const focus = side.contains(document.activeElement);
    const key = `overview ${model.revision} ${serialise(view)} ${focus ? "" : Math.floor(Date.now() / 5000)}`;
    if (shownSide === key) return;
    shownSide = key;
    fillSide(drawOverview(model, rows, view.filter.reason, listener));
  } else if (place.what === "source") {
    asked?.abort.abort();
    asked = null;
    const key = `source ${place.kind} ${place.key} ${model.revision}`;
    if (shownSide === key) return;
    shownSide = key;
    fillSide([back(), ...drawSource(model, place.kind, place.key, listener)]);
    if (wantsFocus) focusSide();
    wantsFocus = false;
  } else {
    void drawTrailOf(place.kind, place.key);
  }
}

/** How far the panel is scrolled: to ask the element would lay out the page once more. */
let sideTop = 0;
side.addEventListener("scroll", () => (sideTop = side.scrollTop));

/** @param {(Node | null)[]} children */
function fillSide(children) {
  const active = document.activeElement;
  const inside = side.contains(active) && active !== side;
  const nth = inside ? [...side.querySelectorAll("button, [tabindex]")].indexOf(/** @type {Element} */ (active)) : -1;
  const top = sideTop;
  side.replaceChildren(...children.filter((it) => it !== null));
  if (top > 0) side.scrollTop = top;
  if (nth >= 0) /** @type {HTMLElement | undefined} */ ([...side.querySelectorAll("button, [tabindex]")][nth])?.focus({ preventScroll: true });
}

function back() {
  return h("nav", { class: "back", "aria-label": "Panel" }, h("button", { type: "button", click: close }, "✕ Close"));
}

/** @param {string} kind @param {string} target */
async function drawTrailOf(kind, target) {
  const key = `trail ${kind} ${target}`;
  const first = asked?.key !== key;
  if (!first && (asked?.of === model.revision || performance.now() - (asked?.at ?? 0) < TRAIL_AGAIN)) {
    if (asked?.of !== model.revision) setTimeout(drawCalmly, TRAIL_AGAIN);
    return;
  }
  asked?.abort.abort();
  const abort = new AbortController();
  asked = { key, at: performance.now(), abort, of: model.revision };
  if (first) {
    shownSide = key;
    side.replaceChildren(back(), h("div", { class: "what" }, h("p", { class: "kicker" }, kind), title(target)), h("p", { class: "soft" }, "Asking the controller …"));
    if (wantsFocus) focusSide();
    wantsFocus = false;
  }
  try {
    const trail = await fetchTrail(kind, target, abort.signal);
    if (abort.signal.aborted) return;
    const same = JSON.stringify({ ...trail, now: 0 });
    if (shownSide === `${key} ${same}`) return;
    const had = side.contains(document.activeElement);
    shownSide = `${key} ${same}`;
    if (first || !had) {
      side.replaceChildren(back(), .../** @type {Node[]} */ (drawTrail(trail, listener, model.prefix)));
      if (had) focusSide();
    } else {
      fillSide([back(), .../** @type {Node[]} */ (drawTrail(trail, listener, model.prefix))]);
    }
  } catch (error) {
    if (abort.signal.aborted) return;
    shownSide = `${key} failed`;
    if (asked !== null) asked.of = -1;
    if (first) side.replaceChildren(back(), h("div", { class: "what" }, h("p", { class: "kicker" }, kind), title(target)), h("p", { class: "bad" }, error instanceof Error ? error.message : "The server does not answer."));
  }
}

// --- What people do ---

search.value = view.filter.text;
search.addEventListener("input", () => filter({ text: search.value }, "replace"));
search.form?.addEventListener("submit", (event) => {
  event.preventDefault();
  // One that is named in full is meant, and so is the only one that is found: now, which may not be drawn yet.
  const text = search.value.trim();
  const found = matching(model, view.filter);
  const named = [...found].find((row) => model.target(row) === text);
  if (named !== undefined || found.length === 1) openRow(named ?? found[0] ?? 0);
  else if (view.as === "table") table.focus(true);
  else matrix.scroll.focus();
});
byId("as-matrix").addEventListener("click", () => go({ as: "matrix" }));
byId("as-table").addEventListener("click", () => go({ as: "table" }));
byId("order").addEventListener("click", () => go({ order: view.order === "problems" ? "name" : "problems" }));
byId("grouped").addEventListener("change", () => go({ group: /** @type {HTMLSelectElement} */ (byId("grouped")).value, opened: [] }));
byId("zoom-in").addEventListener("click", () => go({ zoom: Math.min(SIZES.length - 1, view.zoom + 1) }, "replace"));
byId("zoom-out").addEventListener("click", () => go({ zoom: Math.max(0, view.zoom - 1) }, "replace"));
matrix.scroll.addEventListener("wheel", (event) => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  go({ zoom: Math.max(0, Math.min(SIZES.length - 1, view.zoom + (event.deltaY < 0 ? 1 : -1))) }, "replace");
}, { passive: false });
addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const types = /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName);
  if (event.key === "Escape") {
    if (view.place !== null) close();
    else if (target === search && search.value !== "") {
      search.value = "";
      filter({ text: "" });
    }
  } else if (event.key === "/" && !types && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    search.focus();
    search.select();
  } else if ((event.key === "+" || event.key === "-") && !types && view.as === "matrix" && !event.ctrlKey && !event.metaKey) {
    byId(event.key === "+" ? "zoom-in" : "zoom-out").click();
  }
});
new ResizeObserver(draw).observe(stage);
setInterval(() => document.hidden || drawCalmly(), 5_000);

// --- The server ---

const server = new Server({
  snapshot: (snapshot) => {
    model = Model.of(snapshot, Date.now());
    model.revision = Math.max(1, Math.round(performance.now()));
    if (!loaded) performance.mark("loaded");
    loaded = true;
    draw();
    prepare(model);
  },
  frame: (frame) => {
    model.apply(frame, Date.now());
    drawCalmly();
  },
  link: (state, why) => {
    link = { link: state, why };
    draw();
  },
});
/** Rows get their places a few at a time: the first frame that changes one does not wait for all of them. @param {Model} of */
function prepare(of) {
  setTimeout(() => of === model && !of.index(10_000) && prepare(of), 50);
}

// Before the first answer there is something to be seen.
paint();
void server.begin();
