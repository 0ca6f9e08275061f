//! People's objects: sources that push into many namespaces, and what their replicas have to be.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use http::Method;
use k8s_replicator_testenv::Client;
use serde_json::{Value, json};

use crate::pods::hostile_texts::{cases, namespace};

/// Where the sources are, and where those are who mean harm.
const CENTRAL: &str = "central";
const TENANT: &str = "tenant";
/// The namespaces' names are all as long as can be.
const EVERYWHERE: &str = "[a-z0-9]{63}";
const SETTLES_WITHIN: Duration = Duration::from_secs(300);

/// See the [module](self).
pub(super) struct People {
    client: Client,
    /// Each source's value.
    sources: BTreeMap<String, usize>,
    namespaces: Vec<String>,
}

/// A replica's uid and value.
pub(super) type Replicas = BTreeMap<(String, String), (String, String)>;

impl People {
    pub(super) fn new(client: &Client) -> Self {
        Self { client: client.clone(), sources: BTreeMap::new(), namespaces: Vec::new() }
    }

    pub(super) fn replicas_wanted(&self) -> usize {
        self.sources.len() * self.namespaces.len()
    }

    /// Makes sources and namespaces until there are so many.
    pub(super) fn populate(&mut self, sources: usize, namespaces: usize) -> Result<()> {
        if self.namespaces.is_empty() {
            self.create("namespaces", &json!({ "metadata": { "name": CENTRAL } }))?;
        }
        for n in self.namespaces.len()..namespaces {
            self.create("namespaces", &json!({ "metadata": { "name": namespace(n) } }))?;
            self.namespaces.push(namespace(n));
        }
        for n in self.sources.len()..sources {
            let name = format!("source-{n}");
            let annotations = json!({ "k8s-replicator/replicate-to-namespaces": EVERYWHERE });
            let secret = json!({
                "metadata": { "name": name, "annotations": annotations },
                "stringData": { "k": "0" },
            });
            self.create(&format!("namespaces/{CENTRAL}/secrets"), &secret)?;
            self.sources.insert(name, 0);
        }
        Ok(())
    }

    /// Changes the value of one source, of those that there are by turns.
    pub(super) fn change(&mut self, turn: usize) -> Result<String> {
        let number = turn % self.sources.len();
        let (name, value) = self.sources.iter_mut().nth(number).context("a source")?;
        *value += 1;
        let change = json!({ "stringData": { "k": value.to_string() } });
        let path = format!("/api/v1/namespaces/{CENTRAL}/secrets/{name}");
        self.client.request(&Method::PATCH, &path, Some(&change))?;
        Ok(name.clone())
    }

    /// All that the controller made of these sources. (What the tenant has is much, and in the tenant's own namespace.)
    pub(super) fn replicas(&self) -> Result<Replicas> {
        let path = "/api/v1/secrets?labelSelector=app.kubernetes.io/managed-by=k8s-replicator";
        let list = self.client.get(&format!("{path}&fieldSelector=metadata.namespace!={TENANT}"))?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let items = list["items"].as_array().context("a list has items")?.iter();
        let replicas = items.map(|item| {
            let metadata = &item["metadata"];
            let key = (text(&metadata["namespace"]), text(&metadata["name"]));
            (key, (text(&metadata["uid"]), text(&item["data"]["k"])))
        });
        Ok(replicas.filter(|((_, name), _)| self.sources.contains_key(name)).collect())
    }

    /// How many replicas are missing or hold something else.
    pub(super) fn wrong(&self) -> Result<usize> {
        let replicas = self.replicas()?;
        let mut wrong = 0;
        for (name, value) in &self.sources {
            let value = base64(*value);
            let right = |namespace: &&String| {
                replicas.get(&((*namespace).clone(), name.clone())).is_some_and(|(_, held)| *held == value)
            };
            wrong += self.namespaces.len() - self.namespaces.iter().filter(right).count();
        }
        Ok(wrong)
    }

    /// Waits until every replica is as wanted.
    pub(super) fn all_right(&self) -> Result<Duration> {
        let begun = Instant::now();
        loop {
            let wrong = self.wrong()?;
            if wrong == 0 {
                return Ok(begun.elapsed());
            }
            ensure!(
                begun.elapsed() < SETTLES_WITHIN,
                "{wrong} of {} replicas are not as wanted",
                self.replicas_wanted()
            );
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// A tenant applies annotations that mean harm, two objects of each form. Answers how many objects, and how many bytes of annotations.
    pub(super) fn hostility(&self) -> Result<(usize, usize)> {
        self.create("namespaces", &json!({ "metadata": { "name": TENANT } }))?;
        let (mut count, mut bytes) = (0, 0);
        for (number, (_, make)) in cases().iter().enumerate() {
            for shift in 0..2 {
                let annotations = make(shift);
                bytes += annotations.iter().map(|(_, text)| text.len()).sum::<usize>();
                let named: serde_json::Map<_, _> = annotations
                    .into_iter()
                    .map(|(name, text)| (format!("k8s-replicator/{name}"), text.into()))
                    .collect();
                let secret = json!({
                    "metadata": { "name": format!("hostile-{number}-{shift}"), "annotations": named },
                    "stringData": { "k": "v" },
                });
                self.create(&format!("namespaces/{TENANT}/secrets"), &secret)?;
                count += 1;
            }
        }
        Ok((count, bytes))
    }

    fn create(&self, path: &str, object: &Value) -> Result<()> {
        self.client.request(&Method::POST, &format!("/api/v1/{path}"), Some(object)).map(drop)
    }
}

fn base64(value: usize) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(value.to_string())
}
