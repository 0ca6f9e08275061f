// How fast the page is, measured by the browser: 10,000 replicas of 200 sources in 500 namespaces, and 100,000 cells.
//
// What is judged is the processor's time that the page's main thread takes for one task, as the browser's own trace tells it: a frame is
// one task. Tests run on machines that have other things to do. What the clock says, by the browser's own frames
// (requestAnimationFrame, Long Animation Frames), is told beside it, and judged where that is asked for, on a quiet machine:
//
//     CLOCK=judged node --test speed.test.js

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { launch, SKIPPED, until, visit } from "./browser.js";
import { happen, serve, world } from "./mock.js";

const CLOCK = process.env.CLOCK === "judged";

/**
 * Does something in each of so many frames. Answers how long after one another the frames came, in milliseconds, and how long the
 * browser says that those took which it calls long (over 50).
 * @param {number} frames @param {string} step
 */
const inFrames = (frames, step) => `new Promise((resolve) => {
  let n = 0;
  let last = 0;
  const [apart, long] = [[], []];
  const seen = new PerformanceObserver((list) => long.push(...list.getEntries().map((it) => Math.round(it.duration))));
  seen.observe({ type: "long-animation-frame" });
  const step = (at) => {
    if (last > 0) apart.push(Math.round(at - last));
    last = at;
    ${step};
    if (n++ < ${frames}) requestAnimationFrame(step);
    else setTimeout(() => resolve({ apart, long }), 100);
  };
  requestAnimationFrame(step);
})`;
const SCROLL = inFrames(90, `const it = document.querySelector(".matrix"); it.scrollTop = n * 37; it.scrollLeft = n * 11`);
const TABLE = inFrames(90, `document.querySelector(".table").scrollTop = n * 419`);
const FILTER = inFrames(60, `if (n % 4 === 0) {
  const it = document.querySelector("#search");
  it.value = "registry-credentials-team".slice(0, n / 4);
  it.dispatchEvent(new Event("input", { bubbles: true }));
}`);

/** Others, and the host of a virtual machine, take time that is counted as the page's: the best of so many attempts counts. */
const ATTEMPTS = 6;
/** Nobody waits for a browser that has gone. */
const LIMIT = 300_000;

describe("speed", { skip: SKIPPED }, () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser?.close());

  /** The tasks of the page's main thread while something is done, in milliseconds: the longest, and all of them. */
  async function traced(what) {
    const cdp = await browser.newBrowserCDPSession();
    const events = [];
    cdp.on("Tracing.dataCollected", ({ value }) => events.push(...value));
    const complete = new Promise((resolve) => cdp.on("Tracing.tracingComplete", resolve));
    await cdp.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: ["toplevel"] } });
    const answer = await what();
    await cdp.send("Tracing.end");
    await complete;
    await cdp.detach();
    const names = new Map(events.filter((it) => it.ph === "M" && it.name === "thread_name").map((it) => [`${it.pid} ${it.tid}`, it.args.name]));
    const tasks = events.filter((it) => it.ph === "X" && it.name === "ThreadControllerImpl::RunTask" && names.get(`${it.pid} ${it.tid}`) === "CrRendererMain" && it.tdur !== undefined);
    const most = (times) => Math.round(times.reduce((a, b) => Math.max(a, b), 0) / 1000);
    return { answer, longest: most(tasks.map((it) => it.tdur)), clock: most(tasks.map((it) => it.dur)), sum: Math.round(tasks.reduce((sum, it) => sum + it.tdur, 0) / 1000), count: tasks.length };
  }

  for (const [name, how, frame, first] of [
    ["10,000 replicas of 200 sources in 500 namespaces", { sources: 200, namespaces: 500, share: 0.118 }, 50, 1_000],
    ["100,000 cells", { sources: 240, namespaces: 500, share: 1.17 }, 100, 3_000],
  ]) {
    test(name, { timeout: LIMIT }, async (t) => {
      const of = world(how);
      const least = how.share > 1 ? 100_000 : 10_000;
      assert.ok(of.targets.size >= least, String(of.targets.size));
      const server = await serve(of);
      let it;
      const drawn = () => until("the first picture", () => it.within(`performance.getEntriesByName("drawn")[0]?.startTime`), 60_000);
      let clock;
      const took = await traced(async () => {
        it = await visit(browser, server.url, { width: 1440, height: 900 });
        clock = await drawn();
      });
      const wire = it.wire();
      t.diagnostic(`${of.targets.size} targets: drawn with ${took.sum} ms of work, ${Math.round(clock)} ms by the clock; ${Math.round(wire / 1024)} KiB over the wire`);
      assert.ok(took.sum <= first, `drawn with ${took.sum} ms of work`);
      if (CLOCK) assert.ok(clock <= first, `drawn after ${clock} ms`);
      assert.ok(wire <= 5 << 20, `${wire} bytes`);
      // While things happen.
      const ticking = setInterval(() => server.tell(happen(of)), 500);
      try {
        for (const [what, path, script] of [
          ["scrolling the matrix", "", SCROLL],
          ["scrolling single cells", "?group=no&zoom=0", SCROLL],
          ["scrolling the table", "?view=table", TABLE],
          ["filtering the matrix", "", FILTER],
          ["filtering the table", "?view=table", FILTER],
        ]) {
          let best = Infinity;
          for (let attempt = 0; attempt < ATTEMPTS && best > frame; attempt++) {
            await it.page.goto(server.url + path);
            await it.live();
            await drawn();
            await it.page.waitForTimeout(300);
            const { answer, longest, clock, count } = await traced(() => it.within(script));
            const apart = answer.apart.slice().sort((a, b) => b - a);
            t.diagnostic(`${what}: the longest of ${count} tasks took ${longest} ms, ${clock} ms by the clock; ` +
              `of ${apart.length} frames the longest took ${apart.slice(0, 3).join(", ")} ms by the clock, ${answer.long.length} were long`);
            assert.ok(count > 50, `${what}: ${count} tasks`);
            best = Math.min(best, CLOCK ? Math.max(longest, apart[0]) : longest);
          }
          assert.ok(best <= frame, `${what}: in each of ${ATTEMPTS} attempts a frame took ${best} ms or more`);
        }
      } finally {
        clearInterval(ticking);
      }
      it.clean();
      await it.close();
      await server.close();
    });
  }
});
