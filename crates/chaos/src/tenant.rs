//! A tenant who means harm: with rights in its own namespace alone, it applies whole objects with the annotations of the fuzzer's corpus.

use std::path::Path;

use anyhow::{Result, ensure};
use http::Method;
use k8s_replicator_sim::api::object::{Id, Resource};
use k8s_replicator_sim::dice::Dice;
use k8s_replicator_sim::spec::PREFIX;
use k8s_replicator_sim::world::users;
use k8s_replicator_testenv::Client;

use crate::people::{manifest, path};
use crate::places::TENANT;

/// The names of its objects: such as others use, and others.
const NAMES: [&str; 6] = ["x", "y", "z", "t", "own", "hostile"];

/// Annotations by name and value.
type Annotations = Vec<(String, String)>;

/// See the [module](self).
pub(crate) struct Tenant {
    client: Client,
    dice: Dice,
    corpus: Vec<Annotations>,
}

/// The annotations of each input of the corpus. Over JSON no byte arrives that is no UTF-8, as for every client that speaks it; and the API
/// server takes an object only with keys of its grammar.
fn corpus() -> Result<Vec<Annotations>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/annotations");
    let mut texts = Vec::new();
    for file in std::fs::read_dir(folder)? {
        texts.push(String::from_utf8_lossy(&std::fs::read(file?.path())?).into_owned());
    }
    texts.sort();
    let annotations = |text: &String| -> Annotations {
        let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
        let pairs = pairs.filter(|(name, _)| is_key(name));
        pairs.map(|(name, value)| (format!("{PREFIX}{name}"), value.to_owned())).collect()
    };
    let all: Vec<Annotations> = texts.iter().map(annotations).filter(|all| !all.is_empty()).collect();
    ensure!(all.len() > 20, "the corpus is not there");
    Ok(all)
}

fn is_key(name: &str) -> bool {
    let is_edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    name.len() < 64
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && is_edge(name.chars().next())
        && is_edge(name.chars().next_back())
}

impl Tenant {
    pub(crate) fn new(client: Client, seed: u64) -> Result<Self> {
        Ok(Self { client, dice: Dice::new(seed ^ 0x7e4a_4700), corpus: corpus()? })
    }

    /// Does something at random. False: it was not possible.
    pub(crate) fn act(&mut self) -> bool {
        let resource = self.dice.pick(&[Resource::Secret, Resource::ConfigMap]);
        let id = Id::new(resource, TENANT, self.dice.pick(&NAMES));
        match self.dice.roll(6) {
            0 => self.client.request(&Method::DELETE, &path(&id), None).is_ok(),
            _ => self.apply(&id).is_ok(),
        }
    }

    /// Makes the object, or replaces it as a whole. What it says stands in one input of the corpus, or in some that were never together.
    fn apply(&mut self, id: &Id) -> Result<()> {
        let mut annotations = self.dice.pick(&self.corpus);
        while self.dice.once_in(3) {
            annotations.extend(self.dice.pick(&self.corpus));
        }
        let type_ = self.dice.pick(&["Opaque", "Opaque", "Opaque", "kubernetes.io/tls", "example.com/own"]);
        let data = u8::try_from(self.dice.roll(8))?;
        let object = users::object(id, type_, data, &annotations, self.dice.once_in(30), false);
        let (manifest, path) = (manifest(&object), path(id));
        let (code, _) = self.client.send(&Method::PUT, &format!("{path}?fieldManager=hostile"), Some(&manifest))?;
        if code == 200 || code == 201 {
            return Ok(());
        }
        // It is not there, or it is of another type.
        if code == 422 {
            self.client.request(&Method::DELETE, &path, None)?;
        }
        let collection = path.strip_suffix(&format!("/{}", id.name)).unwrap_or(&path);
        self.client.request(&Method::POST, &format!("{collection}?fieldManager=hostile"), Some(&manifest)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_says_something() {
        let all: Annotations = corpus().unwrap().concat();
        for name in ["replicate-to", "replicate-from", "replicated-by", "replicate-keys", "replica-labels", "paused"] {
            assert!(all.iter().any(|(key, _)| key.strip_prefix(PREFIX) == Some(name)), "{name}");
        }
    }
}
