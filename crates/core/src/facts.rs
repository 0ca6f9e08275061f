//! What is kept of an object's content that was read: a fingerprint and a few facts, never the bytes.

use crate::certificate::Completeness;
use crate::keys::{KeyProblem, Projection};
use crate::kind::Kind;
use crate::payload::{Digest, Payload};

/// See the [module](self). Only [`Facts::of`] and [`Facts::of_portion`] make one, so that no fact is forgotten where content is
/// read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Fingerprint of the data.
    pub digest: Digest,
    /// Whether the data is that of a cleared object of its type (SPEC 7).
    pub cleared: bool,
    /// Whether some key's value is not empty (SPEC 6).
    pub has_value: bool,
    /// Whether a certificate and its key are both there and belong together (SPEC 11.9).
    pub completeness: Completeness,
}

impl Facts {
    /// The facts of data in an object of this type (`None`: the kind has no types).
    #[must_use]
    pub fn of(kind: &dyn Kind, type_: Option<&str>, payload: &Payload) -> Self {
        Self {
            digest: payload.digest(),
            cleared: kind.is_cleared(type_, payload),
            has_value: payload.has_value(),
            completeness: kind.completeness(type_, payload),
        }
    }

    /// The facts of the part of an object's data that one target gets.
    ///
    /// # Errors
    /// When it cannot get what it asks for.
    pub fn of_portion(
        kind: &dyn Kind,
        type_: Option<&str>,
        payload: &Payload,
        projection: &Projection,
    ) -> Result<Self, KeyProblem> {
        let portion = projection.project(payload)?;
        let type_of_portion = projection.type_.as_deref().or(type_);
        // A half-issued pair is held also for a target that asks for one half of it; a target that asks for neither need not wait.
        let completeness = match type_.filter(|type_| kind.can_be_incomplete(type_)) {
            Some(type_) if kind.paired_keys(type_).iter().any(|key| projection.gives(key)) => {
                kind.completeness(Some(type_), payload)
            }
            _ => Completeness::Complete,
        };
        Ok(Self { completeness, ..Self::of(kind, type_of_portion, &portion) })
    }

    /// Whether the data has a value other than the minimal ones that a cleared object of the type keeps.
    #[must_use]
    pub fn gives_something(&self) -> bool {
        self.has_value && !self.cleared
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::{ConfigMap, Secret};

    /// SPEC 6: "no key that is not empty"; a minimal value that clearing leaves is none either.
    #[test]
    fn which_data_counts_as_a_value() {
        type Case = (&'static dyn Kind, Option<&'static str>, &'static [Option<&'static str>], bool);
        let cases: [Case; 10] = [
            (&Secret, Some("Opaque"), &[None], false),
            (&Secret, Some("Opaque"), &[Some(r#"{"a":""}"#)], false),
            (&Secret, Some("Opaque"), &[Some(r#"{"a":"","b":null}"#)], false),
            (&Secret, Some("Opaque"), &[Some(r#"{"a":"","b":"eA=="}"#)], true),
            (&Secret, Some("Opaque"), &[Some(r#"{"":"eA=="}"#)], true),
            (&Secret, Some("kubernetes.io/tls"), &[Some(r#"{"tls.crt":"","tls.key":""}"#)], false),
            (&Secret, Some("kubernetes.io/dockerconfigjson"), &[Some(r#"{".dockerconfigjson":"e30="}"#)], false),
            (&Secret, Some("kubernetes.io/dockerconfigjson"), &[Some(r#"{".dockerconfigjson":"e30K"}"#)], true),
            (&ConfigMap, None, &[Some(r#"{"a":""}"#), None], false),
            (&ConfigMap, None, &[Some(r#"{"a":""}"#), Some(r#"{"b":"eA=="}"#)], true),
        ];
        for (kind, type_, fields, expected) in cases {
            let payload = Payload::new(fields.iter().map(|field| field.map(Into::into)));
            assert_eq!(Facts::of(kind, type_, &payload).gives_something(), expected, "{type_:?} {fields:?}");
        }
    }
}
