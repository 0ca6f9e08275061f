//! The cluster that a plan is made against: metadata of all, and the objects whole that the manifests name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::future::join_all;
use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::names::{Key, Namespace};
use k8s_replicator_core::observed::{Annotated, Observed};
use k8s_replicator_core::scope::Scope;
use k8s_replicator_plan::planner::Flags;
use k8s_replicator_plan::{Cluster as Seen, Manifests, Object};

use crate::cluster::{Cluster, is_forbidden};

/// So many objects are read at the same time, and so many at most.
const AT_ONCE: usize = 16;
const MOST_READS: usize = 20_000;

/// What is looked for.
pub(super) struct Look<'a> {
    pub(super) manifests: &'a Manifests,
    /// Where the person looks who may not look everywhere.
    pub(super) around: &'a Namespace,
    pub(super) reads_contents: bool,
    pub(super) flags_now: &'a Flags,
}

impl Look<'_> {
    /// What there is, and the namespaces that were seen, where they are not all.
    pub(super) async fn at(self, cluster: &Cluster, notes: &mut Vec<String>) -> anyhow::Result<(Seen, Option<Scope>)> {
        let Flags { dialect, scope, kinds, .. } = self.flags_now;
        let of_manifests = self.manifests.objects.iter().filter_map(|it| Namespace::parse(it.key.namespace()).ok());
        let around: BTreeSet<Namespace> = of_manifests.chain([self.around.clone()]).collect();
        let around: Vec<Namespace> = around.into_iter().collect();
        let (listed, namespaces) = cluster.list_all(kinds, scope, &around, dialect, notes).await?;
        let mut seen = Seen { namespaces, objects: HashMap::new() };
        let mut narrowed = None;
        for (kind, listed) in kinds.iter().zip(listed) {
            if listed.scope != *scope {
                narrowed = Some(listed.scope.clone());
            }
            let wanted = self.wanted(*kind, &listed.objects);
            let mut whole = read(cluster, *kind, dialect, wanted, notes).await?;
            let objects = listed.objects.into_iter().filter_map(|observed| match whole.remove(&observed.key) {
                // It is gone since it was listed.
                Some(None) => None,
                Some(Some(object)) => Some(object),
                None => Some(Object::seen(observed, dialect)),
            });
            seen.objects.insert(kind.name(), objects.collect());
        }
        Ok((seen, narrowed))
    }

    /// The objects that are read whole.
    fn wanted(&self, kind: &dyn Kind, listed: &[Observed]) -> Vec<Key> {
        let named: BTreeSet<&Key> =
            self.manifests.objects.iter().filter(|it| it.kind.name() == kind.name()).map(|it| &it.key).collect();
        let mut asked_for: BTreeSet<Key> = BTreeSet::new();
        if self.reads_contents {
            for observed in listed.iter().filter(|observed| !matches!(observed.annotated, Annotated::Not)) {
                asked_for.insert(observed.key.clone());
                let marks = observed.annotated.marks();
                asked_for.extend(marks.and_then(|marks| marks.replicate_from.clone()).map(Key::from));
            }
            let texts = self.manifests.objects.iter().flat_map(|it| {
                let from = self.flags_now.dialect.key(k8s_replicator_core::annotations::Annotation::ReplicateFrom);
                it.annotations.get(&from).and_then(|text| Key::resolve(text.trim(), it.key.namespace()).ok())
            });
            asked_for.extend(texts);
        }
        let is_wanted = |key: &&Key| named.contains(*key) || asked_for.contains(*key);
        listed.iter().map(|observed| &observed.key).filter(is_wanted).take(MOST_READS).cloned().collect()
    }
}

/// Reads objects whole. `None` in the place of one: it does not exist any more.
async fn read(
    cluster: &Cluster,
    kind: &dyn Kind,
    dialect: &Dialect,
    keys: Vec<Key>,
    notes: &mut Vec<String>,
) -> anyhow::Result<BTreeMap<Key, Option<Object>>> {
    let mut whole = BTreeMap::new();
    let mut unseen = 0_usize;
    for some in keys.chunks(AT_ONCE) {
        let path = |key: &Key| format!("/api/v1/namespaces/{}/{}/{}", key.namespace(), kind.plural(), key.name());
        let answers = join_all(some.iter().map(|key| cluster.get(path(key)))).await;
        for (key, answer) in some.iter().zip(answers) {
            match answer {
                Ok(None) => drop(whole.insert(key.clone(), None)),
                Ok(Some(json)) => match Object::read(&json.to_string(), kind, dialect) {
                    Some(object) => drop(whole.insert(key.clone(), Some(object))),
                    None => anyhow::bail!("cannot read {key}: it is not a {}", kind.name()),
                },
                Err(failure) if is_forbidden(&failure) => unseen += 1,
                Err(failure) => anyhow::bail!("cannot get {key}: {}", failure.message),
            }
        }
    }
    if unseen > 0 {
        notes.push(format!(
            "You may not get {unseen} {} that the plan is about: their contents are taken to differ.",
            kind.plural()
        ));
    }
    Ok(whole)
}
