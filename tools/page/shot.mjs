import { chromium } from "playwright-core";
import { happen, serve, world } from "./mock.js";
const out = process.argv[2] ?? "/tmp/shots";
const it = world();
const server = await serve(it);
for (let n = 0; n < 5; n++) server.tell(happen(it));
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const bad = [...it.targets.values()].find((t) => t.state === 3);
const shots = process.argv[3]?.split(",");
for (const [name, size, scheme, path, act] of [
  ["wide-light", [1440, 900], "light", ""],
  ["wide-dark", [1440, 900], "dark", ""],
  ["trail-light", [1440, 900], "light", `?trail=${bad.kind ? "ConfigMap" : "Secret"}:${bad.target}`],
  ["trail-dark", [1440, 1100], "dark", `?trail=${bad.kind ? "ConfigMap" : "Secret"}:${bad.target}`],
  ["open-light", [1440, 900], "light", "?open=checkout-*&ns=c*"],
  ["source-light", [1440, 900], "light", `?source=${bad.kind ? "ConfigMap" : "Secret"}:${bad.source}`],
  ["table-light", [1440, 900], "light", "?view=table"],
  ["cells-light", [1440, 900], "light", "?ns=*-production*&zoom=3"],
  ["narrow-light", [320, 720], "light", ""],
  ["narrow-trail", [320, 720], "dark", `?trail=${bad.kind ? "ConfigMap" : "Secret"}:${bad.target}`],
  ["long", [1440, 900], "light", "?q=very-long"],
]) {
  if (shots && !shots.includes(name)) continue;
  const context = await browser.newContext({ viewport: { width: size[0], height: size[1] }, colorScheme: scheme });
  const page = await context.newPage();
  page.on("console", (m) => console.log(name, m.type(), m.text()));
  page.on("pageerror", (e) => console.log(name, "ERROR", e.message, e.stack?.split("\n")[1]));
  await page.goto(server.url + path);
  await page.waitForSelector(".link.is-live");
  await page.waitForTimeout(500);
  await page.screenshot({ path: `${out}/${name}.png` });
  await context.close();
}
await browser.close();
await server.close();
