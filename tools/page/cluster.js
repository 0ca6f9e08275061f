// Clusters on a real API server, with a real controller: for the pictures, and to measure. Where everything is the environment says:
// KUBECONFIG and KUBECTL (`cargo xtask control-plane up` prints both), PROGRAM (the controller).

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:net";

import { until } from "./browser.js";

const { PROGRAM, KUBECTL = "kubectl" } = process.env;
const OURS = "k8s-replicator/";
const LONG = `${"a-certificate-whose-name-is-as-long-as-may-be.".repeat(5)}of-253-letters.internal`;
assert.equal(LONG.length, 253);

/** @param {string[]} args @param {unknown} [input] */
export async function kubectl(args, input) {
  const child = spawn(KUBECTL, args, { stdio: ["pipe", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (text) => (said += text));
  child.stdin.end(input === undefined ? "" : JSON.stringify(input));
  const code = await new Promise((resolve) => child.on("exit", resolve));
  assert.equal(code, 0, `kubectl ${args.join(" ")}`);
  return said;
}

/** Creates all of these, or changes them. @param {object[]} items */
export async function apply(items) {
  await kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], { apiVersion: "v1", kind: "List", items });
}

export const namespace = (name, labels = {}) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } });

/** @param {string} key  `namespace/name` @param {Record<string, string>} says  Annotations, without their prefix. */
export function object(kind, key, says, data = { value: key }) {
  const [namespace, name] = key.split("/");
  const annotations = Object.fromEntries(Object.entries(says).map(([key, value]) => [OURS + key, value]));
  const body = kind === "Secret" ? { type: "Opaque", stringData: data } : { data };
  return { apiVersion: "v1", kind, metadata: { namespace, name, annotations }, ...body };
}

/** Runs the controller with its page, until it says that it is ready. */
export async function start(args = []) {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  const child = spawn(PROGRAM, ["--kube-config", process.env.KUBECONFIG, "--status-address", "127.0.0.1:0", "--dashboard", `:${port}`, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (text) => (log = (log + text).slice(-4_000)));
  const url = `http://localhost:${port}/`;
  const snapshot = async () => (await fetch(`${url}api/snapshot`)).json();
  await until("the page", async () => {
    if (child.exitCode !== null) throw new Error(`the program ended: ${log}`);
    return (await snapshot()).ready;
  }, 60_000);
  return {
    url,
    snapshot,
    pid: child.pid,
    async stop() {
      const ended = new Promise((resolve) => child.on("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    },
  };
}

const TEAMS = ["catalog", "checkout", "identity", "ledger", "mobile", "payments", "risk", "search"];
const STAGES = ["dev", "preview", "staging", "production"];

/** A company's cluster: some dozens of namespaces of teams, and what they share; with what goes wrong anywhere. */
export async function company() {
  const infrastructure = ["cert-manager", "ingress-nginx", "monitoring", "vault"].map((name) => namespace(name, { team: "platform" }));
  const spaces = TEAMS.flatMap((team) => STAGES.flatMap((stage) => ["", "-eu", "-us"].map((region) => namespace(`${team}-${stage}${region}`, { team, stage }))));
  await apply([...infrastructure, ...spaces]);
  // No room for more Secrets there: what the server refuses is tried again and again.
  const full = ["ledger-dev", "ledger-preview-eu"];
  await apply(full.map((name) => ({ apiVersion: "v1", kind: "ResourceQuota", metadata: { namespace: name, name: "secrets" }, spec: { hard: { secrets: "0" } } })));
  for (const name of full) await kubectl(["-n", name, "patch", "resourcequota", "secrets", "--subresource=status", "--type=merge", "-p", JSON.stringify({ status: { hard: { secrets: "0" }, used: { secrets: "0" } } })]);
  const push = (kind, key, to, more = {}) => object(kind, key, { "replicate-to-namespaces": to, ...more });
  await apply([
    // In the way, and of somebody else.
    object("Secret", "mobile-staging/smtp", {}),
    object("ConfigMap", "risk-dev/feature-flags", {}),
  ]);
  await apply([
    push("Secret", "vault/registry-credentials", ".*-dev.*,.*-preview.*,.*-staging.*,.*-production.*"),
    push("Secret", "cert-manager/wildcard-tls", ".*-staging.*,.*-production.*"),
    push("ConfigMap", "cert-manager/root-ca", ".*"),
    push("Secret", "vault/smtp", "identity-.*,mobile-.*,checkout-.*,payments-.*"),
    push("ConfigMap", "monitoring/scrape-config", ".*-production.*,ingress-nginx"),
    push("Secret", "monitoring/grafana-token", ".*-production.*"),
    push("ConfigMap", "monitoring/feature-flags", "risk-.*,search-.*,catalog-.*"),
    push("Secret", "vault/kafka-user", "ledger-.*,payments-.*,risk-.*"),
    push("Secret", "vault/s3-access", "catalog-.*,search-.*,ingress-nginx"),
    push("Secret", "vault/license", ".*-production.*", { "replicate-once": "true" }),
    push("Secret", "vault/proxy", "mobile-.*,search-.*"),
    push("Secret", "vault/db-readonly", "risk-production.*,ledger-production.*,risk-canary,ledger-canary"),
    push("Secret", `cert-manager/${LONG}`, "mobile-.*,risk-.*"),
    push("ConfigMap", "ingress-nginx/error-pages", ".*-production.*,.*-staging.*"),
    push("ConfigMap", "monitoring/alert-routes", ".*-production"),
    push("Secret", "monitoring/otel-headers", ".*-production.*,.*-staging.*"),
    push("Secret", "cert-manager/internal-ca", "checkout-.*,payments-.*,ledger-.*"),
    push("Secret", "vault/npm-token", ".*-dev,.*-preview"),
    push("Secret", "vault/redis-auth", "catalog-.*,checkout-.*,search-.*"),
    push("ConfigMap", "ingress-nginx/trusted-proxies", ".*-production.*"),
    push("Secret", "vault/webhook-signing", "payments-production.*,checkout-production.*"),
    object("Secret", "vault/oidc-client", { "replication-allowed-namespaces": "identity-.*,checkout-.*" }),
    object("Secret", "vault/stripe-key", { "replication-allowed-namespaces": "payments-production.*" }),
    object("Secret", "vault/root-token", {}),
  ]);
  const pull = (key, from) => object("Secret", key, { "replicate-from": from }, {});
  await apply([
    ...["identity", "checkout"].flatMap((team) => STAGES.map((stage) => pull(`${team}-${stage}/oidc-client`, "vault/oidc-client"))),
    ...["payments-production", "payments-production-eu", "payments-staging", "checkout-production"].map((name) => pull(`${name}/stripe-key`, "vault/stripe-key")),
    pull("mobile-dev/oidc-client", "vault/oidc-client"),
    pull("risk-dev/root-token", "vault/root-token"),
    pull("search-dev/algolia-key", "vault/algolia-key"),
  ]);
}

/** What happens there: secrets change, and some of it is held. */
export async function days() {
  const change = (kind, key, says) => object(kind, key, says, { value: `${key} of the next day` });
  await apply([change("Secret", "vault/license", { "replicate-to-namespaces": ".*-production.*", "replicate-once": "true" })]);
  await apply([change("Secret", "vault/proxy", { "replicate-to-namespaces": "mobile-.*,search-.*", paused: "true" })]);
  await apply([change("Secret", "vault/s3-access", { "replicate-to-namespaces": "catalog-.*,search-.*,ingress-nginx" })]);
  await apply([change("Secret", "cert-manager/wildcard-tls", { "replicate-to-namespaces": ".*-staging.*,.*-production.*" })]);
}

/** 10,000 replicas of 200 sources in 500 namespaces. */
export async function large() {
  const teams = Array.from({ length: 50 }, (_, n) => `team-${String(n).padStart(2, "0")}`);
  await apply([namespace("sources"), ...teams.flatMap((team) => Array.from({ length: 10 }, (_, n) => namespace(`${team}-${n}`, { team, stage: STAGES[n % 4] })))]);
  const sources = Array.from({ length: 200 }, (_, n) => {
    const to = Array.from({ length: 5 }, (_, k) => `${teams[(n * 7 + k * 11) % 50]}-.*`).join(",");
    return object("Secret", `sources/credentials-${String(n).padStart(3, "0")}`, { "replicate-to-namespaces": to });
  });
  await apply(sources);
}
