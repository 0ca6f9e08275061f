// A server that stands in for the controller while the page is worked on, and in tests of what a controller seldom does. It says what
// crates/dashboard/src/protocol.rs says, with the same headers.
//
//     node tools/page/mock.js [sources] [namespaces] [share of targets, 0 to 1]

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

export const PAGE = fileURLToPath(new URL("../../crates/dashboard/page/", import.meta.url));
const TYPES = { ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml" };
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const REASONS = ["UpToDate", "NamespaceNotAllowed", "SourceMissing", "Forbidden", "HeldByOnce", "NotCreatedBySource", "NewTarget", "Paused", "ConsentMissing"];
const STATE_OF = { UpToDate: 0, NamespaceNotAllowed: 3, SourceMissing: 1, Forbidden: 4, HeldByOnce: 2, NotCreatedBySource: 3, NewTarget: 1, Paused: 2, ConsentMissing: 3 };

/** A generator of numbers that is the same each time. */
function random(seed) {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 4294967296;
    return state / 4294967296;
  };
}

export function world({ sources = 40, namespaces = 160, share = 0.25, bad = 0.03, seed = 7 } = {}) {
  const next = random(seed);
  const pick = (list) => list[Math.floor(next() * list.length)];
  const teams = ["checkout", "payments", "search", "catalog", "identity", "ledger", "mobile", "platform", "risk", "warehouse"];
  const envs = ["dev", "staging", "production", "preview"];
  const spaces = ["kube-system", "cert-manager", "monitoring", "vault", "ingress-nginx"];
  for (let n = 0; spaces.length < namespaces; n++) spaces.push(`${teams[n % teams.length]}-${envs[Math.floor(n / teams.length) % envs.length]}${n < 40 ? "" : `-${Math.floor(n / 40)}`}`);
  const things = ["registry-credentials", "wildcard-tls", "root-ca", "oidc-client", "smtp", "feature-flags", "kafka-user", "s3-access", "license", "grafana-token", "proxy-config", "db-readonly"];
  const homes = ["platform-production", "cert-manager", "vault", "kube-system", "identity-production"];
  const list = [];
  const targets = new Map();
  for (let s = 0; s < sources; s++) {
    const name = s === 5 ? `${"very-long-name-of-a-certificate.".repeat(7)}internal.example.com` : `${things[s % things.length]}${s < things.length ? "" : `-${Math.floor(s / things.length)}`}`;
    const source = { kind: s % 5 === 4 ? 1 : 0, key: `${pick(homes)}/${name}` };
    list.push(source);
    const only = s % 7 === 3;
    const trouble = s % 9 === 2 ? pick(REASONS.slice(1)) : null;
    for (const space of spaces) {
      if (next() > (only ? share / 6 : share)) continue;
      const key = `${space}/${name}`;
      if (key === source.key) continue;
      const roll = next();
      const reason = trouble !== null && roll < 0.3 ? trouble : roll < bad ? pick(REASONS.slice(1)) : "UpToDate";
      targets.set(`${source.kind} ${key}`, { kind: source.kind, target: key, source: source.key, state: STATE_OF[reason], reason, flags: reason === "NewTarget" ? 2 : s % 3 === 0 ? 1 : 3, since: reason === "UpToDate" ? 0 : Math.floor(next() * 90_000) + 3 });
    }
  }
  const labels = new Map(spaces.map((space) => {
    const [team, env] = teams.includes(space.split("-")[0]) ? space.split("-") : ["infrastructure"];
    return [space, { team, ...(env && { env }), "kubernetes.io/metadata.name": space }];
  }));
  return { targets, labels, namespaces: spaces.length, revision: 1, version: 0, ready: true, standby: null, refuse: 0, actions: [] };
}

const seconds = () => Math.floor(Date.now() / 1000);

export function snapshot(world, id) {
  const texts = () => {
    const map = new Map();
    return { map, of: (text) => map.get(text) ?? (map.set(text, map.size), map.size - 1), list: () => [...map.keys()] };
  };
  const [namespaces, names, sources, reasons] = [texts(), texts(), texts(), texts()];
  const rows = { kind: "", state: "", flags: "", namespace: [], name: [], source: [], reason: [], age: [] };
  const columns = { kind: [], state: [], flags: [] };
  for (const it of world.ready ? world.targets.values() : []) {
    const [namespace, name] = it.target.split("/");
    columns.kind.push(it.kind);
    columns.state.push(it.state);
    columns.flags.push(it.flags);
    rows.namespace.push(namespaces.of(namespace));
    rows.name.push(names.of(name));
    rows.source.push(it.source === null ? 0 : 1 + sources.of(it.source));
    rows.reason.push(it.reason === null ? 0 : 1 + reasons.of(it.reason));
    rows.age.push(it.state === 0 ? 0 : 1 + it.since);
  }
  for (const column of ["kind", "state", "flags"]) rows[column] = columns[column].join("");
  const pairs = sources.list().flatMap((key) => {
    const [namespace, name] = key.split("/");
    return [namespaces.of(namespace), names.of(name)];
  });
  return { protocol: 1, version: "2.0.0-mock", server: "https://10.0.0.1", prefix: "k8s-replicator/", id, now: seconds(), ready: world.ready, standby: world.standby, existing_namespaces: world.namespaces, namespaces_revision: world.revision ?? 1, kinds: ["Secret", "ConfigMap"], reasons: reasons.list(), namespaces: namespaces.list(), names: names.list(), sources: pairs, rows, actions: world.actions };
}

function labels(of, key) {
  const values = (key) => {
    const found = {};
    for (const [namespace, labels] of of) if (labels[key] !== undefined) (found[labels[key]] ??= []).push(namespace);
    return found;
  };
  if (key !== null) return { values: values(key) };
  const keys = [...new Set([...of.values()].flatMap((it) => Object.keys(it)))].map((key) => [key, Object.values(values(key)).flat().length, Object.keys(values(key)).length]);
  return { keys: keys.filter(([, namespaces, values]) => values < namespaces && (values > 1 || namespaces < of.size)) };
}

function trail(world, kind, target) {
  const number = kind === "Secret" ? 0 : 1;
  const it = world.targets.get(`${number} ${target}`) ?? null;
  const now = seconds();
  const state = it === null ? null : ["current", "waiting", "held", "refused", "failing"][it.state];
  const [namespace] = target.split("/");
  const source = it?.source ?? null;
  const steps = [
    { question: "FirstLists", text: "Are the first lists complete?", fact: "all of them", outcome: "passed", what: null },
    { question: "WellFormed", text: "Are the object's annotations well-formed?", fact: "nothing is wrong", outcome: "passed", what: null },
    { question: "SourceExists", text: "Does the object that the data comes from exist?", fact: `${source} exists`, outcome: "passed", what: null },
    { question: "Consent", text: "Does the source allow this namespace to pull?", fact: 'replication-allowed-namespaces: "checkout-.*,payments-production"', outcome: it?.state === 3 ? "decided" : "passed", what: it?.state === 3 ? it.reason : null },
  ];
  if (it?.state !== 3) steps.push({ question: "AsWanted", text: "Is the target as it is to be, in data and annotations?", fact: "data and annotations agree", outcome: "decided", what: it?.reason ?? "NotATarget" });
  return {
    kind, target, state, reason: it?.reason ?? null,
    sentence: it?.state === 3 ? "The source allows other namespaces to pull, and not this one." : "The replica agrees with its source.",
    detail: null, action: null, needs: null,
    said: it?.state === 4 ? { text: `update ${kind} ${target}: the server answered 403 Forbidden: exceeded quota: secrets, requested: secrets=1, used: secrets=40, limited: secrets=40`, of: null } : null,
    todo: it?.state === 3 ? "Add the target's namespace to the source's `replication-allowed-namespaces` (a pattern has to match the whole name), or give it the labels that `replication-allowed-namespace-selector` asks for." : null,
    commands: it?.state === 3 ? [{ does: "To change it", text: `kubectl -n ${source.split("/")[0]} annotate secret ${source.split("/")[1]} --overwrite 'k8s-replicator/replication-allowed-namespaces=checkout-.*,payments-production,${namespace}'` }] : [{ does: "The same at a terminal", text: `kubectl replicator explain ${kind.toLowerCase()} ${target}` }],
    chain: [
      ...(source === null ? [] : [{ key: source, role: "pushes", exists: true, again: false, deleting: false, version: "184467", holds: null, created: now - 8_640_000, says: [["replicate-to-namespaces", "checkout-.*,payments-.*"], ["replication-allowed-namespaces", "checkout-.*,payments-production"]], ill_formed: null }]),
      { key: target, role: "target", exists: (it?.flags ?? 0) % 2 === 1, again: false, deleting: false, version: "184532", holds: "184467", created: now - 86_400, says: source === null ? [] : [["replicated-by", source]], ill_formed: null },
    ],
    rivals: [], steps, since: it === null || it.state === 0 ? null : now - it.since, now,
  };
}

/**
 * Serves the page with this world. `server.tell(frame)` sends a frame, `server.cut()` ends all connections.
 */
export async function serve(world, port = 0) {
  const epoch = Math.floor(Math.random() * 2 ** 31).toString(16);
  const frames = [];
  const viewers = new Set();
  const bytes = { wire: 0, requests: [] };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://x");
    bytes.requests.push(url.pathname);
    response.setHeader("content-security-policy", POLICY);
    response.setHeader("x-content-type-options", "nosniff");
    const send = (status, type, body) => {
      const compressed = gzipSync(body, { level: 1 });
      bytes.wire += compressed.length;
      response.writeHead(status, { "content-type": type, "content-encoding": "gzip", "cache-control": "no-cache" }).end(compressed);
    };
    if (world.refuse !== 0 && url.pathname.startsWith("/api/")) return send(world.refuse, "text/plain", "Not here.");
    if (url.pathname === "/api/snapshot") return send(200, "application/json", JSON.stringify(snapshot(world, `${epoch}-${frames.length}`)));
    if (url.pathname === "/api/trail") return send(200, "application/json", JSON.stringify(trail(world, url.searchParams.get("kind"), url.searchParams.get("target"))));
    if (url.pathname === "/api/labels") return send(200, "application/json", JSON.stringify(labels(world.labels ?? new Map(), url.searchParams.get("key"))));
    if (url.pathname === "/api/events") {
      const [of, number] = String(request.headers["last-event-id"] ?? url.searchParams.get("after")).split("-");
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      response.write("retry: 200\n: hello\n\n");
      if (of !== epoch) return response.end("event: reset\ndata:\n\n");
      for (let n = Number(number); n < frames.length; n++) response.write(`id: ${epoch}-${n + 1}\ndata: ${frames[n]}\n\n`);
      viewers.add(response);
      response.on("close", () => viewers.delete(response));
      return;
    }
    const path = url.pathname === "/" ? "index.html" : url.pathname.slice(1);
    try {
      send(200, TYPES[extname(path)] ?? "application/octet-stream", await readFile(join(PAGE, path)));
    } catch {
      send(404, "text/plain", "There is nothing here.");
    }
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    bytes,
    tell(frame) {
      for (const [kind, target, source, state, reason, flags, since] of frame.rows ?? []) world.targets.set(`${kind} ${target}`, { kind, target, source, state, reason, flags, since: since === null ? 0 : seconds() - since });
      for (const [kind, target] of frame.gone ?? []) world.targets.delete(`${kind} ${target}`);
      if (frame.namespaces) [world.namespaces, world.revision] = frame.namespaces;
      if (frame.actions) world.actions = [...world.actions, ...frame.actions].slice(-60);
      const text = JSON.stringify({ now: seconds(), ...frame });
      frames.push(text);
      for (const viewer of viewers) viewer.write(`id: ${epoch}-${frames.length}\ndata: ${text}\n\n`);
    },
    cut: () => server.closeAllConnections(),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Something happens: a source changes, and some of its targets follow. */
export function happen(world, next = Math.random) {
  const all = [...world.targets.values()];
  const some = all[Math.floor(next() * all.length)];
  if (some === undefined) return {};
  const rows = all.filter((it) => it.source === some.source && it.kind === some.kind).slice(0, 20).map((it) => [it.kind, it.target, it.source, it.state, it.reason, it.flags, it.state === 0 ? null : seconds() - it.since]);
  const at = Date.now();
  const actions = rows.slice(0, 3).map(([kind, target, source], n) => ({ at: at + n, kind: kind === 0 ? "Secret" : "ConfigMap", target, source, action: "update", reason: "SourceChanged", error: null, others: 0 }));
  return { rows, actions };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [sources, namespaces, share] = process.argv.slice(2).map(Number);
  const it = world({ sources: sources || 40, namespaces: namespaces || 160, share: share || 0.25 });
  const server = await serve(it, 9199);
  console.log(server.url);
  setInterval(() => server.tell(happen(it)), 900);
}
