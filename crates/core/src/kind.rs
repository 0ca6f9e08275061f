//! What differs between resource kinds. All other code is shared by all kinds.
//!
//! To add a kind: implement [`Kind`] for a unit struct and name it in [`ALL`].

use std::fmt;
use std::sync::Arc;

use crate::certificate::{self, Completeness};
use crate::clear;
use crate::payload::Payload;

pub use crate::clear::Entropy;

/// How the values of a data field are written in JSON, where protobuf has their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// As text.
    Text,
    /// In base64.
    Base64,
}

/// The field numbers of a kind's message (`k8s.io/api/core/v1/generated.proto`, which never change).
#[derive(Debug)]
pub struct Message {
    /// The number of each of the [data fields](Kind::data_fields), in their order.
    pub data: &'static [(u64, Values)],
    /// The number of `type`, where there is one.
    pub type_: Option<u64>,
    /// The number of `immutable`.
    pub immutable: u64,
}

/// One resource kind of the core API group (`/api/v1`).
pub trait Kind: fmt::Debug + Send + Sync + 'static {
    /// As in manifests: `Secret`.
    fn name(&self) -> &'static str;

    /// As in URLs and roles: `secrets`.
    fn plural(&self) -> &'static str;

    /// As in `--run-replicators` and `/healthz`: `secret`.
    fn replicator(&self) -> &'static str;

    /// The top-level fields that are data. They are copied, compared and cleared together, as raw JSON.
    fn data_fields(&self) -> &'static [&'static str];

    /// The numbers of these fields, and of the others of [`Content`](crate::payload::Content), in the kind's protobuf message.
    fn message(&self) -> &'static Message;

    /// Whether objects have a top-level `type`, fixed when they are created.
    fn is_typed(&self) -> bool {
        false
    }

    /// Whether the data must not be shown to anybody, not even in part.
    fn is_secret(&self) -> bool {
        false
    }

    /// Whether objects of this type are never read from and never written to (SPEC 7).
    fn is_protected(&self, _type: &str) -> bool {
        false
    }

    /// The data of a cleared object (SPEC 7): nothing, or minimal values for the keys that its type requires.
    fn cleared(&self, _type: Option<&str>, _entropy: Entropy<'_>) -> Payload {
        Payload::new(self.data_fields().iter().map(|_| None))
    }

    /// Whether `payload` could have come from [`cleared`](Self::cleared).
    fn is_cleared(&self, _type: Option<&str>, payload: &Payload) -> bool {
        payload.is_empty()
    }

    /// Whether the API server requires keys in objects of this type, so that they are never without data.
    fn has_required_keys(&self, _type: &str) -> bool {
        false
    }

    /// The keys of this type that belong together (SPEC 11.9).
    fn paired_keys(&self, _type: &str) -> &'static [&'static str] {
        &[]
    }

    /// Whether objects of this type can be half-issued (SPEC 11.9), so that their content has to be read before it is copied.
    fn can_be_incomplete(&self, _type: &str) -> bool {
        false
    }

    /// Whether the certificate and key in `payload` belong together, for types that have such (SPEC 11.9).
    fn completeness(&self, _type: Option<&str>, _payload: &Payload) -> Completeness {
        Completeness::Complete
    }
}

/// ConfigMaps.
#[derive(Debug, Clone, Copy)]
pub struct ConfigMap;

impl Kind for ConfigMap {
    fn name(&self) -> &'static str {
        "ConfigMap"
    }
    fn plural(&self) -> &'static str {
        "configmaps"
    }
    fn replicator(&self) -> &'static str {
        "configMap"
    }
    fn data_fields(&self) -> &'static [&'static str] {
        &["data", "binaryData"]
    }
    fn message(&self) -> &'static Message {
        &Message { data: &[(2, Values::Text), (3, Values::Base64)], type_: None, immutable: 4 }
    }
}

/// Secrets.
#[derive(Debug, Clone, Copy)]
pub struct Secret;

impl Kind for Secret {
    fn name(&self) -> &'static str {
        "Secret"
    }
    fn plural(&self) -> &'static str {
        "secrets"
    }
    fn replicator(&self) -> &'static str {
        "secret"
    }
    fn data_fields(&self) -> &'static [&'static str] {
        &["data"]
    }
    fn message(&self) -> &'static Message {
        &Message { data: &[(2, Values::Base64)], type_: Some(3), immutable: 5 }
    }
    fn is_typed(&self) -> bool {
        true
    }
    fn is_secret(&self) -> bool {
        true
    }
    fn is_protected(&self, type_: &str) -> bool {
        // The token controllers own these: a copy would be filled, rotated or deleted by them.
        matches!(type_, "kubernetes.io/service-account-token" | "bootstrap.kubernetes.io/token")
    }
    fn cleared(&self, type_: Option<&str>, entropy: Entropy<'_>) -> Payload {
        Payload::new([clear::minimal_secret(type_.unwrap_or_default(), entropy).map(Arc::from)])
    }
    fn has_required_keys(&self, type_: &str) -> bool {
        clear::has_required_keys(type_)
    }
    fn paired_keys(&self, type_: &str) -> &'static [&'static str] {
        if self.can_be_incomplete(type_) { &certificate::KEYS } else { &[] }
    }
    fn can_be_incomplete(&self, type_: &str) -> bool {
        type_ == certificate::TYPE
    }
    fn completeness(&self, type_: Option<&str>, payload: &Payload) -> Completeness {
        match type_ {
            Some(type_) if self.can_be_incomplete(type_) => {
                certificate::completeness(payload.fields().flatten().next())
            }
            _ => Completeness::Complete,
        }
    }
    fn is_cleared(&self, type_: Option<&str>, payload: &Payload) -> bool {
        clear::is_minimal_secret(type_.unwrap_or_default(), payload.fields().flatten().next())
    }
}

/// Every kind that can be replicated, in the order in which they are started and listed.
pub const ALL: [&dyn Kind; 2] = [&Secret, &ConfigMap];

#[cfg(test)]
mod tests {
    use super::*;

    /// Two kinds, word by word; what is written in manifests, URLs, roles and flags.
    #[test]
    fn what_differs_between_kinds() {
        let names = |kind: &dyn Kind| [kind.name(), kind.plural(), kind.replicator()];
        assert_eq!(names(&Secret), ["Secret", "secrets", "secret"]);
        assert_eq!(names(&ConfigMap), ["ConfigMap", "configmaps", "configMap"]);
        assert!(Secret.is_typed() && Secret.is_secret() && !ConfigMap.is_typed() && !ConfigMap.is_secret());
        for (type_, is_protected, has_required_keys, is_pair) in [
            ("Opaque", false, false, false),
            ("kubernetes.io/tls", false, true, true),
            ("kubernetes.io/basic-auth", false, true, false),
            ("kubernetes.io/service-account-token", true, false, false),
            ("bootstrap.kubernetes.io/token", true, false, false),
        ] {
            assert_eq!(Secret.is_protected(type_), is_protected, "{type_}");
            assert_eq!(Secret.has_required_keys(type_), has_required_keys, "{type_}");
            assert_eq!(
                (Secret.can_be_incomplete(type_), Secret.paired_keys(type_).len()),
                (is_pair, if is_pair { 2 } else { 0 })
            );
            let of_none =
                (ConfigMap.is_protected(type_), ConfigMap.has_required_keys(type_), ConfigMap.can_be_incomplete(type_));
            assert_eq!(of_none, (false, false, false), "{type_}");
            assert!(ConfigMap.paired_keys(type_).is_empty());
        }
    }
}
