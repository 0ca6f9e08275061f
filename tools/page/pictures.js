// The pictures in the documentation, of a real controller on a real API server: a company's cluster, the same each time but for ages,
// times and versions. `cluster.js` says what has to be in the environment.
//
//     node tools/page/pictures.js [folder]

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { launch, until, visit } from "./browser.js";
import { company, days, start } from "./cluster.js";

const folder = process.argv[2] ?? fileURLToPath(new URL("../../docs/images/", import.meta.url));
mkdirSync(folder, { recursive: true });
await company();
const program = await start(["--removal-delay", "1h"]);
/** Until nothing has changed for some seconds. */
async function settled() {
  let last = "";
  await until("that all is done", async () => {
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    const { rows: { state, reason } } = await program.snapshot();
    const [was, is] = [last, `${state} ${reason}`];
    last = is;
    return was === is;
  }, 240_000);
}
await settled();
await days();
await settled();
const browser = await launch();
const refused = "ns=mobile-*&trail=Secret:mobile-dev/oidc-client";
for (const [name, width, height, scheme, path] of [
  ["dashboard-light", 1280, 800, "light", ""],
  ["dashboard-dark", 1280, 800, "dark", ""],
  ["dashboard-trail", 1280, 1080, "light", `?${refused}`],
  ["dashboard-label", 1280, 800, "light", "?group=label:stage&open=preview"],
  ["dashboard-cells-dark", 1280, 800, "dark", "?ns=*-production*&source=Secret:vault/registry-credentials"],
  ["dashboard-table", 1280, 800, "light", "?view=table"],
  ["dashboard-narrow", 320, 640, "light", ""],
  ["dashboard-narrow-trail", 320, 640, "dark", `?${refused}`],
]) {
  const it = await visit(browser, program.url + path, { width, height, scheme });
  await it.live();
  if (path.includes("trail")) await it.page.locator("aside .steps").waitFor();
  await it.page.waitForTimeout(800);
  await it.page.screenshot({ path: join(folder, `${name}.png`) });
  it.clean();
  await it.close();
}
await browser.close();
await program.stop();
