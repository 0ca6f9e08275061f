//! What stands in the cluster, as far as the person may see it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::future::join_all;
use k8s_replicator_controller::cluster::kube::{answer, http_request};
use k8s_replicator_controller::cluster::object::Object;
use k8s_replicator_controller::cluster::{Answer, Failure, Request};
use k8s_replicator_controller::wire::JSON;
use k8s_replicator_core::advice::Advice;
use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::decide::{Decision, Need, Rules, advise, decide};
use k8s_replicator_core::facts::Facts;
use k8s_replicator_core::graph::{Graph, Knowledge, Node};
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::names::{Key, Namespace, TargetKey};
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::observed::{Annotated, Observed, ResourceVersion};
use k8s_replicator_core::reason::Reason;
use k8s_replicator_core::scope::{Part, Scope};
use k8s_replicator_core::survey::{self, Row};
use k8s_replicator_core::time::Moment;
use k8s_replicator_core::trail::Trail;

use super::{Cluster, Flags, is_forbidden};

/// Later than every removal delay.
const AFTER_ALL_DELAYS: Moment = Moment::from_secs(3_600 * 24 * 365 * 100);
/// No annotation stands under it: who asks for names alone has no use for them.
const NO_PREFIX: &str = "-/";
/// A target needs fewer reads than this: those of its source, of itself, and of a chain.
const MOST_READS: usize = 250;

/// Of which namespaces the objects were seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Of all that the controller looks at.
    All,
    /// Of these only, of those that the controller looks at.
    Only(BTreeSet<Namespace>, Scope),
}

impl Seen {
    /// Whether the objects of this namespace were seen, as far as the controller looks at them.
    #[must_use]
    pub fn covers(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(namespaces, scope) => namespaces.contains(namespace) || !scope.covers(namespace),
        }
    }
}

/// The objects of one kind.
#[derive(Debug)]
pub struct OfKind {
    /// The kind.
    pub kind: &'static dyn Kind,
    /// What was seen of it.
    pub graph: Graph,
    /// What the annotations of an object alone show.
    advice: HashMap<Key, Vec<Advice>>,
    /// Where.
    pub seen: Seen,
}

/// What stands in the cluster, as far as the person may see it.
#[derive(Debug)]
pub struct Reading {
    /// Each kind that was asked for, and that the controller replicates.
    pub kinds: Vec<OfKind>,
    /// How the controller decides.
    pub rules: Rules,
    /// How its annotations are named.
    pub dialect: Dialect,
    /// The controller's flags.
    pub flags: Flags,
    /// What could not be seen, and other things that whoever reads the answer has to know: a sentence each.
    pub notes: Vec<String>,
}

/// What the lists showed of one kind.
pub(crate) struct Listed {
    pub(crate) objects: Vec<Observed>,
    seen: Seen,
    /// What was seen of what was asked for.
    pub(crate) scope: Scope,
    version: String,
}

impl Cluster {
    /// Lists the namespaces and the objects of these kinds, metadata only. Where the person may not list all of them, it lists in
    /// the namespaces `around`, and in those that the objects there name.
    ///
    /// # Errors
    /// When the cluster cannot be reached, or nothing may be seen.
    pub async fn read(&self, kinds: &[&'static dyn Kind], around: &[Namespace]) -> anyhow::Result<Reading> {
        let flags = self.flags().await?;
        let options = flags.settings.options();
        let mut notes: Vec<String> = flags.note.clone().into_iter().collect();
        let (dialect, scope) = (options.dialect, options.scope);
        for kind in kinds.iter().filter(|kind| !options.kinds.iter().any(|its| its.name() == kind.name())) {
            notes.push(format!("The controller does not replicate {}s: --run-replicators.", kind.name()));
        }
        let kinds: Vec<_> =
            kinds.iter().filter(|kind| options.kinds.iter().any(|its| its.name() == kind.name())).copied().collect();
        let (listed, namespaces) = self.list_all(&kinds, &scope, around, &dialect, &mut notes).await?;
        let kinds = kinds
            .iter()
            .zip(listed)
            .map(|(kind, listed)| of_kind(*kind, listed, &namespaces, &options.rules))
            .collect();
        Ok(Reading { kinds, rules: options.rules, dialect, flags, notes })
    }

    /// The objects of each of these kinds, and the namespaces. What could not be seen is noted.
    pub(crate) async fn list_all(
        &self,
        kinds: &[&'static dyn Kind],
        scope: &Scope,
        around: &[Namespace],
        dialect: &Dialect,
        notes: &mut Vec<String>,
    ) -> anyhow::Result<(Vec<Listed>, BTreeMap<String, NamespaceFacts>)> {
        let objects = join_all(kinds.iter().map(|kind| self.list_objects(*kind, scope, around, dialect)));
        let (namespaces, objects) = tokio::join!(self.list_namespaces(dialect), objects);
        let mut listed = Vec::new();
        for (kind, objects) in kinds.iter().zip(objects) {
            let objects = objects?;
            if let Seen::Only(namespaces, _) = &objects.seen {
                let which: Vec<_> = namespaces.iter().map(|namespace| &**namespace).collect();
                notes.push(format!("You may not see {} but in {}.", kind.plural(), which.join(", ")));
            }
            listed.push(objects);
        }
        let namespaces = match namespaces {
            Ok(namespaces) => namespaces,
            Err(failure) if is_forbidden(&failure) => {
                notes.push(
                    "You may not list namespaces: their labels and annotations, and whether one exists, are known only of those \
                     that you may get."
                        .to_owned(),
                );
                self.namespaces_one_by_one(&listed, around, dialect).await?
            }
            Err(failure) => anyhow::bail!("cannot list namespaces: {}", failure.message),
        };
        Ok((listed, namespaces))
    }

    /// The names of all namespaces.
    ///
    /// # Errors
    /// When the cluster cannot be reached, or the person may not list them.
    pub(crate) async fn namespace_names(&self) -> Result<Vec<String>, Failure> {
        Ok(self.list_namespaces(&Dialect::new(NO_PREFIX, true)).await?.into_keys().collect())
    }

    /// The names of the objects of a kind in a namespace; metadata alone is asked for.
    ///
    /// # Errors
    /// When the cluster cannot be reached, or the person may not list them.
    pub(crate) async fn object_names(&self, kind: &dyn Kind, namespace: Namespace) -> Result<Vec<String>, Failure> {
        let (dialect, mut names) = (Dialect::new(NO_PREFIX, true), Vec::new());
        let mut take = |object: Object<'_>| {
            names.push(object.observed(&dialect)?.key.name().to_owned());
            Ok(())
        };
        self.connection.list(kind.plural(), &Part::Namespace(namespace), &mut take).await?;
        Ok(names)
    }

    async fn list_namespaces(&self, dialect: &Dialect) -> Result<BTreeMap<String, NamespaceFacts>, Failure> {
        let mut namespaces = BTreeMap::new();
        let mut take = |object: Object<'_>| {
            let (name, facts) = match object {
                Object::Json(json) => NamespaceFacts::from_json(json, dialect)?,
                Object::Protobuf(item) => NamespaceFacts::from_protobuf(item, dialect)?,
            };
            namespaces.insert(name, facts);
            Ok(())
        };
        self.connection.list("namespaces", &Part::Cluster, &mut take).await?;
        Ok(namespaces)
    }

    /// Those in which something was seen. One that may not be asked for is taken to exist and to say nothing.
    async fn namespaces_one_by_one(
        &self,
        listed: &[Listed],
        around: &[Namespace],
        dialect: &Dialect,
    ) -> anyhow::Result<BTreeMap<String, NamespaceFacts>> {
        let mut names: BTreeSet<String> = around.iter().map(ToString::to_string).collect();
        for listed in listed {
            names.extend(listed.objects.iter().map(|object| object.key.namespace().to_owned()));
        }
        let mut namespaces = BTreeMap::new();
        for name in names {
            match self.connection.get(format!("/api/v1/namespaces/{name}"), JSON).await {
                Ok(response) => {
                    let (name, facts) = NamespaceFacts::from_json(&response.body, dialect)?;
                    namespaces.insert(name, facts);
                }
                Err(failure) if is_forbidden(&failure) => drop(namespaces.insert(name, NamespaceFacts::new(false))),
                Err(failure) if failure.kind == k8s_replicator_controller::cluster::FailureKind::Gone => {}
                Err(failure) => anyhow::bail!("cannot get the namespace {name}: {}", failure.message),
            }
        }
        Ok(namespaces)
    }

    async fn list_objects(
        &self,
        kind: &'static dyn Kind,
        scope: &Scope,
        around: &[Namespace],
        dialect: &Dialect,
    ) -> anyhow::Result<Listed> {
        let mut objects = Vec::new();
        let mut unseen: Option<Failure> = None;
        let mut version = String::new();
        let mut list = async |part: Part, objects: &mut Vec<Observed>| -> anyhow::Result<bool> {
            let from = objects.len();
            let mut take = |object: Object<'_>| {
                objects.push(object.observed(dialect)?);
                Ok(())
            };
            match self.connection.list(kind.plural(), &part, &mut take).await {
                Ok(listed) => {
                    version = listed;
                    Ok(true)
                }
                Err(failure) if is_forbidden(&failure) => {
                    objects.truncate(from);
                    unseen.get_or_insert(failure);
                    Ok(false)
                }
                Err(failure) => anyhow::bail!("cannot list {}: {}", kind.plural(), failure.message),
            }
        };
        let mut next: Vec<Namespace> = match scope {
            Scope::Cluster => {
                if list(Part::Cluster, &mut objects).await? {
                    return Ok(Listed { objects, seen: Seen::All, scope: Scope::Cluster, version });
                }
                around.to_vec()
            }
            Scope::Namespaces(namespaces) => namespaces.iter().cloned().collect(),
        };
        let (mut seen, mut asked) = (BTreeSet::new(), BTreeSet::new());
        while let Some(namespace) = next.pop() {
            if !asked.insert(namespace.clone()) {
                continue;
            }
            let from = objects.len();
            if list(Part::Namespace(namespace.clone()), &mut objects).await? {
                seen.insert(namespace);
                let named =
                    objects.get(from..).unwrap_or_default().iter().filter_map(|object| object.annotated.marks());
                let keys = named.flat_map(|marks| [&marks.replicate_from, &marks.replicated_by]).flatten();
                let namespaces = keys.filter_map(|key| Namespace::parse(key.namespace()).ok());
                next.extend(namespaces.filter(|namespace| scope.covers(namespace)));
            }
        }
        if let (true, Some(failure)) = (seen.is_empty(), &unseen) {
            anyhow::bail!("cannot list {}: {}", kind.plural(), failure.message);
        }
        let narrowed = Scope::Namespaces(seen.clone());
        let seen = if unseen.is_none() { Seen::All } else { Seen::Only(seen, scope.clone()) };
        Ok(Listed { objects, seen, scope: narrowed, version })
    }
}

fn of_kind(
    kind: &'static dyn Kind,
    listed: Listed,
    namespaces: &BTreeMap<String, NamespaceFacts>,
    rules: &Rules,
) -> OfKind {
    let Listed { mut objects, seen, scope, version } = listed;
    let mut graph = Graph::new(&scope);
    graph.begin_namespaces();
    for (name, facts) in namespaces {
        graph.observe_namespace(name, facts.clone());
    }
    graph.end_namespaces();
    let parts = scope.parts();
    parts.iter().for_each(|part| graph.begin_part(part));
    let mut advice = HashMap::new();
    // Those without annotations come last: by then the graph knows which of them somebody names.
    objects.sort_by_key(|object| matches!(object.annotated, Annotated::Not));
    for mut object in objects {
        if !object.advice.is_empty() {
            advice.insert(object.key.clone(), std::mem::take(&mut object.advice));
        }
        graph.observe(object);
    }
    let version = ResourceVersion::new(&version);
    for part in &parts {
        graph.end_part(part, &version);
    }
    // Every object was shown to a graph that knew who names it: what it does not hold was in no list.
    for target in graph.all_asked_for() {
        for _ in 0..MOST_READS {
            let Decision::Need(Need::Presence(key)) = decide(&graph, kind, rules, &target) else { break };
            graph.confirm_absent(&key);
        }
    }
    OfKind { kind, graph, advice, seen }
}

impl OfKind {
    /// What is probably not meant as it is written in an object's annotations.
    #[must_use]
    pub fn advice(&self, key: &Key) -> Vec<Advice> {
        let mut advice = self.advice.get(key).cloned().unwrap_or_default();
        advice.extend(advise(&self.graph, self.kind, key));
        advice
    }

    /// A row for each target, without reading any content. What is over the removal limit is held, also where the delay, which is
    /// not known to have begun, would be waited for before.
    #[must_use]
    pub fn rows(&mut self, rules: &Rules) -> Vec<Row> {
        let mut rows: Vec<Row> = survey::rows(&self.graph, self.kind, rules).collect();
        let is_delayed = |row: &Row| row.reason == Some(Reason::RemovalDelayed);
        if rules.removal_limit.is_some() && rows.iter().any(is_delayed) {
            self.graph.set_time(AFTER_ALL_DELAYS);
            for row in rows.iter_mut().filter(|row| is_delayed(row)) {
                if let Some(held) = held(&self.graph, self.kind, rules, &row.target) {
                    *row = held.0;
                }
            }
            self.graph.set_time(Moment::ZERO);
        }
        rows
    }

    /// The row of one target and its trail, after reading what is needed. `None` in the place of the row: it is no target.
    ///
    /// # Errors
    /// When the cluster cannot be reached. What may not be read is in the row's `needs`.
    pub async fn look(
        &mut self,
        cluster: &Cluster,
        dialect: &Dialect,
        rules: &Rules,
        target: &TargetKey,
    ) -> anyhow::Result<(Option<Row>, Trail)> {
        for _ in 0..MOST_READS {
            let need = match decide(&self.graph, self.kind, rules, target) {
                Decision::Need(need) => need,
                // What keeps the controller from writing (the target is immutable, or of another type) it learns when a write is
                // refused: a person is told before.
                Decision::Act(_) if self.is_unread(target) => Need::Content(Key::clone(target)),
                _ => break,
            };
            if !self.learn(cluster, dialect, &need).await? {
                break;
            }
        }
        let (row, trail) = survey::look(&self.graph, self.kind, rules, target);
        if rules.removal_limit.is_some() && row.as_ref().is_some_and(|row| row.reason == Some(Reason::RemovalDelayed)) {
            self.graph.set_time(AFTER_ALL_DELAYS);
            let held = held(&self.graph, self.kind, rules, target);
            self.graph.set_time(Moment::ZERO);
            if let Some((row, trail)) = held {
                return Ok((Some(row), trail));
            }
        }
        Ok((row, trail))
    }

    /// Whether the object exists, and its content was not read.
    fn is_unread(&self, key: &Key) -> bool {
        let is_known = |node: &Node| matches!(node.knowledge, Knowledge::Known(_));
        self.graph.node(key).is_some_and(|node| !is_known(node))
    }

    /// Reads an object's content, so that advice can be given on it. The person may lack the right: then there is none.
    ///
    /// # Errors
    /// When the cluster cannot be reached.
    pub async fn read(&mut self, cluster: &Cluster, dialect: &Dialect, key: &Key) -> anyhow::Result<()> {
        if self.is_unread(key) {
            self.learn(cluster, dialect, &Need::Content(key.clone())).await?;
        }
        Ok(())
    }

    /// Reads what is needed. Answers whether it is known now: the person may lack the right.
    async fn learn(&mut self, cluster: &Cluster, dialect: &Dialect, need: &Need) -> anyhow::Result<bool> {
        let key = need.key();
        let request = match need {
            Need::Presence(_) => Request::Look(key.clone()),
            Need::Content(_) | Need::Portion(..) => Request::Read(key.clone()),
        };
        let held = self.graph.held(key);
        let received = cluster.connection.ask(http_request(&request, self.kind, dialect)).await;
        match answer(&request, self.kind, dialect, received) {
            Ok(Answer::Content(observed, content)) => {
                let (key, version) = (observed.key.clone(), observed.resource_version.clone());
                self.graph.found(observed);
                let type_ = content.type_.as_deref();
                self.graph.learn(&key, &version, Facts::of(self.kind, type_, &content.payload), &content);
                if let Need::Portion(_, projection) = need {
                    let portion = Facts::of_portion(self.kind, type_, &content.payload, projection);
                    self.graph.learn_portion(&key, &version, projection.clone(), portion);
                }
            }
            Ok(Answer::Seen(observed)) => drop(self.graph.found(observed)),
            Ok(Answer::Missing | Answer::Deleted) => drop(self.graph.not_found(key, held.as_ref())),
            Err(failure) if is_forbidden(&failure) => return Ok(false),
            Err(failure) => anyhow::bail!("{}", failure.message),
        }
        Ok(true)
    }
}

/// The row of a target that is over the removal limit.
fn held(graph: &Graph, kind: &dyn Kind, rules: &Rules, target: &TargetKey) -> Option<(Row, Trail)> {
    let (row, trail) = survey::look(graph, kind, rules, target);
    Some((row.filter(|row| row.reason == Some(Reason::RemovalHeld))?, trail))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the controller does not look at is not what the person may not see.
    #[test]
    fn what_is_unseen_is_what_the_person_may_not_see() {
        let namespaces =
            |names: &[&str]| names.iter().map(|name| Namespace::parse(name).unwrap()).collect::<BTreeSet<_>>();
        let seen = Seen::Only(namespaces(&["a"]), Scope::Cluster);
        assert!(seen.covers("a") && !seen.covers("b"));
        let seen = Seen::Only(namespaces(&["a"]), Scope::Namespaces(namespaces(&["a", "b"])));
        assert!(seen.covers("a") && !seen.covers("b") && seen.covers("c"));
        assert!(Seen::All.covers("b"));
    }
}
