// How fast the page is, measured by the browser: 10,000 replicas of 200 sources in 500 namespaces, and 100,000 cells.
//
// A frame that took more than 50 ms is told by the browser itself (`long-animation-frame`). The machine may have other things to do:
// the best of a few attempts counts.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { launch, SKIPPED, until, visit } from "./browser.js";
import { happen, serve, world } from "./mock.js";

const ATTEMPTS = 4;
const FRAMES = `new Promise((resolve) => {
  const long = [];
  const observer = new PerformanceObserver((list) => list.getEntries().forEach((it) => long.push(Math.round(it.duration))));
  observer.observe({ type: "long-animation-frame", buffered: false });
  const of = WHAT;
  let n = 0;
  const times = [];
  let last = performance.now();
  const step = () => {
    const now = performance.now();
    times.push(now - last);
    last = now;
    if (n < of.steps) { of.step(n++); requestAnimationFrame(step); }
    else setTimeout(() => { observer.disconnect(); resolve({ long, median: times.sort((a, b) => a - b)[times.length >> 1] }); }, 100);
  };
  requestAnimationFrame(step);
})`;

const SCROLL = `({ steps: 90, step(n) { const it = document.querySelector(".matrix"); it.scrollTop = n * 37; it.scrollLeft = n * 11; } })`;
const TABLE = `({ steps: 90, step(n) { document.querySelector(".table").scrollTop = n * 419; } })`;
const FILTER = `({ steps: 60, step(n) {
  const it = document.querySelector("#search");
  if (n % 4 === 0) { it.value = "registry-credentials-team".slice(0, n / 4); it.dispatchEvent(new Event("input", { bubbles: true })); }
} })`;

describe("speed", { skip: SKIPPED }, () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser?.close());

  /** The best of a few attempts at something that is measured in long frames. */
  async function calm(within, what, most) {
    let best = null;
    for (let n = 0; n < ATTEMPTS; n++) {
      const found = await within(FRAMES.replace("WHAT", what));
      const worst = Math.max(0, ...found.long);
      if (best === null || worst < best.worst) best = { worst, median: Math.round(found.median), count: found.long.length };
      if (worst <= most) break;
    }
    return best;
  }

  for (const [name, how, most, limit] of [
    ["10,000 replicas of 200 sources in 500 namespaces", { sources: 200, namespaces: 500, share: 0.118 }, 50, 1_000],
    ["100,000 cells", { sources: 240, namespaces: 500, share: 1.17 }, 250, 3_000],
  ]) {
    test(name, async (t) => {
      const of = world(how);
      const server = await serve(of);
      const drawn = [];
      let it;
      for (let n = 0; n < ATTEMPTS; n++) {
        await it?.close();
        it = await visit(browser, server.url, { width: 1440, height: 900 });
        await it.live();
        drawn.push(await until("the first picture", () => it.within(`performance.getEntriesByName("drawn")[0]?.startTime`)));
        if (drawn.at(-1) <= limit) break;
      }
      const wire = it.wire();
      t.diagnostic(`${of.targets.size} targets: drawn after ${Math.round(Math.min(...drawn))} ms, ${Math.round(wire / 1024)} KiB over the wire`);
      assert.ok(of.targets.size >= (how.share > 1 ? 100_000 : 10_000), String(of.targets.size));
      assert.ok(Math.min(...drawn) <= limit, `drawn after ${drawn} ms`);
      assert.ok(wire <= 5 << 20, `${wire} bytes`);
      // While things happen.
      const ticking = setInterval(() => server.tell(happen(of)), 500);
      for (const [what, path, script] of [
        ["scrolling the matrix", "", SCROLL],
        ["scrolling single cells", "?group=no&zoom=0", SCROLL],
        ["scrolling the table", "?view=table", TABLE],
        ["filtering", "", FILTER],
      ]) {
        await it.page.goto(server.url + path);
        await it.live();
        await until("the picture", () => it.within(`performance.getEntriesByName("drawn").length > 0`));
        await it.page.waitForTimeout(300);
        const { worst, median, count } = await calm(it.within, script, most);
        t.diagnostic(`${what}: ${count} long frames, the longest ${worst} ms, median ${median} ms`);
        assert.ok(worst <= most, `${what}: a frame took ${worst} ms`);
      }
      clearInterval(ticking);
      it.clean();
      await it.close();
      await server.close();
    });
  }
});
