//! kubectl commands to paste, which remove the cause of a refusal or a wait. Where a person has to choose, the command opens the
//! right object in an editor.
//!
//! `explain` and the page show the same ones.

use crate::annotations::{Annotation, Dialect, Marks, PUSH};
use crate::decide::sources;
use crate::explain::chain;
use crate::graph::Graph;
use crate::kind::Kind;
use crate::names::{Key, SourceKey};
use crate::pattern::NamespaceList;
use crate::reason::Reason;

/// What the commands are made from.
#[derive(Clone, Copy)]
pub struct Change<'a> {
    /// What is known of the cluster.
    pub graph: &'a Graph,
    /// The target's kind.
    pub kind: &'a dyn Kind,
    /// How the annotations are named.
    pub dialect: &'a Dialect,
    /// The target.
    pub target: &'a Key,
    /// The source that plays a part in it.
    pub source: Option<&'a SourceKey>,
    /// The controller's Deployment, `namespace/name`.
    pub controller: Option<&'a str>,
}

impl Change<'_> {
    /// The commands for this reason; none if nothing has to be done.
    #[must_use]
    pub fn commands(self, reason: Reason) -> Vec<String> {
        let one = |command: Option<String>| command.into_iter().collect::<Vec<_>>();
        match reason {
            Reason::SourceMissing => one(self.source.map(|source| self.create(source))),
            Reason::SourceStoppedPushing | Reason::NotWanted => one(self.source.map(|source| self.push(source))),
            Reason::ConsentMissing | Reason::ConsentRefused | Reason::NamespaceNotAllowed => {
                one(self.source.map(|source| self.consent(source)))
            }
            Reason::ChainNotAllowed => self.consent_of_chain(),
            Reason::ChainBroken => one(self.source.map(|source| self.explain(source))),
            Reason::NotAccepted => one(self.source.map(|source| self.accept(source))),
            Reason::HeldByOnce => one(self.source.map(|source| self.once_more(source))),
            Reason::Paused => self.go_on(),
            Reason::RemovalHeld => {
                vec![format!("kubectl replicator approve {} {}", self.word(), self.target)]
            }
            Reason::PushesItself => {
                vec![self.annotate(self.target, &PUSH.map(|annotation| (annotation, None)))]
            }
            Reason::NamespaceMissing => vec![format!("kubectl create namespace {}", self.target.namespace())],
            Reason::NotCreatedBySource | Reason::NotMadeByController => vec![self.on("delete", self.target)],
            Reason::IllFormed | Reason::Loop | Reason::Ring | Reason::ChainTooLong => {
                vec![self.on("edit", self.target)]
            }
            Reason::SourceIllFormed | Reason::SourceIncomplete => {
                one(self.source.map(|source| self.on("edit", source)))
            }
            Reason::NamespaceIllFormed => vec![format!("kubectl edit namespace {}", self.target.namespace())],
            Reason::KeyMissing | Reason::KeyNotAllowed | Reason::KeyRequired => {
                vec![self.on("edit", self.who_asks_for_keys())]
            }
            Reason::NamespaceExcluded | Reason::SourceNotWatched | Reason::NamespaceNotWatched => one(self
                .controller
                .and_then(|name| name.split_once('/'))
                .map(|(namespace, name)| format!("kubectl -n {namespace} edit deployment {name}"))),
            Reason::Contested | Reason::Conflict if self.graph.node(self.target).is_some() => {
                vec![format!("{} -o jsonpath='{{.metadata.managedFields[*].manager}}'", self.on("get", self.target))]
            }
            Reason::BeingDeleted => {
                vec![format!("{} -o jsonpath='{{.metadata.finalizers}}'", self.on("get", self.target))]
            }
            _ => Vec::new(),
        }
    }

    /// The command for advice about an object.
    #[must_use]
    pub fn of_advice(self, object: &Key) -> String {
        self.on("edit", object)
    }

    /// Creates the source, of a file: pasted as it is this fails, and does not fill every replica with a word that stood for a value.
    fn create(self, source: &Key) -> String {
        let what = if self.kind.is_secret() { "secret generic" } else { "configmap" };
        format!("kubectl -n {} create {what} {} --from-file=KEY=FILE", source.namespace(), source.name())
    }

    /// Adds the target to the source's push.
    fn push(self, source: &Key) -> String {
        let marks = self.marks(source);
        let names = marks.and_then(|marks| marks.text(Annotation::ReplicateTo));
        let to = Annotation::ReplicateTo;
        let change = match names {
            None if source.name() == self.target.name() => {
                let namespaces = Annotation::ReplicateToNamespaces;
                self.with_namespace(marks, namespaces).map(|list| (namespaces, list))
            }
            // Without names a source pushes to its own, which its replicas would lose by another one alone.
            None if marks.is_some_and(|marks| marks.effective_push().is_some()) => {
                Some((to, format!("{},{}", source.name(), self.target)))
            }
            names => Some((to, with(names.map(|names| &**names), self.target.as_str()))),
        };
        self.annotate_or_edit(source, change.map(|(annotation, list)| vec![(annotation, Some(list))]))
    }

    /// Lets this namespace pull. (`replication-allowed: "true"` would let all.)
    fn consent(self, source: &Key) -> String {
        let (marks, namespaces) = (self.marks(source), Annotation::ReplicationAllowedNamespaces);
        // With "false" the list would say nothing.
        let refusal =
            marks.filter(|marks| marks.allowed == Some(false)).map(|_| (Annotation::ReplicationAllowed, None));
        let list = self.with_namespace(marks, namespaces);
        self.annotate_or_edit(source, list.map(|list| refusal.into_iter().chain([(namespaces, Some(list))]).collect()))
    }

    /// The consent of each object above the target that does not allow its namespace.
    fn consent_of_chain(self) -> Vec<String> {
        let namespace = self.target.namespace();
        let facts = self.graph.namespace(namespace).cloned().unwrap_or_default();
        let links = chain(self.graph, self.target, self.source);
        let above = links.iter().skip(1).filter_map(|link| Some((&link.key, self.marks(&link.key)?)));
        above
            .filter_map(|(key, marks)| match (&marks.allowed_namespaces, marks.allowed) {
                (_, Some(false)) => Some(self.consent(key)),
                (Some(selection), _) if !selection.names(namespace, &facts) => Some(self.consent(key)),
                _ => None,
            })
            .collect()
    }

    fn accept(self, source: &Key) -> String {
        let namespace = self.target.namespace();
        let accepts = self.graph.namespace(namespace).and_then(|facts| facts.accepts());
        let Some(list) = named_too(accepts, source.namespace()) else {
            return format!("kubectl edit namespace {namespace}");
        };
        let key = self.dialect.key(Annotation::AcceptReplicasFrom);
        format!("kubectl annotate --overwrite namespace {namespace} {}", quoted(&format!("{key}={list}")))
    }

    fn once_more(self, source: &Key) -> String {
        let version = Annotation::ReplicateOnceVersion;
        let now = self.marks(source).and_then(|marks| marks.text(version));
        let next = now.map_or("1".to_owned(), |now| match now.trim().parse::<u64>() {
            Ok(number) => number.saturating_add(1).to_string(),
            Err(_) => format!("{now}-2"),
        });
        self.annotate(source, &[(version, Some(next))])
    }

    /// Takes `paused` off each object that has it.
    fn go_on(self) -> Vec<String> {
        let sources = sources(self.graph, self.marks(self.target), self.source).map(|source| -> &Key { source });
        let objects = std::iter::once(self.target).chain(sources);
        let mut commands: Vec<String> = Vec::new();
        for key in objects.filter(|key| self.marks(key).is_some_and(|marks| marks.paused)) {
            let command = self.annotate(key, &[(Annotation::Paused, None)]);
            if !commands.contains(&command) {
                commands.push(command);
            }
        }
        let namespace = self.target.namespace();
        if self.graph.namespace(namespace).is_some_and(|facts| facts.is_paused()) {
            commands.push(format!("kubectl annotate namespace {namespace} {}-", self.dialect.key(Annotation::Paused)));
        }
        commands
    }

    fn who_asks_for_keys(&self) -> &Key {
        let asks = |key: &&Key| self.marks(key).is_some_and(|marks| marks.has(Annotation::ReplicateKeys));
        let pushes = |key: &&Key| self.marks(key).is_some_and(|marks| marks.effective_push().is_some());
        let source = self.source.map(|source| -> &Key { source });
        source.filter(asks).filter(pushes).unwrap_or(self.target)
    }

    /// The same explanation at a terminal.
    #[must_use]
    pub fn explain(self, key: &Key) -> String {
        format!("kubectl replicator explain {} {key}", self.word())
    }

    fn marks(&self, key: &Key) -> Option<&Marks> {
        self.graph.node(key).and_then(|node| node.marks())
    }

    /// The value of an annotation that is a list of namespaces, so that it names the target's too; `None`: one more item is not enough.
    fn with_namespace(self, marks: Option<&Marks>, annotation: Annotation) -> Option<String> {
        let list = marks.and_then(|marks| marks.text(annotation)).and_then(|text| NamespaceList::parse(text).ok());
        named_too(list.as_ref(), self.target.namespace())
    }

    /// Changes annotations; `None`: a person has to choose how.
    fn annotate_or_edit(self, key: &Key, changes: Option<Vec<(Annotation, Option<String>)>>) -> String {
        changes.map_or_else(|| self.on("edit", key), |changes| self.annotate(key, &changes))
    }

    fn annotate(self, key: &Key, changes: &[(Annotation, Option<String>)]) -> String {
        let changes = changes.iter().map(|(annotation, value)| {
            let name = self.dialect.key(*annotation);
            quoted(&value.as_ref().map_or(format!("{name}-"), |value| format!("{name}={value}")))
        });
        let overwrite = format!("{} --overwrite", self.on("annotate", key));
        std::iter::once(overwrite).chain(changes).collect::<Vec<_>>().join(" ")
    }

    fn on(self, verb: &str, key: &Key) -> String {
        format!("kubectl -n {} {verb} {} {}", key.namespace(), self.word(), key.name())
    }

    /// The kind, as kubectl takes it.
    fn word(self) -> String {
        self.kind.name().to_ascii_lowercase()
    }
}

/// The text of a list that names this namespace besides. `None`: an item with `!` takes it away, whatever items are added; whether that item
/// goes, or is narrowed, is for a person to choose.
fn named_too(list: Option<&NamespaceList>, namespace: &str) -> Option<String> {
    match list {
        Some(list) if list.excepts(namespace) => None,
        list => Some(with(list.map(NamespaceList::as_str), namespace)),
    }
}

/// The text of a list with one more item.
fn with(list: Option<&str>, item: &str) -> String {
    match list.map(|text| text.trim().trim_end_matches(',')) {
        None | Some("" | "-") => item.to_owned(),
        Some(list) => format!("{list},{item}"),
    }
}

/// The text as one word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=,:".contains(&byte);
    if text.bytes().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests;
