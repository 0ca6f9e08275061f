// The page in a real Chromium, with a server that stands in for the controller.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { launch, SKIPPED, until, visit } from "./browser.js";
import { happen, serve, world } from "./mock.js";

describe("the page", { skip: SKIPPED }, () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser?.close());

  /** @param {(it: any) => Promise<void>} what */
  async function shown({ of = world(), path = "", live = true, ...how }, what) {
    const server = await serve(of);
    for (let n = 0; n < 4; n++) server.tell(happen(of));
    const it = await visit(browser, server.url + path, how);
    try {
      if (live) await it.live();
      await what({ ...it, server, of });
      it.clean();
    } finally {
      await it.close();
      await server.close();
    }
  }

  const number = (page, state) => page.locator(`.tile.is-${state} .number`).innerText();
  const bad = (of) => [...of.targets.values()].find((it) => it.state === 3);
  const path = (it) => `?trail=${["Secret", "ConfigMap"][it.kind]}:${it.target}`;

  test("axe-core finds no fault, in light and dark, wide and narrow, on each view", async () => {
    const of = world();
    for (const scheme of ["light", "dark"]) {
      for (const width of [1280, 320]) {
        for (const at of ["", "?view=table", path(bad(of)), `?source=Secret:${bad(of).source}`, "?q=nothing-at-all"]) {
          await shown({ of, path: at, scheme, width, height: 760 }, async ({ axe, page }) => {
            if (at.startsWith("?trail")) await page.locator("aside .steps").waitFor();
            assert.deepEqual(await axe(), [], `${scheme} ${width} ${at}`);
            // Nothing is wider than the screen.
            assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, `${width} ${at}`);
          });
        }
      }
    }
  });

  test("the numbers are those of the targets, and follow what happens", async () => {
    await shown({}, async ({ page, server, of }) => {
      const count = (state) => [...of.targets.values()].filter((it) => it.state === state).length;
      await until("the numbers", async () => (await number(page, "failing")) === String(count(4)));
      const before = count(4);
      server.tell({ rows: [[0, "new-namespace/brand-new", "vault/root-ca", 4, "ServerError", 1, null]], actions: [{ at: Date.now(), kind: "Secret", target: "new-namespace/brand-new", source: null, action: "update", reason: "ServerError", error: "it broke", others: 2 }] });
      await until("one more", async () => (await number(page, "failing")) === String(before + 1));
      await page.locator("aside .actions .failed", { hasText: "new-namespace/brand-new" }).waitFor();
      server.tell({ gone: [[0, "new-namespace/brand-new"]] });
      await until("one less", async () => (await number(page, "failing")) === String(before));
    });
  });

  test("search finds, Enter opens the one that is found, Escape closes, and back and forward lead where one was", async () => {
    await shown({}, async ({ page, of }) => {
      const one = bad(of);
      await page.keyboard.press("/");
      await page.keyboard.type(one.target);
      await until("it is found", async () => /^\d+ of /.test(await page.locator("#count").innerText()));
      await page.keyboard.press("Enter");
      await page.locator("aside h2", { hasText: one.target.split("/")[1] }).waitFor();
      assert.match(page.url(), /[?&]trail=/);
      await until("its heading has the focus", () => page.evaluate(() => document.activeElement?.tagName === "H2"));
      await page.keyboard.press("Escape");
      await page.locator("#attention").waitFor();
      assert.equal(await page.evaluate(() => document.activeElement?.id), "search");
      await page.goBack();
      await page.locator("aside h2", { hasText: one.target.split("/")[1] }).waitFor();
      await page.goForward();
      await page.locator("#attention").waitFor();
    });
  });

  test("by keyboard alone: from the matrix to a trail, to its source, and back", async () => {
    await shown({ path: "?order=name" }, async ({ page, drawn }) => {
      await page.locator(".matrix").focus();
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("ArrowRight");
      await until("what the cursor is on is said", async () => (await page.locator(".stagebox [aria-live]").innerText()).includes("from "));
      // A group opens into its namespaces, a cell into its trail.
      for (let n = 0; n < 3 && !/trail=/.test(page.url()); n++) {
        await page.keyboard.press("Enter");
        await drawn();
        await page.keyboard.press("Home");
      }
      await page.locator("aside .steps").waitFor();
      await page.keyboard.press("Tab");
      await until("the trail's buttons are reached", async () => {
        if (await page.evaluate(() => document.activeElement?.classList.contains("link-like"))) return true;
        await page.keyboard.press("Tab");
        return false;
      });
      await page.keyboard.press("Enter");
      await page.locator("aside h3", { hasText: "If it were deleted" }).waitFor();
      assert.match(page.url(), /source=/);
      await page.keyboard.press("Escape");
      await page.locator("#attention").waitFor();
      assert.equal(await page.evaluate(() => document.activeElement?.classList.contains("matrix")), true);
    });
  });

  test("the trail of one that fails has what the server said", async () => {
    const of = world({ bad: 0.2 });
    const failing = [...of.targets.values()].find((it) => it.state === 4);
    await shown({ of, path: path(failing) }, async ({ page, axe }) => {
      await page.locator("aside .said", { hasText: "exceeded quota" }).waitFor();
      assert.deepEqual(await axe(), []);
    });
  });

  test("by keyboard a group is opened, and closed again", async () => {
    await shown({ path: "?order=name&group=label:team" }, async ({ page, drawn }) => {
      await page.locator(".matrix").focus();
      // The labels come after the targets, which until then are grouped by name.
      await until("the cursor is on a label's group", async () => {
        await page.keyboard.press("Home");
        return /^[a-z]+, \d/.test(await page.locator(".stagebox [aria-live]").innerText());
      });
      await page.keyboard.press("g");
      await until("it is open", () => /open=[a-z]+$/.test(page.url()));
      await drawn();
      await page.keyboard.press("g");
      await until("it is closed", () => !/open=/.test(page.url()));
    });
  });

  test("the table is a grid: one stop for Tab, arrows within, only what is seen in the document", async () => {
    await shown({ path: "?view=table" }, async ({ page, of }) => {
      const grid = page.getByRole("grid", { name: "Targets" });
      assert.equal(await grid.getAttribute("aria-rowcount"), String(of.targets.size + 1));
      assert.ok((await grid.getByRole("row").count()) < 70);
      assert.equal(await grid.locator('[tabindex="0"]').count(), 1);
      await grid.locator('[tabindex="0"]').focus();
      await page.keyboard.press("Control+End");
      const last = await page.evaluate(() => document.activeElement?.parentElement?.getAttribute("aria-rowindex"));
      assert.equal(last, String(of.targets.size + 1));
      await page.keyboard.press("Control+Home");
      for (let n = 0; n < 5; n++) await page.keyboard.press("ArrowDown");
      assert.equal(await page.evaluate(() => document.activeElement?.parentElement?.getAttribute("aria-rowindex")), "7");
      assert.equal(await grid.locator('[tabindex="0"]').count(), 1);
      await page.keyboard.press("Enter");
      await page.locator("aside .steps").waitFor();
      await page.keyboard.press("Escape");
      assert.equal(await page.evaluate(() => document.activeElement?.parentElement?.getAttribute("aria-rowindex")), "7");
    });
  });

  test("a click on a cell, a row and a column does what its tip says", async () => {
    await shown({ path: "?group=no&order=name" }, async ({ page }) => {
      const box = await page.locator(".matrix").boundingBox();
      await page.mouse.move(box.x + 60, box.y + 160);
      await page.mouse.click(box.x + 60, box.y + 160);
      await page.locator("aside h3", { hasText: "If it were deleted" }).waitFor();
      let opened = false;
      for (let x = 330; x < 800 && !opened; x += 18) {
        await page.mouse.move(box.x + x, box.y + 160);
        if ((await page.locator(".tip").isVisible()) && /from /.test(await page.locator(".tip").innerText())) {
          await page.mouse.click(box.x + x, box.y + 160);
          await page.locator("aside .steps").waitFor();
          opened = true;
        }
      }
      assert.ok(opened, "no cell was met");
    });
  });

  test("namespaces are grouped by a label that one chooses, as long as they have it", async () => {
    const of = world();
    await shown({ of, path: "?order=name" }, async ({ page, server }) => {
      const choice = page.getByRole("combobox", { name: "Columns" });
      await until("the labels are offered", async () => (await choice.locator("option").allInnerTexts()).join() === "by name,one by one,by label env,by label team");
      await choice.selectOption("label:team");
      await until("the address", () => /group=label:team/.test(page.url()));
      const box = await page.locator(".matrix").boundingBox();
      const tip = page.locator(".tip");
      const head = async () => {
        await page.mouse.move(box.x + 20, box.y + 20);
        await page.mouse.move(box.x + 270, box.y + 20);
        return (await tip.isVisible()) ? await tip.innerText() : "";
      };
      await until("a group's head", async () => /^team=catalog\n16 namespaces\. Click: one by one$/.test(await head()));
      await page.mouse.click(box.x + 270, box.y + 20);
      await until("the address", () => /open=catalog/.test(page.url()));
      await until("its namespaces", async () => /^catalog-.*\nOf team=catalog\. Click: together again$/.test(await head()));
      await page.goBack();
      // One of them gets another label.
      of.labels.get("catalog-dev").team = "search";
      server.tell({ namespaces: [of.namespaces, 2] });
      await until("one less", async () => /^team=catalog\n15 /.test(await head()));
      await page.reload();
      await until("the same", async () => /^team=catalog\n15 /.test(await head()));
    });
    // Where all fit nobody is asked.
    await shown({ of: world({ sources: 5, namespaces: 9 }) }, async ({ page, server }) => {
      await page.waitForTimeout(300);
      assert.equal(await page.getByRole("combobox", { name: "Columns" }).isVisible(), false);
      assert.ok(!server.bytes.requests.includes("/api/labels"));
    });
  });

  test("filters are kept by the address bar", async () => {
    await shown({}, async ({ page, of }) => {
      await page.locator(".tile.is-refused").click();
      await page.getByLabel("Kind").selectOption("Secret");
      await page.getByLabel("Namespace", { exact: true }).fill("c*");
      await until("the address", () => /state=refused&kind=Secret&ns=c\*/.test(page.url()));
      const found = [...of.targets.values()].filter((it) => it.state === 3 && it.kind === 0 && it.target.startsWith("c"));
      const count = page.locator("#count", { hasText: `${found.length} of ` });
      await count.waitFor();
      await page.reload();
      await count.waitFor();
      await page.getByRole("button", { name: "Clear filters" }).click();
      await until("all", async () => !/state|kind|ns/.test(page.url()));
    });
  });

  test("what a person does is drawn by the next frame, however much the server says meanwhile", async () => {
    await shown({}, async ({ page, server, of }) => {
      const telling = setInterval(() => server.tell(happen(of)), 10);
      try {
        for (let n = 0; n < 20; n++) {
          const filtering = await page.evaluate(() => new Promise((resolve) => {
            document.querySelector(".tile.is-refused").click();
            requestAnimationFrame(() => requestAnimationFrame(() => resolve(/ of /.test(document.getElementById("count").textContent))));
          }));
          assert.equal(filtering, n % 2 === 0, `click ${n + 1}`);
        }
      } finally {
        clearInterval(telling);
      }
    });
  });

  test("when the controller is away it says so, keeps what it has, and comes back by itself", async () => {
    const expects = [/Failed to load resource/, /ERR_/];
    const of = world({ sources: 6, namespaces: 10 });
    const server = await serve(of);
    const port = Number(new URL(server.url).port);
    const it = await visit(browser, server.url, { expects });
    await it.live();
    await until("the numbers", async () => (await number(it.page, "current")) !== "–");
    await server.close();
    await it.page.locator(".link.is-lost").waitFor();
    await it.page.locator("#notice", { hasText: "Disconnected" }).waitFor();
    assert.notEqual(await number(it.page, "current"), "–");
    assert.deepEqual(await it.axe(), []);
    of.targets.set("0 new-one/x", { kind: 0, target: "new-one/x", source: "vault/s", state: 4, reason: "Forbidden", flags: 1, since: 3 });
    // Another run of the program: what the page has is of the one before.
    const again = await serve(of, port);
    await it.live();
    await until("what happened meanwhile", async () => (await number(it.page, "failing")) === String([...of.targets.values()].filter((it) => it.state === 4).length));
    await it.page.locator("#notice").waitFor({ state: "hidden" });
    it.clean();
    await it.close();
    await again.close();
  });

  test("empty, not ready, forbidden, broken, updated: each says what it is", async () => {
    const expects = [/Failed to load resource/];
    const empty = { targets: new Map(), namespaces: 4, ready: true, standby: null, refuse: 0, actions: [] };
    for (const [of, words] of [
      [{ ...empty }, "Nothing is replicated yet"],
      [{ ...empty, ready: false }, "The controller is reading the cluster"],
      [{ ...empty, refuse: 403 }, "You may not see this"],
      [{ ...empty, refuse: 421 }, "You may not see this"],
      [{ ...empty, refuse: 500 }, "Something is wrong"],
      [{ ...empty, refuse: 503 }, "No answer"],
    ]) {
      const server = await serve(of);
      const it = await visit(browser, server.url, { expects });
      await it.page.getByRole("heading", { name: words }).waitFor();
      assert.deepEqual(await it.axe(), [], words);
      it.clean();
      await it.close();
      await server.close();
    }
  });

  test("what users write is text, wherever it is shown", async () => {
    const of = world({ sources: 2, namespaces: 3 });
    of.targets.set("0 a/<img src=x onerror=alert(1)>", { kind: 0, target: "a/<img src=x onerror=alert(1)>", source: "a/<b>s</b>", state: 3, reason: "<i>", flags: 1, since: 1 });
    await shown({ of, path: "?view=table&q=img" }, async ({ page }) => {
      await page.locator(".rows .tr").first().waitFor();
      assert.equal(await page.locator("main img, main b, main i").count(), 0);
    });
  });
});
