// The pure core of the page: what it knows, what it shows, where it stands, what the address bar says.

import assert from "node:assert/strict";
import { test } from "node:test";

import { countReasons, countStates, oldest, oldestOf } from "../../crates/dashboard/page/js/counts.js";
import { glob, isFiltering, matching, NO_FILTER } from "../../crates/dashboard/page/js/filter.js";
import { byLabel, columns, group, Layout } from "../../crates/dashboard/page/js/layout.js";
import { Model } from "../../crates/dashboard/page/js/model.js";
import { natural, ordered } from "../../crates/dashboard/page/js/order.js";
import { shape, STATES } from "../../crates/dashboard/page/js/states.js";
import { Texts } from "../../crates/dashboard/page/js/texts.js";
import { parse, serialise, start } from "../../crates/dashboard/page/js/url.js";
import { age, breakable, fitted, grouped, marked, shortened, spoken } from "../../crates/dashboard/page/js/words.js";
import { snapshot, world } from "./mock.js";

/** @param {[number, string, string | null, number, string | null, number, number | null][]} targets */
function modelOf(targets) {
  const model = new Model();
  model.kinds = ["Secret", "ConfigMap"];
  for (const target of targets) model.set(target);
  return model;
}

const all = (model) => matching(model, NO_FILTER);
const names = (model, rows) => [...rows].map((row) => model.target(row)).sort();

test("a snapshot is read as it was written", () => {
  const it = world({ sources: 20, namespaces: 30 });
  const model = Model.of(snapshot(it, "e-0"), 0);
  assert.equal(model.length, it.targets.size);
  for (const target of it.targets.values()) {
    const row = model.row(model.find(["Secret", "ConfigMap"][target.kind], target.target));
    assert.deepEqual([row.source, row.state, row.reason, row.exists, row.pushed], [target.source, target.state, target.reason, target.flags % 2 === 1, (target.flags & 2) !== 0]);
    if (target.state !== 0) assert.equal(Math.round(model.now(0) - row.since), target.since);
  }
});

test("frames, one after the other, lead to what a new snapshot says, whatever happens", () => {
  const it = world({ sources: 8, namespaces: 12 });
  const model = Model.of(snapshot(it, "e-0"), 0);
  let seed = 1;
  const next = (n) => (seed = (seed * 48271) % 2147483647) % n;
  for (let round = 0; round < 400; round++) {
    const target = `ns-${next(9)}/t-${next(9)}`;
    const frame = { now: 1 };
    if (next(3) === 0) {
      frame.gone = [[0, target]];
      it.targets.delete(`0 ${target}`);
    } else {
      const changed = [0, target, next(4) === 0 ? null : `src/${next(5)}`, next(5), "Drift", next(8), null];
      frame.rows = [changed];
      it.targets.set(`0 ${target}`, { kind: 0, target, source: changed[2], state: changed[3], reason: changed[4], flags: changed[5], since: 0 });
    }
    model.apply(frame, 0);
  }
  const shown = (it) => Array.from({ length: it.length }, (_, row) => ({ ...it.row(row), since: null })).sort((a, b) => (a.kind + a.target < b.kind + b.target ? -1 : 1));
  assert.deepEqual(shown(model), shown(Model.of(snapshot(it, "e-1"), 0)));
});

test("the last actions are kept, the latest first", () => {
  const model = modelOf([]);
  const action = (n) => ({ at: n, kind: "Secret", target: `a/${n}`, source: null, action: "update", reason: "Drift", error: null, others: 0 });
  model.apply({ now: 0, actions: [action(1), action(2)] }, 0);
  model.apply({ now: 0, actions: [action(2), action(3)] }, 0);
  assert.deepEqual(model.actions.map((it) => it.at), [3, 2, 1]);
  for (let n = 3; n < 200; n++) model.apply({ now: 0, actions: [action(n)] }, 0);
  assert.deepEqual([model.actions.length, model.actions[0].at, model.actions[59].at], [60, 199, 140]);
});

test("filters", () => {
  const model = modelOf([
    [0, "team-a/db", "infra/db", 0, "UpToDate", 3, null],
    [0, "team-b/db", "infra/db", 3, "NamespaceNotAllowed", 0, 5],
    [1, "team-b/ca", "certs/ca", 1, null, 2, 9],
    [0, "other/thing", null, 4, "Forbidden", 1, 2],
  ]);
  for (const [filter, expected] of [
    [{}, ["other/thing", "team-a/db", "team-b/ca", "team-b/db"]],
    [{ text: "DB" }, ["team-a/db", "team-b/db"]],
    [{ text: "infra team-b" }, ["team-b/db"]],
    [{ text: "b/d" }, ["team-b/db"]],
    [{ text: "certs/ca" }, ["team-b/ca"]],
    [{ text: "forbid" }, ["other/thing"]],
    [{ text: "nothing" }, []],
    [{ states: ["refused", "failing"] }, ["other/thing", "team-b/db"]],
    [{ kind: "ConfigMap" }, ["team-b/ca"]],
    [{ reason: "UpToDate" }, ["team-a/db"]],
    [{ reason: "Unheard" }, []],
    [{ namespace: "team-*" }, ["team-a/db", "team-b/ca", "team-b/db"]],
    [{ namespace: "team-b", kind: "Secret" }, ["team-b/db"]],
  ]) {
    assert.deepEqual(names(model, matching(model, { ...NO_FILTER, ...filter })), expected, JSON.stringify(filter));
    assert.equal(isFiltering({ ...NO_FILTER, ...filter }), Object.keys(filter).length > 0);
  }
});

test("patterns of namespaces", () => {
  for (const [pattern, text, fits] of [
    ["a", "a", true], ["a", "ab", false], ["a*", "ab", true], ["*a", "ba", true], ["*a", "ab", false], ["a*c", "abc", true],
    ["a*a", "a", false], ["*b*", "abc", true], ["a*b*c", "a-b-c", true], ["a*b*c", "acb", false], ["*", "", true],
  ]) assert.equal(glob(pattern)(text), fits, `${pattern} ${text}`);
});

test("numbers by state and reason, and the oldest that waits", () => {
  const model = modelOf([
    [0, "a/1", "s/s", 1, "SourceMissing", 1, 50], [0, "a/2", "s/s", 1, "SourceMissing", 1, 10],
    [0, "a/3", "s/s", 4, "Forbidden", 1, 90], [0, "a/4", "s/s", 0, "UpToDate", 1, null], [0, "a/5", "s/s", 3, "Loop", 1, null],
  ]);
  assert.deepEqual(countStates(model), [1, 2, 0, 1, 1]);
  assert.deepEqual(oldest(model, all(model), 9).map((row) => model.target(row)), ["a/3", "a/5", "a/2", "a/1"]);
  assert.deepEqual(oldestOf(model, all(model)), [undefined, 10, undefined, undefined, 90]);
  assert.deepEqual(countReasons(model, all(model)).map((it) => [it.reason, it.count]), [["SourceMissing", 2], ["Forbidden", 1], ["Loop", 1]]);
});

test("what would be lost with a source, also down a chain", () => {
  const model = modelOf([
    [0, "a/pushed", "s/s", 0, "UpToDate", 3, null], [0, "b/pulled", "s/s", 0, "UpToDate", 1, null], [0, "c/absent", "s/s", 1, "NewTarget", 2, 1],
    [0, "d/further", "b/pulled", 0, "UpToDate", 1, null], [0, "e/ring", "d/further", 0, "UpToDate", 1, null], [0, "s/s", "e/ring", 3, "Ring", 1, 1],
    [1, "a/other-kind", "s/s", 0, "UpToDate", 3, null],
  ]);
  const { direct, deleted, emptied, further } = model.blast("Secret", "s/s");
  assert.deepEqual([direct.length, deleted, emptied, further], [3, 1, 1, 3]);
});

test("namespaces are grouped by what their names begin with, and each is in one group", () => {
  const sorted = (list) => list.slice().sort();
  const labels = (list, capacity) => group(sorted(list), capacity).map((it) => it.label);
  const teams = ["a-dev", "a-prod", "b-dev", "b-prod", "default"];
  assert.deepEqual(labels(teams, 5), sorted(teams));
  assert.deepEqual(labels(teams, 3), ["a-*", "b-*", "default"]);
  assert.deepEqual(labels(["x-1", "x-2", "x-3", "x-4"], 2), ["x-1 … x-2", "x-3 … x-4"]);
  const teams20 = Array.from({ length: 60 }, (_, n) => `team-${String(n % 20).padStart(2, "0")}-${["dev", "prod", "test"][n % 3]}`);
  assert.deepEqual(new Set(labels(teams20, 8)), new Set(Array.from({ length: 20 }, (_, n) => `team-${String(n).padStart(2, "0")}-*`)));
  const many = Array.from({ length: 500 }, (_, n) => `tenant-${String(n).padStart(3, "0")}`);
  for (const capacity of [1, 3, 9, 40]) {
    const groups = group(many, capacity);
    assert.ok(groups.length <= Math.max(capacity, 26) + 1, `${capacity}: ${groups.length}`);
    assert.deepEqual(groups.flatMap((it) => it.names), many);
  }
});

/** The cells that there are, each as it is found at its place. */
function cells(layout) {
  const found = layout.rows.flatMap((_, row) => layout.columns.map((_, column) => layout.at(row, column)));
  return found.filter((it) => it !== undefined);
}

test("namespaces are grouped by the value of a label, those without it last", () => {
  const by = { key: "team", values: new Map([["a", "web"], ["b", "db"], ["c", "web"], ["e", ""]]) };
  assert.deepEqual(byLabel(["a", "b", "c", "d", "e"], by), [
    { label: '""', names: ["e"] }, { label: "db", names: ["b"] }, { label: "web", names: ["a", "c"] }, { label: "no team", names: ["d"] },
  ]);
  const model = modelOf(["a", "b", "c", "d"].map((namespace) => [0, `${namespace}/t`, "s/s", 0, "UpToDate", 3, null]));
  const labels = (opened) => columns(model, all(model), 4000, 18, opened, true, by).list.map((it) => `${it.label}${it.inGroup}`);
  // Whoever asks for it gets it also where all would fit.
  assert.deepEqual(labels([]), ["db", "web", "no team"]);
  assert.deepEqual(labels(["web"]), ["db", "aweb", "cweb", "no team"]);
});

test("many rows are put in order by small numbers, and those alike stay as they are", () => {
  const says = [3, 1, 2, 1, 0, 3, 1];
  assert.deepEqual([...ordered(Uint32Array.from(says.keys()), 4, (n) => says[n])], [4, 1, 3, 6, 2, 0, 5]);
  assert.deepEqual([...ordered(new Uint32Array(), 0, () => 0)], []);
});

test("texts are in order however they come", () => {
  const texts = new Texts(["n-10", "n-9", "b"]);
  const list = () => texts.inOrder().map((number) => texts.text(number));
  assert.deepEqual(list(), ["b", "n-9", "n-10"]);
  for (const text of ["a", "z", "n-9a", "b"]) texts.number(text);
  assert.deepEqual(list(), ["a", "b", "n-9", "n-9a", "n-10", "z"]);
  for (let n = 300; n > 0; n--) texts.number(`n-${n}`);
  assert.deepEqual(list(), [...texts.list].sort(natural));
  assert.deepEqual([...texts.placed()].map((place, number) => texts.inOrder()[place] === number), texts.list.map(() => true));
});

test("the matrix: each target is in one cell, found where it is drawn", () => {
  const it = world({ sources: 30, namespaces: 90 });
  const model = Model.of(snapshot(it, "e-0"), 0);
  const by = { key: "team", values: new Map([...it.labels].flatMap(([name, labels]) => (labels.team === "risk" ? [] : [[name, labels.team]]))) };
  for (const how of [{ width: 500, opened: [], grouped: true, by }, { width: 500, opened: ["checkout"], grouped: true, by }, { width: 4000, opened: [], grouped: true }, { width: 500, opened: [], grouped: true }, { width: 500, opened: ["checkout-*"], grouped: true }, { width: 500, opened: [], grouped: false }]) {
    const layout = new Layout(model, all(model), { ...how, zoom: 2, order: "problems" });
    let total = 0;
    for (const cell of cells(layout)) {
      total += cell.total;
      assert.equal(cell.total, cell.counts.reduce((a, b) => a + b));
      assert.equal(layout.columnAt((layout.edges[cell.column] + layout.edges[cell.column + 1]) / 2), cell.column);
      assert.equal(layout.rowAt((cell.row + 0.5) * layout.rowHeight), cell.row);
      assert.equal(model.row(cell.first).source, layout.rows[cell.row].key);
      assert.ok(layout.columns[cell.column].members.includes(model.namespace[cell.first]));
    }
    assert.equal(total, model.length);
    for (let row = 0; row < model.length; row++) {
      const { row: r, column: c } = layout.spot(row);
      assert.ok(layout.columns[c].members.includes(model.namespace[row]) && layout.at(r, c).total > 0);
    }
    assert.equal(layout.at(0, layout.columns.length), undefined);
    assert.equal(layout.at(-1, 0) ?? layout.at(layout.rows.length, 0), undefined);
    assert.equal(layout.columnAt(-1), -1);
    assert.equal(layout.columnAt(layout.width), -1);
  }
});

test("sources with problems come first, and those that only wait stay where they are", () => {
  const model = modelOf([
    [0, "n/1", "s/a", 1, "NewTarget", 0, 1], [0, "n/2", "s/b", 0, "UpToDate", 3, null], [0, "n/3", "s/c", 3, "Loop", 1, 1], [0, "n/4", "s/d", 4, "Forbidden", 1, 1],
  ]);
  const order = (order) => new Layout(model, all(model), { width: 900, zoom: 2, opened: [], grouped: true, order }).rows.map((row) => row.key);
  assert.deepEqual(order("problems"), ["s/d", "s/c", "s/a", "s/b"]);
  assert.deepEqual(order("name"), ["s/a", "s/b", "s/c", "s/d"]);
});

test("what the cursor is on is found again where rows and columns have changed places", () => {
  const rows = (state) => [[0, "alpha-a/t", "s/a", 0, "UpToDate", 3, null], [0, "alpha-b/t", "s/b", state, "Forbidden", 1, 1], [0, "beta-a/t", "s/b", 0, "UpToDate", 3, null]];
  const by = { key: "team", values: new Map([["alpha-a", "x"], ["alpha-b", "x"], ["beta-a", "y"]]) };
  const layout = (model, how) => new Layout(model, all(model), { width: 900, zoom: 2, opened: [], grouped: true, order: "problems", ...how });
  const [calm, failing] = [modelOf(rows(0)), modelOf(rows(4).reverse())];
  const from = layout(calm, {});
  const at = { row: 1, column: 1 };
  assert.deepEqual([from.rows[1].key, from.columns[1].label], ["s/b", "alpha-b"]);
  const found = (model, how) => {
    const to = layout(model, how);
    const spot = to.find(from, at);
    return spot && [spot.row, to.rows[spot.row].key, to.columns[spot.column].label];
  };
  assert.deepEqual(found(calm, {}), [1, "s/b", "alpha-b"]);
  // A problem brings its row to the top, in a model whose numbers are others.
  assert.deepEqual(found(failing, {}), [0, "s/b", "alpha-b"]);
  // The namespace becomes a part of a group, and is there when that is opened.
  assert.deepEqual(found(calm, { by }), [1, "s/b", "x"]);
  assert.deepEqual(found(calm, { by, opened: ["x"] }), [1, "s/b", "alpha-b"]);
  // The source is gone, or the namespace.
  assert.equal(found(modelOf(rows(0).slice(0, 1)), {}), null);
  assert.equal(found(modelOf(rows(0).slice(2)), {}), null);
});

test("one source that is too wide for the page is one column of groups, and no namespace gets lost when it is opened", () => {
  const model = modelOf(Array.from({ length: 60 }, (_, n) => [0, `team-${n}/t`, "s/s", 0, "UpToDate", 3, null]));
  const closed = columns(model, all(model), 300, 18, [], true).list;
  const open = columns(model, all(model), 300, 18, [closed[0].label], true).list;
  assert.equal(open.length, closed.length - 1 + closed[0].members.length);
  assert.equal(new Set(open.flatMap((it) => it.members)).size, 60);
});

test("the address bar says the view, and the view is what it says", () => {
  for (const query of [
    "", "?q=a+b", "?state=waiting,failing", "?reason=Drift&kind=Secret&ns=team-*", "?view=table&order=name", "?zoom=4&group=no", "?group=label:app.kubernetes.io/part-of&open=web",
    "?open=team-a-*,b-*", "?trail=Secret:a/b.c", "?source=ConfigMap:a/b", "?q=%C3%A4%26x&trail=Secret:a/b",
  ]) assert.equal(serialise(parse(query)), query, query);
  assert.deepEqual(parse("?state=x&zoom=99&view=y&trail=nonsense&open=&group=label:"), start());
  assert.deepEqual(parse("?state=failing,waiting").filter.states, ["waiting", "failing"]);
});

test("words", () => {
  assert.deepEqual([0, 119, 120, 7199, 7200, 172799, 172800, -5].map(age), ["0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 d", "0 s"]);
  assert.deepEqual([0, 999, 1000, 1234567].map(grouped), ["0", "999", "1\u202f000", "1\u202f234\u202f567"]);
  assert.deepEqual([shortened("abcdef", 6), shortened("abcdef", 5), shortened("abcdef", 1)], ["abcdef", "ab…ef", "…"]);
  const long = `${"very-long-".repeat(25)}end`;
  assert.equal(long.length, 253);
  assert.equal(fitted(long, 20, (text) => text.length), shortened(long, 20));
  assert.equal(fitted("short", 20, (text) => text.length), "short");
  assert.equal(breakable(long).join(""), long);
  assert.equal(breakable("a.b-c/d").join("|"), "a.|b-|c/|d");
  assert.deepEqual(marked("put `x` on").map((it) => it.code), [false, true, false]);
  assert.equal(spoken("NamespaceNotAllowed"), "Namespace not allowed");
});

test("each state has a shape of its own", () => {
  assert.equal(new Set(STATES.map((state) => shape(state, 14))).size, STATES.length);
});
