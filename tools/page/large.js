// What the page costs with 10,000 replicas of 200 sources in 500 namespaces of a real API server, and how fast it is there; on a quiet
// machine. `cluster.js` says what has to be in the environment.
//
//     node tools/page/large.js

import { readFileSync } from "node:fs";

import { launch, until, visit } from "./browser.js";
import { apply, large, object, start } from "./cluster.js";

const VIEWERS = 5;
const RUNS = 5;

await large();
let program = await start();
const memory = () => {
  const status = readFileSync(`/proc/${program.pid}/status`, "utf8");
  return ["VmRSS", "VmHWM"].map((of) => `${of} ${(Number(new RegExp(`${of}:\\s+(\\d+)`).exec(status)?.[1]) / 1024).toFixed(1)} MB`).join(", ");
};
const settle = () => until("10,000 replicas", async () => {
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const { state } = (await program.snapshot()).rows;
  return state.length >= 10_000 && !/[^0]/.test(state);
}, 600_000);
await settle();
await program.stop();

// Started anew it has nothing to write, and nobody looks.
program = await start();
await new Promise((resolve) => setTimeout(resolve, 5_000));
console.log(`nobody looks (but for one snapshot): ${memory()}`);
const browser = await launch();
const mark = (name) => `performance.getEntriesByName("${name}")[0]?.startTime`;
for (let run = 0; run < RUNS; run++) {
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  const it = await visit(browser, program.url, { width: 1440, height: 900 });
  const drawn = await until("the first picture", () => it.within(mark("drawn")), 60_000);
  const first = await it.within(`performance.getEntriesByName("first-contentful-paint")[0]?.startTime`);
  console.log(`first paint ${Math.round(first)} ms, the cluster's picture ${Math.round(drawn)} ms after the navigation began; ${Math.round(it.wire() / 1024)} KiB over the wire`);
  await it.close();
}
const viewers = [];
for (let n = 0; n < VIEWERS; n++) viewers.push(await visit(browser, `${program.url}?${n % 2 ? "view=table" : ""}`, { width: 1440, height: 900 }));
for (const viewer of viewers) await viewer.live();
await new Promise((resolve) => setTimeout(resolve, 3_000));
console.log(`${VIEWERS} viewers: ${memory()}`);
for (let round = 0; round < 3; round++) {
  const says = (await program.snapshot()).rows;
  await apply([object("Secret", "sources/credentials-007", { "replicate-to-namespaces": Array.from({ length: 5 }, (_, k) => `team-${String((7 * 7 + k * 11) % 50).padStart(2, "0")}-.*`).join(",") }, { value: `round ${round} of ${says.state.length}` })]);
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  console.log(`${VIEWERS} viewers, after a source and its 50 replicas changed before their eyes: ${memory()}`);
}
for (const viewer of viewers) viewer.clean();
await browser.close();
await program.stop();
