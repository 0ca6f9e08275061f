//! The chart on the node, as helm installs it into a namespace under Pod Security *restricted*.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use http::Method;
use k8s_replicator_testenv::assets::scratch;
use k8s_replicator_testenv::{Client, ControlPlane, Helm, chart};
use serde_json::{Value, json};

use super::node::Node;
use super::process::Process;

pub(super) const NAMESPACE: &str = "replication";
pub(super) const NAME: &str = "k8s-replicator";
/// How long pods may take to be ready, or gone.
const SETTLES_WITHIN: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// See the [module](self).
pub(super) struct Release<'a> {
    node: &'a Node,
    helm: Helm,
    values: PathBuf,
}

/// A pod of the release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pod {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) address: String,
    pub(super) is_ready: bool,
    pub(super) is_deleted: bool,
    pub(super) restarts: u64,
}

impl<'a> Release<'a> {
    /// Makes the namespace; the chart is not installed yet.
    pub(super) fn new(node: &'a Node) -> Result<Self> {
        let labels = json!({
            "pod-security.kubernetes.io/enforce": "restricted",
            "pod-security.kubernetes.io/enforce-version": "latest",
        });
        let namespace = json!({ "metadata": { "name": NAMESPACE, "labels": labels } });
        node.plane.client().request(&Method::POST, "/api/v1/namespaces", Some(&namespace))?;
        // No kube-proxy runs, by which pods would reach the API server at its Service.
        let (host, port) = server(&node.plane)?;
        let values = json!({
            "logFormat": "json",
            "extraEnv": [
                { "name": "KUBERNETES_SERVICE_HOST", "value": host },
                { "name": "KUBERNETES_SERVICE_PORT", "value": port },
            ],
        });
        let file = scratch::folder("values")?.join("values.yaml");
        // JSON is YAML.
        fs::write(&file, values.to_string())?;
        Ok(Self { node, helm: Helm::new()?, values: file })
    }

    /// `helm install` or `helm upgrade`, until helm says that it is done.
    pub(super) fn helm(&self, verb: &str, sets: &[&str]) -> Result<Duration> {
        let (chart, values) = (chart(), self.values.display().to_string());
        let chart = chart.to_str().context("the chart's path is no text")?;
        let mut arguments = vec![verb, NAME, chart, "--namespace", NAMESPACE, "--values", &values];
        arguments.extend(["--wait", "--timeout", "3m"]);
        arguments.extend(sets.iter().flat_map(|set| ["--set", set]));
        self.run(&arguments)
    }

    /// `helm uninstall`, until the pods are gone.
    pub(super) fn uninstall(&self) -> Result<Duration> {
        let took = self.run(&["uninstall", NAME, "--namespace", NAMESPACE, "--wait"])?;
        self.until("all pods are gone", |pods| pods.is_empty().then_some(()))?;
        Ok(took)
    }

    fn run(&self, arguments: &[&str]) -> Result<Duration> {
        let begun = Instant::now();
        let said = self.helm.run(Some(self.node.plane.kubeconfig()), arguments)?;
        ensure!(said.success, "helm {}: {}\n{}", arguments[0], said.errors.trim(), self.told()?);
        Ok(begun.elapsed())
    }

    /// All pods of the release, those that are being deleted too.
    pub(super) fn pods(&self) -> Result<Vec<Pod>> {
        let list = self.node.plane.client().get(&pods_path())?;
        Ok(list["items"].as_array().context("a list has items")?.iter().map(pod).collect())
    }

    /// Waits until there are so many pods, all ready.
    pub(super) fn ready(&self, count: usize) -> Result<Vec<Pod>> {
        self.until(&format!("{count} pods are ready, and there are no others"), |pods| {
            let all = pods.len() == count && pods.iter().all(|pod| pod.is_ready && !pod.is_deleted);
            all.then(|| pods.to_vec())
        })
    }

    /// The only pod and its process.
    pub(super) fn only(&self) -> Result<(Pod, Process)> {
        let pod = self.ready(1)?.pop().context("a pod")?;
        let process = process_of(&pod)?;
        Ok((pod, process))
    }

    pub(super) fn until<T>(&self, what: &str, mut look: impl FnMut(&[Pod]) -> Option<T>) -> Result<T> {
        let begun = Instant::now();
        loop {
            if let Some(seen) = look(&self.pods()?) {
                return Ok(seen);
            }
            ensure!(begun.elapsed() < SETTLES_WITHIN, "it does not come to it that {what}:\n{}", self.told()?);
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// What is known of what went wrong.
    pub(super) fn told(&self) -> Result<String> {
        let events = self.node.plane.client().get(&format!("/api/v1/namespaces/{NAMESPACE}/events"))?;
        let events = events["items"].as_array().into_iter().flatten();
        let events =
            events.map(|event| format!("{} {}", event["reason"], event["message"])).collect::<Vec<_>>().join("\n");
        let (logs, kubelet) = (self.node.logs_of_pods(), self.node.log("kubelet"));
        Ok(format!("{:?}\n{events}\n{logs}\nkubelet:\n{kubelet}", self.pods()?))
    }
}

/// The process of a pod that is ready.
pub(super) fn process_of(pod: &Pod) -> Result<Process> {
    Process::of_pod(&pod.uid).with_context(|| format!("no process runs in the pod {}", pod.name))
}

fn pods_path() -> String {
    format!("/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app.kubernetes.io/name={NAME}")
}

fn pod(pod: &Value) -> Pod {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (metadata, status) = (&pod["metadata"], &pod["status"]);
    let conditions = status["conditions"].as_array().into_iter().flatten();
    Pod {
        name: text(&metadata["name"]),
        uid: text(&metadata["uid"]),
        address: text(&status["podIP"]),
        is_ready: conditions.into_iter().any(|one| one["type"] == "Ready" && one["status"] == "True"),
        is_deleted: !metadata["deletionTimestamp"].is_null(),
        restarts: status["containerStatuses"][0]["restartCount"].as_u64().unwrap_or(0),
    }
}

fn server(plane: &ControlPlane) -> Result<(String, String)> {
    let url = plane.url();
    let (host, port) = url.trim_start_matches("https://").rsplit_once(':').context("an address with a port")?;
    Ok((host.to_owned(), port.to_owned()))
}

/// The server's answer to a pod that the standard *restricted* forbids, and *baseline* does not: its refusal.
pub(super) fn refuses_an_ordinary_pod(client: &Client) -> Result<String> {
    let container = json!({ "name": "c", "image": "example.com/none" });
    let pod = json!({ "metadata": { "name": "ordinary" }, "spec": { "containers": [container] } });
    let (code, answer) = client.send(&Method::POST, &format!("/api/v1/namespaces/{NAMESPACE}/pods"), Some(&pod))?;
    ensure!(
        code == 403 && answer.contains("PodSecurity"),
        "a pod that the standard forbids is not refused: {code} {answer}"
    );
    Ok(format!("{code}"))
}
