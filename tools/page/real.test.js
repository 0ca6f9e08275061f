// The page as the program serves it, of a real cluster. `crates/api-tests/tests/page.rs` runs this and says where everything is:
// PROGRAM, KUBECONFIG, KUBECTL, PREFIX (of the annotations), NAMESPACES (three, by comma), SHOTS (a folder, or nothing).

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createServer } from "node:net";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";

import { launch, SKIPPED, until, visit } from "./browser.js";

const { PROGRAM, KUBECTL, PREFIX, NAMESPACES = "", SHOTS } = process.env;
const [home, first, second] = NAMESPACES.split(",");
const skip = SKIPPED || (PROGRAM ? false : "run by crates/api-tests/tests/page.rs");

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function kubectl(...args) {
  return (await promisify(execFile)(KUBECTL, args)).stdout;
}

async function apply(object) {
  const child = spawn(KUBECTL, ["apply", "--server-side", "--force-conflicts", "-f", "-"], { stdio: ["pipe", "ignore", "inherit"] });
  child.stdin.end(JSON.stringify(object));
  const code = await new Promise((resolve) => child.on("exit", resolve));
  assert.equal(code, 0, "kubectl apply");
}

const secret = (namespace, name, annotations, data = {}) => apply({
  apiVersion: "v1", kind: "Secret", metadata: { namespace, name, annotations: Object.fromEntries(Object.entries(annotations).map(([key, value]) => [PREFIX + key, value])) }, stringData: data,
});

describe("the page of a real cluster", { skip }, () => {
  let browser, port, program, url;
  const value = `never-to-be-seen-${Math.random().toString(36).slice(2)}`;

  async function start() {
    program = spawn(PROGRAM, ["--kube-config", process.env.KUBECONFIG, "--annotations-prefix", PREFIX.replace(/\/$/, ""), "--status-address", "127.0.0.1:0", "--dashboard", `:${port}`, "--removal-delay", "1h"], { stdio: ["ignore", "ignore", "pipe"] });
    program.log = "";
    program.stderr.on("data", (text) => (program.log += text));
    const running = program;
    await until("the page", async () => {
      if (running.exitCode !== null) throw new Error(`the program ended: ${running.log}`);
      return (await (await fetch(`${url}api/snapshot`)).json()).ready;
    }, 60_000);
  }

  async function stop() {
    if (program === undefined || program.exitCode !== null) return;
    const ended = new Promise((resolve) => program.on("exit", resolve));
    program.kill("SIGTERM");
    await ended;
  }

  before(async () => {
    port = await freePort();
    url = `http://localhost:${port}/`;
    await secret(home, "pushed", { "replicate-to-namespaces": `${first},${second}` }, { key: value });
    await secret(home, "closed", { "replication-allowed-namespaces": "nobody" }, { key: value });
    await secret(first, "asks", { "replicate-from": `${home}/closed` });
    await secret(second, "waits", { "replicate-from": `${home}/not-there` });
    browser = await launch();
    await start();
  });
  after(async () => {
    await browser?.close();
    await stop();
  });

  const row = (page, target) => page.locator(".rows .tr", { hasText: target });

  test("it draws what the cluster has, updates without a reload, tells why, and comes back with the controller", async () => {
    const it = await visit(browser, `${url}?view=table`, { expects: [/Failed to load resource/, /ERR_/] });
    const { page } = it;
    await it.live();
    await row(page, `${first}/pushed`).locator(".c0", { hasText: "current" }).waitFor();
    await row(page, `${first}/asks`).locator(".c0", { hasText: "refused" }).waitFor();
    await row(page, `${second}/waits`).locator(".c3", { hasText: "SourceMissing" }).waitFor();

    // The trail, by keyboard alone; then its remedy, carried out, works while it is open.
    await page.keyboard.press("/");
    await page.keyboard.type(`${first}/asks`);
    await page.keyboard.press("Enter");
    await page.locator("aside .steps .decided", { hasText: "NamespaceNotAllowed" }).first().waitFor();
    const command = await page.locator("aside .command code").first().innerText();
    assert.match(command, new RegExp(`^kubectl -n ${home} annotate secret closed --overwrite .*replication-allowed-namespaces=nobody,${first}$`));
    if (SHOTS) await page.screenshot({ path: join(SHOTS, "real-trail.png") });
    const [, ...args] = command.split(" ");
    await kubectl(...args);
    await page.locator("aside .verdict", { hasText: "current" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("searchbox").fill("");

    // A source that comes, and what it fills.
    await secret(home, "not-there", { "replication-allowed": "true" }, { key: value });
    await row(page, `${second}/waits`).locator(".c0", { hasText: "current" }).waitFor();
    await page.locator("aside .actions", { hasText: "waits" }).waitFor();
    // A name in a namespace that does not exist: the controller has nothing to do there, and it is shown all the same.
    const later = `${home}-later/early`;
    await secret(home, "early", { "replicate-to": later });
    await row(page, later).locator(".c3", { hasText: "NamespaceMissing" }).waitFor();
    await secret(home, "early", {});
    await row(page, later).waitFor({ state: "detached" });
    // Blast radius.
    await page.goto(`${url}?source=Secret:${home}/pushed`);
    await page.locator("aside .blast", { hasText: "2 replicas that it pushes would be deleted" }).waitFor();
    await page.goBack();
    await row(page, `${first}/pushed`).waitFor();

    // The controller ends, the cluster goes on, the controller comes back.
    await stop();
    await page.locator(".link.is-lost").waitFor();
    await secret(second, "later", { "replicate-from": `${home}/not-there` });
    await start();
    await it.live();
    await row(page, `${second}/later`).locator(".c0", { hasText: "current" }).waitFor();
    assert.equal(await page.locator("#notice").isVisible(), false);

    // No value, in nothing that was ever sent.
    for (const path of ["", "api/snapshot", `api/trail?kind=Secret&target=${first}/pushed`]) {
      const text = await (await fetch(url + path)).text();
      assert.ok(!text.includes(value) && !text.includes(Buffer.from(value).toString("base64")), path);
    }
    assert.deepEqual(await it.axe(), []);
    it.clean();
    await it.close();
  });

  test("who asks by another name, or another method, gets nothing", async () => {
    const { request } = await import("node:http");
    const status = (headers, method = "GET") => new Promise((resolve, reject) => {
      request({ host: "127.0.0.1", port, path: "/api/snapshot", method, headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on("error", reject).end();
    });
    assert.equal(await status({ host: "evil.example.com" }), 421);
    assert.equal(await status({ host: `localhost:${port}`, "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" }), 403);
    assert.equal(await status({ host: `localhost:${port}` }, "POST"), 405);
    assert.equal(await status({ host: `localhost:${port}` }), 200);
  });

  test("pictures of it", { skip: SHOTS ? false : "SHOTS names no folder" }, async () => {
    mkdirSync(SHOTS, { recursive: true });
    const it = await visit(browser, url, { width: 1440, height: 900 });
    await it.live();
    await it.page.waitForTimeout(400);
    await it.page.screenshot({ path: join(SHOTS, "real.png") });
    await it.close();
  });
});
