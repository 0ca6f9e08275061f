//! The stage of a scenario: a fresh control plane, and the operations of the scenarios on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use http::Method;
use k8s_replicator_testenv::{ControlPlane, Request, Rights, Settings, User};
use serde_json::{Value, json};

use super::api::{Api, Call};
use super::observer::Observer;
use super::process;
use super::subject::{Running, Subject};
use super::writer::{AT_ONCE, Writer};

/// How large the scenarios are.
pub(super) struct Sizes {
    /// Namespaces that one source fans out to, and how many rounds.
    pub(super) fan_out: &'static [(usize, usize)],
    /// So many sources, each into so many namespaces.
    pub(super) sources: usize,
    /// Namespaces that appear at once.
    pub(super) appearing: usize,
    /// Updates of one source whose latency is measured.
    pub(super) updates: usize,
    /// Unrelated Secrets that are there at a start.
    pub(super) unrelated: &'static [usize],
    /// An idle time.
    pub(super) idle: Duration,
    /// Replicas of a source that is updated again and again.
    pub(super) stormed: usize,
    /// Replicas of a source beside which small ones are created.
    pub(super) large: usize,
}

impl Sizes {
    pub(super) fn full() -> Self {
        Self {
            fan_out: &[(500, 6), (2_000, 10), (10_000, 3)],
            sources: 100,
            appearing: 500,
            updates: 50,
            unrelated: &[0, 10_000, 50_000],
            idle: Duration::from_secs(60),
            stormed: 200,
            large: 5_000,
        }
    }

    pub(super) fn quick() -> Self {
        Self {
            fan_out: &[(300, 1)],
            sources: 20,
            appearing: 100,
            updates: 20,
            unrelated: &[0, 2_000],
            idle: Duration::from_secs(10),
            stormed: 200,
            large: 500,
        }
    }
}

/// What all scenarios share.
pub(super) struct Lab {
    pub(super) sizes: Sizes,
    pub(super) patience: Duration,
}

/// See the [module](self).
pub(super) struct Stage {
    // Dropped before the plane they speak to.
    pub(super) observer: Observer,
    pub(super) writer: Writer,
    /// Its requests are not audited: the bench's own doing.
    pub(super) admin: Api,
    pub(super) plane: ControlPlane,
}

/// The processor time and memory used until one moment.
#[derive(Clone, Copy)]
pub(super) struct Used {
    controller: f64,
    server: f64,
    at: Instant,
}

/// The difference between two.
pub(super) struct Spent {
    /// Seconds of processor time.
    pub(super) controller: f64,
    /// The API server's and etcd's.
    pub(super) server: f64,
}

impl Lab {
    /// A fresh control plane.
    pub(super) async fn stage(&self, subject: &Subject) -> Result<Stage> {
        say("starting a control plane");
        // Starting one blocks for seconds.
        let plane = tokio::task::spawn_blocking(|| ControlPlane::start(Settings::default())).await??;
        let admin = Api::new(plane.kubeconfig()).await?;
        let writer = Writer::new(&plane).await?;
        let observer = Observer::start(&admin, subject.dialect.version_annotation()).await?;
        Ok(Stage { observer, writer, admin, plane })
    }
}

impl Stage {
    /// Makes namespaces `PREFIX-00000` and so on.
    pub(super) async fn namespaces(&self, prefix: &str, count: usize) -> Result<Arc<Vec<String>>> {
        say(format_args!("making {count} namespaces"));
        let names: Arc<Vec<String>> = Arc::new((0..count).map(|n| format!("{prefix}-{n:05}")).collect());
        let all = names.clone();
        self.admin.parallel(count, AT_ONCE, move |n| namespace(&all[n])).await?;
        Ok(names)
    }

    /// Makes a source in namespace `default` that pushes there. Answers its version.
    pub(super) async fn source(&self, subject: &Subject, name: &str, to: &str, data: &Value) -> Result<String> {
        let body = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": name, "annotations": subject.dialect.push_to(to) },
            "data": data,
        });
        let path = "/api/v1/namespaces/default/secrets".to_owned();
        version(&self.admin.json(Call::new(Method::POST, path, body.to_string())).await?)
    }

    /// Changes a source's data. Answers its new version.
    pub(super) async fn change(&self, name: &str, data: &Value) -> Result<String> {
        version(&self.admin.json(change(name, data)).await?)
    }

    /// What was used until now, by the server and by a controller.
    pub(super) fn used(&self, controller: Option<&Running>) -> Result<Used> {
        let mut server = 0.0;
        for id in self.plane.process_ids() {
            server += process::cpu_seconds(id)?;
        }
        let controller = controller.map_or(Ok(0.0), Running::cpu_seconds)?;
        Ok(Used { controller, server, at: Instant::now() })
    }

    /// What `user` asked for, but for the first `skip` requests, by the server's audit log.
    pub(super) async fn audited(&self, user: &User, skip: usize) -> Result<Vec<Request>> {
        self.all_is_logged().await?;
        Ok(self.plane.requests(user).split_off(skip))
    }

    /// How often `user` asked for each verb, but for the first `skip` requests.
    pub(super) async fn requests(&self, user: &User, skip: usize) -> Result<Vec<(String, usize)>> {
        Ok(count_by_verb(&self.audited(user, skip).await?))
    }

    /// How many requests `user` has made.
    pub(super) async fn asked(&self, user: &User) -> Result<usize> {
        self.all_is_logged().await?;
        Ok(self.plane.requests(user).len())
    }

    /// The log's lines come a moment after the answers: they are all there when that of a later request is.
    async fn all_is_logged(&self) -> Result<()> {
        let marker = self.plane.user(Rights::Admin);
        let call = Call::new(Method::GET, "/api/v1/namespaces/default".to_owned(), String::new());
        Api::new(&marker.kubeconfig).await?.send(call).await?;
        while self.plane.requests(&marker).is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

impl Used {
    pub(super) fn until(self, now: Self) -> Spent {
        Spent { controller: now.controller - self.controller, server: now.server - self.server }
    }

    pub(super) fn at(self) -> Instant {
        self.at
    }
}

/// Prints what is done now.
pub(super) fn say(what: impl std::fmt::Display) {
    eprintln!("  {what}");
}

/// The creation of a namespace.
pub(super) fn namespace(name: &str) -> Call {
    let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    Call::new(Method::POST, "/api/v1/namespaces".to_owned(), body.to_string())
}

/// The change of a source.
pub(super) fn change(name: &str, data: &Value) -> Call {
    let body = json!([{ "op": "add", "path": "/data", "value": data }]);
    Call::new(Method::PATCH, format!("/api/v1/namespaces/default/secrets/{name}"), body.to_string())
}

/// An object's `metadata.resourceVersion`.
pub(super) fn version(object: &Value) -> Result<String> {
    Ok(object["metadata"]["resourceVersion"].as_str().context("an object without a version")?.to_owned())
}

/// How many requests there are of each verb.
pub(super) fn count_by_verb(requests: &[Request]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for request in requests {
        *counts.entry(request.verb.clone()).or_default() += 1;
    }
    counts.into_iter().collect()
}

/// Counts in words: `1 get, 100 patch`.
pub(super) fn in_words(counts: &[(String, usize)]) -> String {
    let words: Vec<String> = counts.iter().map(|(verb, count)| format!("{count} {verb}")).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// How many of them change something.
pub(super) fn writes(counts: &[(String, usize)]) -> usize {
    counts.iter().filter(|(verb, _)| !matches!(verb.as_str(), "get" | "list" | "watch")).map(|(_, count)| count).sum()
}

/// The middle one, and the one that only a hundredth exceeds.
pub(super) fn percentiles(mut values: Vec<f64>) -> (f64, f64) {
    (percentile(&mut values, 0.5), percentile(&mut values, 0.99))
}

/// The one that this part of them does not exceed.
pub(super) fn percentile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = (values.len() as f64 * part).ceil() as usize;
    values.get(index.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        assert_eq!(percentiles((1..=100).rev().map(f64::from).collect()), (50.0, 99.0));
        assert_eq!(percentiles(vec![3.0, 1.0, 2.0]), (2.0, 3.0));
        assert_eq!([0.9, 1.0].map(|part| percentile(&mut [3.0, 1.0, 2.0, 4.0], part)), [4.0, 4.0]);
        assert!(percentiles(Vec::new()).0.is_nan());
    }

    #[test]
    fn requests_are_told_by_verb() {
        let counts = [("get".to_owned(), 1), ("list".to_owned(), 3), ("patch".to_owned(), 100)];
        assert_eq!(in_words(&counts), "1 get, 3 list, 100 patch");
        assert_eq!((writes(&counts), in_words(&[])), (100, "none".to_owned()));
    }
}
