//! Which annotation a finding is about.

use std::cell::RefCell;
use std::collections::HashMap;

use k8s_replicator_core::advice::Advice;
use k8s_replicator_core::annotations::{Annotation, Dialect, IllFormed};
use k8s_replicator_core::decide::Verdict;
use k8s_replicator_core::kind::Kind;
use k8s_replicator_core::names::{Key, TargetKey};
use k8s_replicator_core::observed::Annotated;
use k8s_replicator_core::reason::Reason;

use super::remedy;
use crate::manifest::{Manifest, Manifests, NamespaceManifest};
use crate::place::Place;
use crate::planner::Planner;
use crate::report::{Finding, Level};

use Annotation::{
    Paused, RemovalDelay, ReplicateAnnotations, ReplicateFrom, ReplicateKeys, ReplicateLabels, ReplicateOnce,
    ReplicateTo, ReplicateToNamespaceSelector, ReplicateToNamespaces, ReplicateType, ReplicatedBy, ReplicationAllowed,
    ReplicationAllowedKeys, ReplicationAllowedNamespaceSelector, ReplicationAllowedNamespaces,
};

/// The manifests of one kind, by name.
pub(super) struct Blame<'a> {
    dialect: &'a Dialect,
    manifests: HashMap<&'a Key, &'a Manifest>,
    losers: RefCell<Vec<(TargetKey, Verdict)>>,
}

/// Annotations of a target, and of its source, in the order in which they are looked for.
type Where = (&'static [Annotation], &'static [Annotation]);

const PUSH: &[Annotation] = &[ReplicateToNamespaces, ReplicateTo, ReplicateToNamespaceSelector];
const CONSENT: &[Annotation] = &[ReplicationAllowedNamespaces, ReplicationAllowedNamespaceSelector, ReplicationAllowed];

fn where_of(reason: Reason) -> Where {
    match reason {
        Reason::ConsentMissing
        | Reason::ConsentRefused
        | Reason::NamespaceNotAllowed
        | Reason::ChainNotAllowed
        | Reason::KeysTrimmed => (&[ReplicateFrom, ReplicatedBy], CONSENT),
        Reason::KeyNotAllowed => (&[ReplicateKeys], &[ReplicationAllowedKeys]),
        Reason::KeyMissing | Reason::KeyRequired => (&[ReplicateKeys], &[ReplicateKeys]),
        Reason::Paused => (&[Paused], &[Paused]),
        Reason::HeldByOnce => (&[ReplicateOnce], &[ReplicateOnce]),
        Reason::RemovalDelayed => (&[RemovalDelay, ReplicateFrom, ReplicatedBy], &[RemovalDelay]),
        Reason::ProtectedType => (&[ReplicateFrom], &[ReplicateType]),
        _ => (&[ReplicateFrom, ReplicatedBy], PUSH),
    }
}

impl<'a> Blame<'a> {
    pub(super) fn new(kind: &dyn Kind, manifests: &'a Manifests, dialect: &'a Dialect) -> Self {
        let own = manifests.objects.iter().filter(|manifest| manifest.kind.name() == kind.name());
        let manifests = own.map(|manifest| (&manifest.key, manifest)).collect();
        Self { dialect, manifests, losers: RefCell::default() }
    }

    pub(super) fn is_in_manifests(&self, key: &Key) -> bool {
        self.manifests.contains_key(key)
    }

    /// The sources that push to a name and do not get it.
    pub(super) fn losers(&self, target: &TargetKey, verdicts: Vec<Verdict>) {
        self.losers.borrow_mut().extend(verdicts.into_iter().map(|verdict| (target.clone(), verdict)));
    }

    pub(super) fn forget_losers(&self) {
        self.losers.borrow_mut().clear();
    }

    pub(super) fn take_losers(&self) -> Vec<(TargetKey, Verdict)> {
        std::mem::take(&mut *self.losers.borrow_mut())
    }

    /// Where what a verdict is about stands: on the one side, and on the other.
    pub(super) fn of(
        &self,
        target: &TargetKey,
        verdict: &Verdict,
        planner: &Planner,
    ) -> (Option<Place>, Option<Place>) {
        let (target, source) = (&**target, verdict.source.as_deref());
        let ill = |key: &Key| match planner.graph().node(key).map(|node| &node.annotated) {
            Some(Annotated::Ill(error)) => self.ill_formed(key, error),
            _ => None,
        };
        match verdict.reason {
            Reason::IllFormed => return (ill(target).or_else(|| self.object(target)), None),
            Reason::SourceIllFormed => {
                let of_target = self.first(target, &[ReplicateFrom, ReplicatedBy]);
                let of_source = source.and_then(ill);
                return if of_target.is_some() { (of_target, of_source) } else { (of_source, None) };
            }
            _ => {}
        }
        let (of_target, of_source) = where_of(verdict.reason);
        let of_target = self.first(target, of_target);
        let of_source = source.and_then(|source| self.first(source, of_source));
        if of_target.is_some() {
            return (of_target, of_source);
        }
        let push = || source.and_then(|source| self.first(source, PUSH).or_else(|| self.object(source)));
        let place = of_source.or_else(push).or_else(|| self.object(target));
        let other = self.object(target).filter(|other| Some(other) != place.as_ref());
        (place, other)
    }

    fn object(&self, key: &Key) -> Option<Place> {
        self.manifests.get(key).map(|manifest| manifest.place.clone())
    }

    /// The first of these annotations that an object has.
    fn first(&self, key: &Key, annotations: &[Annotation]) -> Option<Place> {
        let manifest = self.manifests.get(key)?;
        annotations.iter().find_map(|annotation| manifest.places.get(&self.dialect.key(*annotation))).cloned()
    }

    fn ill_formed(&self, key: &Key, error: &IllFormed) -> Option<Place> {
        let manifest = self.manifests.get(key)?;
        place_of(error, &manifest.places, self.dialect)
    }

    pub(super) fn advice(&self, manifest: &Manifest, advice: Advice) -> Finding {
        // The detail of what annotations alone show begins with the annotation.
        let named = advice.detail.split([':', ' ']).next().and_then(Annotation::from_name);
        let place = named.and_then(|annotation| self.first(&manifest.key, &[annotation]));
        let candidates: &[Annotation] = match advice.reason {
            Reason::StubWillConflict | Reason::PushesOwnData => &[ReplicateFrom],
            Reason::NamesAreNamespaces => &[ReplicateTo],
            Reason::ItemNamesNothing | Reason::ListNamesNothing | Reason::LooksLikeGlob => &[
                ReplicateToNamespaces,
                ReplicationAllowedNamespaces,
                ReplicateKeys,
                ReplicationAllowedKeys,
                ReplicateLabels,
                ReplicateAnnotations,
                ReplicateTo,
            ],
            _ => PUSH,
        };
        let place = place.or_else(|| self.first(&manifest.key, candidates)).unwrap_or_else(|| manifest.place.clone());
        Finding {
            level: Level::Advice,
            kind: manifest.kind.name(),
            object: manifest.key.to_string(),
            state: None,
            reason: advice.reason.code(),
            sentence: advice.reason.sentence(),
            remedy: remedy(advice.reason),
            source: None,
            detail: Some(advice.detail),
            place: Some(place),
            other: None,
        }
    }
}

fn place_of(error: &IllFormed, places: &std::collections::BTreeMap<String, Place>, dialect: &Dialect) -> Option<Place> {
    match (error.annotation(), error) {
        (Some(annotation), _) => places.get(&dialect.key(annotation)).cloned(),
        (None, IllFormed::Unknown(name)) => {
            places.iter().find(|(key, _)| dialect.name(key) == Some(name)).map(|(key, place)| place.of_key(key))
        }
        _ => None,
    }
}

/// What is wrong with a namespace's annotations.
pub(super) fn of_namespace(namespace: &NamespaceManifest, error: &IllFormed, dialect: &Dialect) -> Finding {
    let reason = Reason::NamespaceIllFormed;
    Finding {
        level: Level::Problem,
        kind: "Namespace",
        object: namespace.name.clone(),
        state: None,
        reason: reason.code(),
        sentence: reason.sentence(),
        remedy: remedy(reason),
        source: None,
        detail: Some(error.to_string()),
        place: Some(place_of(error, &namespace.places, dialect).unwrap_or_else(|| namespace.place.clone())),
        other: None,
    }
}
