//! Names that are legal by construction.
//!
//! A [`Key`] can be put into a URL as it is: nothing that the API server would not accept as a name gets into one.
//! [`SourceKey`] and [`TargetKey`] are different types, so that data cannot flow the wrong way by a slip.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use thiserror::Error;

/// The longest name of a Secret or ConfigMap: a DNS subdomain (RFC 1123), as the API server checks it.
pub const MAX_NAME: usize = 253;
/// The longest name of a namespace: a DNS label (RFC 1123).
pub const MAX_NAMESPACE: usize = 63;

/// A text that a user wrote, cut to a length that fits into a message. Where it would break the line, or move a terminal's cursor, it
/// has spaces.
#[must_use]
pub fn excerpt(text: &str) -> String {
    cut(text).replace(char::is_control, " ")
}

/// The same for a message that quotes the text with escapes (`"30m\n"`), as `{:?}` does.
#[must_use]
pub fn cut(text: &str) -> String {
    const LONGEST: usize = 100;
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// Not a DNS label.
    #[error(
        "{0:?} is not a legal namespace name; expected lower-case letters, digits and dashes, at most {MAX_NAMESPACE}, with a letter \
         or digit at either end"
    )]
    Namespace(String),
    /// Not a DNS subdomain.
    #[error(
        "{0:?} is not a legal object name; expected lower-case letters, digits, dashes and dots, at most {MAX_NAME}, with a letter \
         or digit at either end"
    )]
    Name(String),
    /// More than one `/`.
    #[error("{0:?} has more than one \"/\"; expected \"namespace/name\" or \"name\"")]
    TooManySlashes(String),
}

/// Whether `text` is a DNS label (RFC 1123), which a namespace name has to be.
#[must_use]
pub fn is_label(text: &str) -> bool {
    text.len() <= MAX_NAMESPACE && is_label_of_any_length(text)
}

/// Whether `text` is a DNS subdomain (RFC 1123), which the name of a Secret or ConfigMap has to be.
#[must_use]
pub fn is_subdomain(text: &str) -> bool {
    // Only the whole is limited, not each label: this is what the API server checks (apimachinery, IsDNS1123Subdomain).
    text.len() <= MAX_NAME && (is_label_of_any_length(text) || text.split('.').all(is_label_of_any_length))
}

fn is_label_of_any_length(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends =
        matches!((bytes.first(), bytes.last()), (Some(a), Some(z)) if is_alphanumeric(*a) && is_alphanumeric(*z));
    // This is called for thousands of names for each event. Without an early return the compiler vectorises the loop.
    ends && bytes.iter().fold(true, |all, byte| all & (is_alphanumeric(*byte) | (*byte == b'-')))
}

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_lowercase() | byte.is_ascii_digit()
}

/// The legal name of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Arc<str>);

impl Namespace {
    /// # Errors
    /// When `text` is not a DNS label.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if is_label(text) { Ok(Self(text.into())) } else { Err(NameError::Namespace(excerpt(text))) }
    }
}

// Equality and order are those of the text.
impl Borrow<str> for Namespace {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Deref for Namespace {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `namespace/name` of one object. Cheap to clone; ordered by its text, so that one namespace's keys lie together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    // The whole text once, shared: a graph of a million replicas names each of them several times.
    text: Arc<str>,
}

impl Key {
    /// # Errors
    /// When the namespace or the name is not legal.
    pub fn new(namespace: &str, name: &str) -> Result<Self, NameError> {
        if !is_label(namespace) {
            return Err(NameError::Namespace(excerpt(namespace)));
        }
        if !is_subdomain(name) {
            return Err(NameError::Name(excerpt(name)));
        }
        Ok(Self { text: joined(namespace, name) })
    }

    /// The object that `text` names when it stands on an object in `own_namespace`: `ns/name`, or `name` beside it.
    ///
    /// # Errors
    /// When `text` has more than one `/`, or a part that is not a legal name.
    pub fn resolve(text: &str, own_namespace: &str) -> Result<Self, NameError> {
        match text.split_once('/') {
            None => Self::new(own_namespace, text),
            Some((_, rest)) if rest.contains('/') => Err(NameError::TooManySlashes(excerpt(text))),
            Some((namespace, name)) => Self::new(namespace, name),
        }
    }

    /// `namespace/name`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the slash.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.parts().0
    }

    /// The part after the slash.
    #[must_use]
    pub fn name(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        self.text.split_once('/').unwrap_or((&self.text, ""))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.text)
    }
}

/// `namespace/name` in one allocation: one event may concern tens of thousands of keys.
fn joined(namespace: &str, name: &str) -> Arc<str> {
    let mut buffer = [0; MAX_NAMESPACE + 1 + MAX_NAME];
    let length = namespace.len() + 1 + name.len();
    if let Some((start, rest)) = buffer.split_at_mut_checked(namespace.len())
        && let Some((slash, rest)) = rest.split_first_mut()
        && let Some(end) = rest.get_mut(..name.len())
    {
        start.copy_from_slice(namespace.as_bytes());
        *slash = b'/';
        end.copy_from_slice(name.as_bytes());
    }
    buffer.get(..length).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default().into()
}

macro_rules! role {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Key);

        impl From<Key> for $name {
            fn from(key: Key) -> Self {
                Self(key)
            }
        }

        impl From<$name> for Key {
            fn from(role: $name) -> Self {
                role.0
            }
        }

        impl Deref for $name {
            type Target = Key;
            fn deref(&self) -> &Key {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

role!(
    /// The key of an object that data comes from.
    SourceKey
);
role!(
    /// The key of an object that data goes to.
    TargetKey
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_subdomains_are_those_of_rfc_1123() {
        let cases = [
            // text, label, subdomain
            ("a", true, true),
            ("a-b", true, true),
            ("0", true, true),
            ("a.b", false, true),
            ("", false, false),
            ("-a", false, false),
            ("a-", false, false),
            ("A", false, false),
            ("a_b", false, false),
            ("a..b", false, false),
            (".a", false, false),
            ("a.", false, false),
            ("a.-b", false, false),
            ("ä", false, false),
            ("a/b", false, false),
        ];
        for (text, label, subdomain) in cases {
            assert_eq!((is_label(text), is_subdomain(text)), (label, subdomain), "{text:?}");
        }
        assert!(is_label(&"a".repeat(63)) && !is_label(&"a".repeat(64)));
        assert!(is_subdomain(&"a".repeat(253)) && !is_subdomain(&"a".repeat(254)));
    }

    #[test]
    fn a_reference_is_resolved_beside_the_object_that_carries_it() {
        let cases = [
            ("b", Ok("own/b")),
            ("a/b", Ok("a/b")),
            ("a/b.c", Ok("a/b.c")),
            ("", Err(NameError::Name(String::new()))),
            ("a/", Err(NameError::Name(String::new()))),
            ("/b", Err(NameError::Namespace(String::new()))),
            ("a.b/c", Err(NameError::Namespace("a.b".into()))),
            ("a/b/c", Err(NameError::TooManySlashes("a/b/c".into()))),
            (" a/b", Err(NameError::Namespace(" a".into()))),
            ("a/..", Err(NameError::Name("..".into()))),
        ];
        for (text, expected) in cases {
            let got = Key::resolve(text, "own");
            assert_eq!(got.as_ref().map(Key::as_str), expected.as_ref().copied(), "{text:?}");
        }
        let key = Key::new("ns", "a.b").unwrap();
        assert_eq!((key.namespace(), key.name(), key.to_string().as_str()), ("ns", "a.b", "ns/a.b"));
        let (namespace, name) = ("n".repeat(MAX_NAMESPACE), "x".repeat(MAX_NAME));
        assert_eq!(Key::new(&namespace, &name).unwrap().as_str(), format!("{namespace}/{name}"));
    }
}
