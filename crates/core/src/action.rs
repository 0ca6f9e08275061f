//! What is to be written, with the precondition under which it may be.
//!
//! An unconditional write cannot be expressed: a create requires that nothing is there; an update and a delete name the
//! uid and resourceVersion that were decided on, and can only be made with a proof of ownership ([`Owned`]); what removes
//! data can only be made with a [`FullView`].

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::annotations::{Annotation, Marks};
use crate::graph::{FullView, Node};
use crate::names::TargetKey;
use crate::observed::{ResourceVersion, Uid};
use crate::payload::Payload;

/// Proof that an object is a target: made by the controller, or asking for its help.
#[derive(Debug)]
pub struct Owned<'g>(&'g Node);

impl<'g> Owned<'g> {
    /// The proof, if the object's marks give it.
    #[must_use]
    pub fn prove(node: &'g Node) -> Option<Self> {
        node.marks().is_some_and(Marks::is_target).then_some(Self(node))
    }

    /// The object.
    #[must_use]
    pub fn node(&self) -> &'g Node {
        self.0
    }

    fn precondition(&self) -> Precondition {
        Precondition { uid: self.0.uid.clone(), resource_version: self.0.resource_version.clone() }
    }
}

/// The object as it was when the decision was made. If it is another one now, nothing is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precondition {
    /// Its `metadata.uid`.
    pub uid: Uid,
    /// Its `metadata.resourceVersion`.
    pub resource_version: ResourceVersion,
}

/// A change of the program's annotations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AnnotationChange {
    /// To be there, word for word.
    pub set: BTreeMap<Annotation, Arc<str>>,
    /// To be gone. All of them are there now.
    pub remove: Vec<Annotation>,
}

impl AnnotationChange {
    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }
}

/// One write to the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make a replica, where nothing has the name.
    Create(Create),
    /// Change a replica.
    Update(Update),
    /// Remove a replica.
    Delete(Delete),
}

impl Action {
    /// The object that is written.
    #[must_use]
    pub fn target(&self) -> &TargetKey {
        match self {
            Self::Create(create) => &create.target,
            Self::Update(update) => &update.target,
            Self::Delete(delete) => &delete.target,
        }
    }
}

/// See [`Action::Create`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// The name that it takes.
    pub target: TargetKey,
    /// All of the program's annotations on it.
    pub annotations: BTreeMap<Annotation, Arc<str>>,
    /// Its labels.
    pub labels: Arc<BTreeMap<String, String>>,
    /// Its type, for kinds that have one.
    pub type_: Option<Arc<str>>,
    /// Its data.
    pub payload: Payload,
}

/// See [`Action::Update`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The object.
    pub target: TargetKey,
    /// What must still hold.
    pub precondition: Precondition,
    /// What becomes of the annotations.
    pub annotations: AnnotationChange,
    /// What becomes of the data.
    pub data: Option<NewData>,
}

/// The data of an [`Update`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewData {
    /// Takes the place of all data.
    pub payload: Payload,
    /// The type that the object is taken to have. If it has another one, the API server refuses the update: a wrong guess
    /// costs a second look, and no target has to be read for its type alone.
    pub expected_type: Option<Arc<str>>,
}

/// See [`Action::Delete`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delete {
    /// The object.
    pub target: TargetKey,
    /// What must still hold.
    pub precondition: Precondition,
}

impl Update {
    /// A change of a replica's annotations, and of its data if `data` is given.
    #[must_use]
    pub fn new(target: TargetKey, owned: &Owned<'_>, annotations: AnnotationChange, data: Option<NewData>) -> Self {
        Self { target, precondition: owned.precondition(), annotations, data }
    }

    /// The replica's data is taken away, or replaced by minimal values.
    #[must_use]
    pub fn clearing(
        target: TargetKey,
        owned: &Owned<'_>,
        _view: FullView,
        annotations: AnnotationChange,
        minimal: NewData,
    ) -> Self {
        Self::new(target, owned, annotations, Some(minimal))
    }
}

impl Delete {
    /// The replica is removed.
    #[must_use]
    pub fn new(target: TargetKey, owned: &Owned<'_>, _view: FullView) -> Self {
        Self { target, precondition: owned.precondition() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Graph;
    use crate::managers::Managers;
    use crate::names::Key;
    use crate::observed::{Annotated, Observed};

    /// A graph that holds one object with these annotations, at version 7.
    fn graph(annotations: &[(&str, &str)]) -> Graph {
        let key = Key::new("b", "t").unwrap();
        let marks = Marks::parse(&key, annotations.iter().copied()).unwrap();
        let annotated = marks.map_or(Annotated::Not, |marks| Annotated::Well(Arc::new(marks)));
        let (uid, resource_version) = (Uid::new("u"), ResourceVersion::new("7"));
        let mut graph = Graph::default();
        graph.begin_list();
        graph.observe(Observed {
            key,
            uid,
            resource_version,
            created: 0,
            deleting: false,
            annotated,
            managers: Managers::default(),
            advice: Vec::new(),
        });
        graph.end_list(&ResourceVersion::new("999999"));
        graph.begin_namespaces();
        graph.end_namespaces();
        graph
    }

    #[test]
    fn only_the_marks_prove_that_an_object_may_be_written() {
        let (from, by, to) = (("replicate-from", "a/x"), ("replicated-by", "a/y"), ("replicate-to", "b/z"));
        let cases: [(&[(&str, &str)], bool); 7] = [
            (&[from], true),
            (&[by], true),
            (&[by, to], true),
            (&[from, by, to], true),
            (&[from, to], false),
            (&[to], false),
            (&[("replicated-from-version", "1"), ("replicated-at", "then")], false),
        ];
        for (annotations, owned) in cases {
            let graph = graph(annotations);
            let node = graph.node(&Key::new("b", "t").unwrap()).unwrap();
            assert_eq!(Owned::prove(node).is_some(), owned, "{annotations:?}");
        }
    }

    #[test]
    fn writes_carry_the_version_that_was_proved() {
        let graph = graph(&[("replicated-by", "a/y")]);
        let target: TargetKey = Key::new("b", "t").unwrap().into();
        let owned = Owned::prove(graph.node(&target).unwrap()).unwrap();
        assert_eq!(owned.node().uid, Uid::new("u"));
        let precondition = Precondition { uid: Uid::new("u"), resource_version: ResourceVersion::new("7") };
        let change = AnnotationChange { set: BTreeMap::new(), remove: vec![Annotation::ReplicateTo] };
        assert!(!change.is_empty() && AnnotationChange::default().is_empty());
        let minimal = || NewData { payload: Payload::new([None]), expected_type: None };
        let view = graph.full_view().unwrap();

        let update = Update::new(target.clone(), &owned, change.clone(), None);
        let expected = Update {
            target: target.clone(),
            precondition: precondition.clone(),
            annotations: change.clone(),
            data: None,
        };
        assert_eq!(update, expected);
        let clear = Update::clearing(target.clone(), &owned, view, change.clone(), minimal());
        assert_eq!(clear, Update { data: Some(minimal()), ..expected });
        let delete = Delete::new(target.clone(), &owned, view);
        assert_eq!(delete, Delete { target: target.clone(), precondition });
        for action in [Action::Update(update), Action::Update(clear), Action::Delete(delete)] {
            assert_eq!(*action.target(), target);
        }
    }
}
