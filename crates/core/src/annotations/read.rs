//! Parsing of an object's annotations: [`Marks::read`] and what it needs.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::{Annotation, IllFormed, Marks, RemovalDelay, Value};
use crate::advice::{Advice, MAX_ADVICE};
use crate::carried::problem_of_labels;
use crate::duration;
use crate::glob::Globs;
use crate::identity::ResourceVersion;
use crate::keys::Keys;
use crate::names::{Key, SourceKey, excerpt};
use crate::pattern::{Allowed, Budget, NamespaceList};
use crate::push::{Asks, Push};
use crate::reason::Reason;
use crate::selection::Selection;
use crate::selector::Selector;

/// Reads at least one annotation; names without their prefix.
pub(super) fn read(
    own: &Key,
    annotations: &BTreeMap<&str, Value<'_>>,
    advice: &mut Vec<Advice>,
) -> Result<Marks, IllFormed> {
    let value = |wanted: Annotation| annotations.get(wanted.name());
    let combined = PUSH.iter().any(|a| value(*a).is_some()) && value(Annotation::ReplicateFrom).is_some();
    let replicated_by = match value(Annotation::ReplicatedBy) {
        None => None,
        Some(value) => Some(creator(own, *value, combined)?),
    };
    let mut reader = Reader {
        own,
        combined,
        texts: Vec::new(),
        not_texts: Vec::new(),
        advice,
        is_replica: replicated_by.is_some(),
        unsure: false,
    };
    reader.take(annotations)?;
    let replicate_from = reader.replicate_from()?;
    // The lists that the object's user wrote share one budget for their patterns; the list of the chain above has its own, since
    // the controller wrote it.
    let mut budget = Budget::default();
    let push = reader.push(&mut budget)?;
    let allowed_namespaces = reader.allowed_namespaces(&mut budget)?;
    let allowed = reader.boolean(Annotation::ReplicationAllowed)?;
    let from_allowed = reader.allowed_above()?;
    let once = reader.boolean(Annotation::ReplicateOnce)?.unwrap_or(false);
    let paused = reader.paused()?;
    let removal_approved = reader.boolean(Annotation::RemovalApproved)?.unwrap_or(false);
    reader.policy()?;
    let replicate_type = reader.replicate_type()?;
    let removal_delay = reader.removal_delay()?;
    let from_version = reader.text(Annotation::ReplicatedFromVersion).map(|text| ResourceVersion::new(&text));
    let unsure = reader.unsure;
    let (texts, not_texts): (Box<[_]>, _) = (reader.texts.into(), reader.not_texts.into());
    Ok(Marks {
        hash: Marks::hash_of(own, &texts, replicate_from.as_ref(), push.as_deref()),
        texts,
        not_texts,
        replicate_from,
        replicated_by,
        push,
        allowed,
        allowed_namespaces,
        from_version,
        from_allowed,
        once,
        removal_delay,
        replicate_type,
        paused,
        removal_approved,
        unsure,
        handed_down: OnceLock::new(),
    })
}

/// `replicated-by`: the full key of the creator.
fn creator(own: &Key, value: Value<'_>, combined: bool) -> Result<SourceKey, IllFormed> {
    let annotation = Annotation::ReplicatedBy;
    let Value::Text(text) = value else { return Err(IllFormed::NotText { annotation }) };
    let text = text.trim();
    let key = Key::resolve(text, own.namespace()).map_err(|error| IllFormed::Name { annotation, error })?;
    if !text.contains('/') {
        return Err(IllFormed::BareName { annotation, value: excerpt(text) });
    }
    if combined && key == *own {
        return Err(IllFormed::Itself { annotation });
    }
    Ok(key.into())
}

/// The annotations that say who may pull from an object, and which keys. Where one of these is ill-formed on a replica, it must not
/// be taken for absent: that would allow more.
const SAY_WHO_MAY_PULL: [Annotation; 7] = [
    Annotation::ReplicateFrom,
    Annotation::ReplicationAllowed,
    Annotation::ReplicationAllowedNamespaces,
    Annotation::ReplicationAllowedNamespaceSelector,
    Annotation::ReplicationAllowedKeys,
    Annotation::ReplicatedFromAllowed,
    Annotation::ReplicatedKeys,
];

/// The annotations of a push.
pub(crate) const PUSH: [Annotation; 3] =
    [Annotation::ReplicateTo, Annotation::ReplicateToNamespaces, Annotation::ReplicateToNamespaceSelector];

/// The annotations of consent.
pub(crate) const CONSENT: [Annotation; 3] = [
    Annotation::ReplicationAllowed,
    Annotation::ReplicationAllowedNamespaces,
    Annotation::ReplicationAllowedNamespaceSelector,
];

/// Checks an annotation's text. `None`: it is well-formed.
type Check = fn(Annotation, &str) -> Option<IllFormed>;

struct Reader<'a> {
    own: &'a Key,
    /// Whether the object pushes and pulls.
    combined: bool,
    texts: Vec<(Annotation, Arc<str>)>,
    not_texts: Vec<Annotation>,
    advice: &'a mut Vec<Advice>,
    /// Whether the object has a well-formed `replicated-by`: then the other annotations are the controller's own, and what is
    /// ill-formed among them is as if it were not there.
    is_replica: bool,
    /// Whether one of [`SAY_WHO_MAY_PULL`] was ill-formed.
    unsure: bool,
}

impl Reader<'_> {
    /// Stores the texts; and, of a replica, the annotations whose values are no texts.
    fn take(&mut self, annotations: &BTreeMap<&str, Value<'_>>) -> Result<(), IllFormed> {
        for (name, value) in annotations {
            let annotation = Annotation::from_name(name).ok_or_else(|| IllFormed::Unknown(excerpt(name)));
            let Some(annotation) = self.unless_replica(None, annotation.map(Some))? else { continue };
            if *value == Value::NotText {
                self.unless_replica::<()>(Some(annotation), Err(IllFormed::NotText { annotation }))?;
            }
            match *value {
                // Each write sets it.
                _ if annotation == Annotation::ReplicatedAt => {}
                Value::Text(text) => self.texts.push((annotation, text.into())),
                Value::NotText => self.not_texts.push(annotation),
            }
        }
        self.texts.sort_unstable_by_key(|(annotation, _)| *annotation);
        self.not_texts.sort_unstable();
        Ok(())
    }

    fn text(&self, annotation: Annotation) -> Option<Arc<str>> {
        super::find(&self.texts, annotation).cloned()
    }

    /// Returns the error of an ill-formed annotation. On a replica it becomes advice instead, and the annotation is read as absent.
    /// Every ill-formed annotation passes through here, so that `unsure` is set for each that is in [`SAY_WHO_MAY_PULL`].
    fn unless_replica<T>(
        &mut self,
        annotation: Option<Annotation>,
        value: Result<Option<T>, IllFormed>,
    ) -> Result<Option<T>, IllFormed> {
        match value {
            Err(error) if self.is_replica && !crate::bug!(IllFormedNoteFreezes) => {
                self.unsure |= annotation.is_some_and(|annotation| SAY_WHO_MAY_PULL.contains(&annotation));
                if self.advice.len() < MAX_ADVICE {
                    let detail = format!("{error}; it is passed over, since the controller manages this replica");
                    self.advice.push(Advice { reason: Reason::UnknownAnnotation, detail });
                }
                Ok(None)
            }
            value => value,
        }
    }

    fn replicate_from(&mut self) -> Result<Option<SourceKey>, IllFormed> {
        let annotation = Annotation::ReplicateFrom;
        let key = self.text(annotation).map(|text| Key::resolve(text.trim(), self.own.namespace()));
        let key = match key.transpose() {
            Err(error) => Err(IllFormed::Name { annotation, error }),
            // A replica's own push is ignored: it is no combined object, and one that pulls from itself is a ring.
            Ok(Some(key)) if self.combined && !self.is_replica && key == *self.own => {
                Err(IllFormed::Itself { annotation })
            }
            Ok(key) => Ok(key.map(SourceKey::from)),
        };
        self.unless_replica(Some(annotation), key)
    }

    fn push(&mut self, budget: &mut Budget) -> Result<Option<Box<Push>>, IllFormed> {
        let (to, namespaces) = (self.text(Annotation::ReplicateTo), self.text(Annotation::ReplicateToNamespaces));
        let selector = self.selector(Annotation::ReplicateToNamespaceSelector, budget)?;
        let asks = Asks { to: to.as_ref(), namespaces: namespaces.as_ref(), selector };
        let push = Push::parse_within(self.own, asks, budget);
        Ok(self.unless_replica(Some(Annotation::ReplicateTo), push.map_err(IllFormed::from))?.map(Box::new))
    }

    fn selector(&mut self, annotation: Annotation, budget: &mut Budget) -> Result<Option<Arc<Selector>>, IllFormed> {
        let read = |text: Arc<str>| {
            let selector = Selector::parse(&text).map_err(|error| IllFormed::Selector { annotation, error })?;
            budget.take_letters(selector.letters()).map_err(|error| IllFormed::List { annotation, error })?;
            Ok(Arc::new(selector))
        };
        let selector = self.text(annotation).map(read);
        self.unless_replica(Some(annotation), selector.transpose())
    }

    /// Who may pull, by list and by selector.
    fn allowed_namespaces(&mut self, budget: &mut Budget) -> Result<Option<Box<Selection>>, IllFormed> {
        let list = self.list(Annotation::ReplicationAllowedNamespaces, budget)?;
        let selector = self.selector(Annotation::ReplicationAllowedNamespaceSelector, budget)?;
        if list.is_none() && selector.is_none() {
            return Ok(None);
        }
        let list = list.unwrap_or_default();
        Ok(Some(Box::new(Selection::new(list, selector))))
    }

    /// A replica whose `paused` is ill-formed is paused: its author probably wanted that, and a write cannot be taken back.
    fn paused(&mut self) -> Result<bool, IllFormed> {
        let annotation = Annotation::Paused;
        let paused = self.boolean(annotation)?;
        Ok(paused.unwrap_or(self.text(annotation).is_some() || self.not_texts.contains(&annotation)))
    }

    /// The annotations of SPEC 11 that are kept as texts, and read again where they are used.
    fn policy(&mut self) -> Result<(), IllFormed> {
        let checks: [(Annotation, Check); 7] = [
            (Annotation::ReplicateKeys, keys),
            (Annotation::ReplicatedKeys, keys),
            (Annotation::ReplicationAllowedKeys, globs),
            (Annotation::ReplicateLabels, globs),
            (Annotation::ReplicateAnnotations, globs),
            (Annotation::ReplicaLabels, |_, text| problem_of_labels(text).map(IllFormed::Labels)),
            (Annotation::AcceptReplicasFrom, |annotation, _| Some(IllFormed::Misplaced { annotation })),
        ];
        for (annotation, check) in checks {
            let problem = self.text(annotation).and_then(|text| check(annotation, &text));
            self.unless_replica::<()>(Some(annotation), problem.map_or(Ok(None), Err))?;
        }
        Ok(())
    }

    fn replicate_type(&mut self) -> Result<Option<Arc<str>>, IllFormed> {
        let annotation = Annotation::ReplicateType;
        let type_ = self.text(annotation).map(|text| match text.trim() {
            type_ if type_.is_empty() || type_.contains(|c: char| c.is_control() || c.is_whitespace()) => {
                Err(IllFormed::Type(excerpt(&text)))
            }
            type_ => Ok(type_.into()),
        });
        self.unless_replica(Some(annotation), type_.transpose())
    }

    fn allowed_above(&mut self) -> Result<Option<Box<Allowed>>, IllFormed> {
        let list = self.list(Annotation::ReplicatedFromAllowed, &mut Budget::default())?;
        Ok(list.map(|list| Box::new(Allowed::from(list))))
    }

    fn list(&mut self, annotation: Annotation, budget: &mut Budget) -> Result<Option<NamespaceList>, IllFormed> {
        let list = self.text(annotation).map(|text| NamespaceList::parse_within(&text, budget));
        self.unless_replica(Some(annotation), list.transpose().map_err(|error| IllFormed::List { annotation, error }))
    }

    fn removal_delay(&mut self) -> Result<Option<RemovalDelay>, IllFormed> {
        let annotation = Annotation::RemovalDelay;
        let delay = self.text(annotation).map(|value| match value.trim() {
            "never" => Ok(RemovalDelay::Never),
            value => duration::parse(value)
                .map(RemovalDelay::After)
                .ok_or_else(|| IllFormed::Duration { annotation, value: excerpt(value) }),
        });
        self.unless_replica(Some(annotation), delay.transpose())
    }

    fn boolean(&mut self, annotation: Annotation) -> Result<Option<bool>, IllFormed> {
        let value = self.text(annotation).map(|value| boolean(annotation, &value));
        self.unless_replica(Some(annotation), value.transpose())
    }
}

/// The spellings of Go's `strconv.ParseBool`, which v1.3.0 used.
pub(crate) fn boolean(annotation: Annotation, value: &str) -> Result<bool, IllFormed> {
    match value.trim() {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        value => Err(IllFormed::Boolean { annotation, value: excerpt(value) }),
    }
}

fn keys(annotation: Annotation, text: &str) -> Option<IllFormed> {
    Keys::parse(text).err().map(|error| IllFormed::Keys { annotation, error })
}

fn globs(annotation: Annotation, text: &str) -> Option<IllFormed> {
    Globs::parse(text).err().map(|error| IllFormed::Globs { annotation, error })
}
