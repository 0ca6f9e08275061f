// A real Chromium, driven over the DevTools protocol, that remembers whatever it should not have seen.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";

const require = createRequire(import.meta.url);

/** The browser's program; `null`: there is none. */
export function chromium() {
  const named = process.env.CHROMIUM;
  if (named) return named;
  const folders = (process.env.PATH ?? "").split(delimiter);
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
    if (found !== undefined) return found;
  }
  return null;
}

/** Why nothing can be tested here; `false`: all that is needed is there. */
export const SKIPPED = chromium() === null ? "no Chromium is installed (Debian: apt-get install chromium)" : false;

export async function launch() {
  const { chromium: driver } = await import("playwright-core");
  // Containers have little shared memory, and root has no sandbox.
  return driver.launch({ executablePath: chromium(), args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/**
 * A page, and what it did that it must not do: see `clean`.
 * @param {import("playwright-core").Browser} browser
 */
export async function visit(browser, url, { width = 1280, height = 800, scheme = "light", motion = "reduce", expects = [] } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, reducedMotion: motion });
  const page = await context.newPage();
  const faults = [];
  const origin = new URL(url).origin;
  let wire = 0;
  const cdp = await context.newCDPSession(page);
  await cdp.send("Network.enable");
  await cdp.send("Page.enable");
  await cdp.send("Runtime.enable");
  await cdp.send("Log.enable");
  cdp.on("Network.loadingFinished", (event) => (wire += event.encodedDataLength));
  cdp.on("Network.requestWillBeSent", ({ request }) => {
    if (!request.url.startsWith(origin) && !request.url.startsWith("data:")) faults.push(`another host was asked: ${request.url}`);
  });
  // What the policy forbids is said here, as is what goes wrong with the network: which some tests mean.
  cdp.on("Log.entryAdded", ({ entry }) => {
    if (entry.level === "error" && !expects.some((it) => it.test(`${entry.text} ${entry.url ?? ""}`))) faults.push(`${entry.text} ${entry.url ?? ""}`);
  });
  page.on("console", (message) => message.type() === "error" && !expects.some((it) => it.test(message.text())) && faults.push(message.text()));
  page.on("pageerror", (error) => faults.push(error.stack ?? error.message));
  await page.goto(url);
  /** Runs an expression in a world of its own, out of the policy's reach. */
  const within = async (expression) => {
    const { frameTree } = await cdp.send("Page.getFrameTree");
    const { executionContextId } = await cdp.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "test" });
    const { result, exceptionDetails } = await cdp.send("Runtime.evaluate", { expression, contextId: executionContextId, awaitPromise: true, returnByValue: true });
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  return {
    page,
    cdp,
    within,
    wire: () => wire,
    /** Waits until what was done is drawn, which is before the next frame. */
    drawn: () => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(null))))),
    live: () => page.locator(".link.is-live").waitFor(),
    /** Faults that axe-core finds. */
    async axe() {
      const source = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
      return within(`${source};axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
        .then(({ violations }) => violations.map((it) => it.id + ": " + it.nodes.map((node) => node.target + " " + node.failureSummary).join(" | ")))`);
    },
    clean() {
      assert.deepEqual(faults, []);
    },
    async close() {
      await context.close();
    },
  };
}

/** Waits until something is so. */
export async function until(what, is, limit = 10_000) {
  const end = Date.now() + limit;
  for (;;) {
    let last;
    try {
      last = await is();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`${what} does not come: ${last instanceof Error ? last.message : JSON.stringify(last)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
