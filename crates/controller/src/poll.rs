//! The namespaces that `--namespaces` names, asked for one by one, again and again.
//!
//! A Role in a namespace can grant `get` on that very namespace, but neither `list` nor `watch`: those are questions about
//! all namespaces. So, in the place of a watch, each is looked at: often while one of them is missing or terminating and
//! its replicas wait, else seldom.
//!
//! Guarantees: the consumer is told `Ends` only when the server has answered for every namespace, with the namespace or
//! with 404; a namespace that may not be looked at counts neither as there nor as missing, and what was known of it stays;
//! attempts are never made in a hot loop.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, header};
use k8s_replicator_core::names::Namespace;
use kube::Client;
use kube::client::Body;
use serde_json::json;
use tracing::{info, warn};

use crate::cluster::kube::{METADATA_ONLY, exchange, unreachable};
use crate::cluster::object::Object;
use crate::cluster::status::refusal;
use crate::cluster::{Failure, FailureKind};
use crate::event::SeenNamespace;
use crate::health::Progress;
use crate::queue::backoff;
use crate::watch::{Change, Consumer, Told, unreadable};

/// Between two looks while all is well.
const CALM: Duration = Duration::from_secs(30);
/// Between two looks while a namespace is missing or terminating.
const WAITING: Duration = Duration::from_secs(3);
/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A namespace's metadata, with annotations of 256 KiB, and room to spare.
const LONGEST_ANSWER: usize = 2 << 20;

/// See the [module](self).
pub struct Poll {
    client: Client,
    /// The server's address, for messages.
    url: String,
    namespaces: BTreeSet<Namespace>,
    progress: Arc<Progress>,
    entropy: Box<dyn FnMut() -> u8 + Send + Sync>,
}

/// What a round of looks came to.
struct Round {
    failed: bool,
    /// All exist, and none is terminating.
    settled: bool,
    retry_after: Duration,
}

impl Poll {
    /// A poll of `namespaces`; `entropy` spreads the attempts of many programs.
    #[must_use]
    pub fn new(
        client: Client,
        url: String,
        namespaces: BTreeSet<Namespace>,
        progress: Arc<Progress>,
        entropy: Box<dyn FnMut() -> u8 + Send + Sync>,
    ) -> Self {
        Self { client, url, namespaces, progress, entropy }
    }

    /// Looks until the consumer wants no more.
    pub async fn run(mut self, mut consumer: impl Consumer) {
        consumer.take(Change::Begins);
        let mut unanswered = self.namespaces.clone();
        let mut told = BTreeMap::new();
        let mut failures = 0;
        loop {
            let complete = unanswered.is_empty();
            let round = self.look_at_all(&mut consumer, &mut unanswered, &mut told).await;
            if !complete && unanswered.is_empty() {
                info!(resource = "namespaces", "looked at each");
                consumer.take(Change::Ends(""));
            }
            if !consumer.flush().await {
                return;
            }
            failures = if round.failed { failures + 1 } else { 0 };
            let longest = if round.settled { CALM } else { WAITING };
            let pause = match round.failed {
                true => backoff(failures + 1, LONGEST_PAUSE, (self.entropy)()).max(round.retry_after),
                false => longest + longest.mul_f64(f64::from((self.entropy)()) / 1024.0),
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn look_at_all(
        &self,
        consumer: &mut impl Consumer,
        unanswered: &mut BTreeSet<Namespace>,
        told: &mut BTreeMap<Namespace, Told>,
    ) -> Round {
        let mut round = Round { failed: false, settled: true, retry_after: Duration::ZERO };
        for namespace in &self.namespaces {
            let answer = self.look(namespace).await;
            self.progress.made();
            match answer {
                Ok(Some((answer, is_terminating))) => {
                    round.settled &= !is_terminating;
                    consumer.take(Change::Seen(Object::of(&answer)));
                }
                Ok(None) => {
                    round.settled = false;
                    let gone = json!({ "metadata": { "name": &**namespace } }).to_string();
                    consumer.take(Change::Deleted(Object::Json(gone.as_bytes())));
                }
                Err(failure) => {
                    round.failed = true;
                    round.retry_after = round.retry_after.max(failure.retry_after.unwrap_or_default());
                    let error = self.explain(namespace, &failure);
                    if told.entry(namespace.clone()).or_default().is_news(&error) {
                        let (resource, verb, reason) = ("namespaces", "get", failure.kind.reason().code());
                        warn!(resource, verb, reason, error, "cannot look at the namespace {namespace}; trying again");
                    }
                    continue;
                }
            }
            told.remove(namespace);
            unanswered.remove(namespace);
        }
        round
    }

    /// The namespace's metadata as it came, and whether it is terminating; `None`: it does not exist.
    async fn look(&self, namespace: &Namespace) -> Result<Option<(Bytes, bool)>, Failure> {
        let request = http::Request::get(format!("/api/v1/namespaces/{namespace}"))
            .header(header::ACCEPT, METADATA_ONLY)
            .body(Body::empty())
            .map_err(|error| unreachable(&error))?;
        let (status, headers, body) = exchange(&self.client, request, LONGEST_ANSWER).await?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => {
                let seen = SeenNamespace::read(Object::of(&body)).map_err(unreadable)?;
                Ok(Some((body, seen.facts.terminating)))
            }
            _ => Err(refusal(status, &headers, &body)),
        }
    }

    /// The server's words, with what to do about it.
    fn explain(&self, namespace: &Namespace, failure: &Failure) -> String {
        let said = &failure.message;
        match failure.kind {
            FailureKind::Forbidden => format!(
                "{said}; the controller's account needs the verb \"get\" on \"namespaces\" in the namespace \"{namespace}\", \
                 by a Role there, for which the namespace has to exist; or take it off --namespaces"
            ),
            FailureKind::Unreachable => format!("no answer from the API server at {}: {said}", self.url),
            _ => said.clone(),
        }
    }
}
