//! `metadata.uid` (which object) and `metadata.resourceVersion` (which state of it).

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

/// An object's `metadata.resourceVersion`.
///
/// Kubernetes 1.35 made versions of one resource comparable as decimal numbers (KEP-5504); before, all servers on etcd behaved so.
/// Versions that are no such numbers can only be compared for equality.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum ResourceVersion {
    /// A decimal number.
    Number(u64),
    /// Anything else.
    Text(Arc<str>),
}

impl ResourceVersion {
    /// Reads a version. A text whose number would be written differently stays a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        match text.parse::<u64>() {
            Ok(number) if !text.starts_with(['0', '+']) => Self::Number(number),
            _ => Self::Text(text.into()),
        }
    }

    /// Whether it is known to be older than `other`.
    #[must_use]
    pub fn is_older_than(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Number(own), Self::Number(other)) if own < other)
    }
}

impl fmt::Display for ResourceVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for ResourceVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An object's `metadata.uid`: a recreated object has the same name and another uid.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Uid {
    /// A UUID in the usual spelling, as the API server makes them: a graph of a million objects has a million of them.
    Uuid(Uuid),
    /// Anything else.
    Text(Arc<str>),
}

impl Uid {
    /// Reads a uid. A text that would be written differently stays a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut spelling = Uuid::encode_buffer();
        match Uuid::try_parse(text) {
            Ok(uuid) if uuid.hyphenated().encode_lower(&mut spelling) == text => Self::Uuid(uuid),
            _ => Self::Text(text.into()),
        }
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(uuid) => uuid.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn versions_are_numbers_where_the_number_is_written_so() {
        let new = ResourceVersion::new;
        for (text, is_number) in [
            ("1", true),
            ("18446744073709551615", true),
            ("18446744073709551616", false),
            ("0", false),
            ("01", false),
            ("+1", false),
            ("-1", false),
            ("", false),
            ("1a", false),
            (" 1", false),
        ] {
            assert_eq!(matches!(new(text), ResourceVersion::Number(_)), is_number, "{text:?}");
            assert_eq!((new(text).to_string(), format!("{:?}", new(text))), (text.to_owned(), text.to_owned()));
            assert!(!new(text).is_older_than(&new(text)));
        }
        assert!(new("9").is_older_than(&new("10")));
        assert!(!new("10").is_older_than(&new("9")));
        assert!(!new("9").is_older_than(&new("1x")) && !new("1x").is_older_than(&new("9")), "not known");
        assert_ne!(new("1"), new("01"));
    }

    #[test]
    fn uids_are_uuids_where_the_uuid_is_written_so() {
        let usual = "0f5c3a9e-7d21-4b58-8c66-3b1f0a9d2e47";
        for (text, is_uuid) in [
            (usual, true),
            ("00000000-0000-0000-0000-000000000000", true),
            // Other spellings of one UUID are other uids: what is sent as a precondition is what was received.
            (&usual.to_uppercase(), false),
            (&usual.replace('-', ""), false),
            (&format!("{{{usual}}}"), false),
            (&format!("urn:uuid:{usual}"), false),
            ("0f5c3a9e-7d21-4b58-8c66-3b1f0a9d2e4", false),
            ("0f5c3a9-e7d21-4b58-8c66-3b1f0a9d2e47", false),
            ("", false),
            ("u-1", false),
        ] {
            let uid = Uid::new(text);
            assert_eq!(matches!(uid, Uid::Uuid(_)), is_uuid, "{text:?}");
            assert_eq!((uid.to_string(), format!("{uid:?}")), (text.to_owned(), text.to_owned()));
        }
        assert!(size_of::<Uid>() <= 24, "a million objects have a million uids");
    }

    proptest! {
        #[test]
        fn what_was_read_is_written(text in "[0-9a-fA-F{}-]{0,40}") {
            prop_assert_eq!(Uid::new(&text).to_string(), text);
        }
    }
}
