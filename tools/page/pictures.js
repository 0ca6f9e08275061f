// The pictures in the documentation, of a made-up cluster that is the same each time: node tools/page/pictures.js [folder]

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { launch, visit } from "./browser.js";
import { happen, serve, world } from "./mock.js";

const folder = process.argv[2] ?? fileURLToPath(new URL("../../docs/images/", import.meta.url));
mkdirSync(folder, { recursive: true });
const of = world({ sources: 36, namespaces: 120, share: 0.3, bad: 0.012, seed: 11 });
const server = await serve(of);
let turn = 0;
const next = () => ((turn += 0.137) % 1);
for (let n = 0; n < 6; n++) server.tell(happen(of, next));
const bad = [...of.targets.values()].find((it) => it.reason === "NamespaceNotAllowed" && it.kind === 0) ?? [...of.targets.values()].find((it) => it.state === 3);
const kind = ["Secret", "ConfigMap"][bad.kind];
const browser = await launch();
for (const [name, width, height, scheme, path] of [
  ["dashboard-light", 1280, 800, "light", ""],
  ["dashboard-dark", 1280, 800, "dark", ""],
  ["dashboard-trail", 1280, 800, "light", `?q=${bad.source.split("/")[1]}&trail=${kind}:${bad.target}`],
  ["dashboard-cells-dark", 1280, 800, "dark", `?ns=c*&source=${kind}:${bad.source}`],
  ["dashboard-narrow", 320, 640, "light", ""],
  ["dashboard-narrow-trail", 320, 640, "dark", `?trail=${kind}:${bad.target}`],
]) {
  const it = await visit(browser, server.url + path, { width, height, scheme });
  await it.live();
  if (path.includes("trail")) await it.page.locator("aside .steps").waitFor();
  await it.page.waitForTimeout(400);
  await it.page.screenshot({ path: join(folder, `${name}.png`) });
  it.clean();
  await it.close();
}
await browser.close();
await server.close();
