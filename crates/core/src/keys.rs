//! Which keys of an object's data a replica gets, and under which names (SPEC 11.5).
//!
//! ```text
//! replicate-keys: "ca.crt:ca.pem, *.json, !secret.json"  →  Keys      what is asked for
//! replication-allowed-keys: "ca.crt, *.json"             →  Globs     which keys are allowed, at most
//! both, and those of the chain above                     →  Projection of the source's data
//! ```
//!
//! A literal item decides about its key alone: beside `a:b`, a `*` does not copy `a` under its own name as well. An item with
//! `!` takes away whatever names the key. A ConfigMap's `data` and `binaryData` are one set of keys; each stays in its field.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use serde_json::value::RawValue;
use thiserror::Error;

use crate::clear;
use crate::glob::{GlobError, Globs};
use crate::key_names::KeyNames;
use crate::names::excerpt;
use crate::pattern::{exception, items};
use crate::payload::Payload;
use crate::reason::Reason;

/// The longest key of a Secret or ConfigMap.
const MAX_KEY: usize = 253;

/// Why a text is no list of keys.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeysError {
    /// An item that cannot be read.
    #[error(transparent)]
    Glob(#[from] GlobError),
    /// A name that no key has.
    #[error("{0:?} is not a legal key; expected at most {MAX_KEY} letters, digits, dashes, dots and underscores")]
    Key(String),
    /// A glob or an exception that gives a new name.
    #[error("{0:?} gives a new name, which only a single key can have; expected \"key:new-name\"")]
    Rename(String),
    /// Two items with one new name.
    #[error("two items give the name {0:?}; each name can be given once")]
    GivenTwice(String),
}

/// Why a target cannot get the keys that it asks for. Names of keys are no secret; values are never shown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyProblem {
    /// The source lacks a key that is asked for by its name.
    #[error("replicate-keys: the source has no key {0:?}")]
    Missing(String),
    /// A key that is asked for by its name is not allowed.
    #[error("replicate-keys: {0:?} is not among the replication-allowed-keys of the source, or of the chain above it")]
    NotAllowed(String),
    /// The type of the target requires a key that the target would not get, or that has a value which the type does not allow.
    #[error(
        "a Secret of type {type_} needs a valid {key:?}, which is not among what is copied; ask for it, or for another type by \
         replicate-type"
    )]
    Required {
        /// The replica's type.
        type_: String,
        /// The key.
        key: &'static str,
    },
    /// Two keys would get one name.
    #[error("replicate-keys: two keys of the source would get the name {0:?}")]
    Meet(String),
    /// The data is not a map of keys. (The API server does not answer so.)
    #[error("the source's data is not a map of keys")]
    Unreadable,
}

/// `replicate-keys`, read.
#[derive(Debug, Default)]
pub struct Keys<'t> {
    /// The literal items: the key, and the names that it gets.
    literals: HashMap<&'t str, Vec<&'t str>>,
    /// The same, turned round: the key of each name.
    by_name: HashMap<&'t str, &'t str>,
    /// Their order in the text, so that messages do not depend on hashing.
    order: Vec<&'t str>,
    /// All other items.
    globs: Globs<'t>,
}

/// Whether a text is a legal key of data (`IsConfigMapKey` of apimachinery).
fn is_key(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !text.is_empty() && text.len() <= MAX_KEY && text.bytes().all(is_legal) && text != "." && !text.starts_with("..")
}

impl<'t> Keys<'t> {
    /// Reads the list.
    ///
    /// # Errors
    /// When an item cannot be read, or two give one name.
    pub fn parse(text: &'t str) -> Result<Self, KeysError> {
        let mut keys = Self::default();
        for (number, (_, item)) in items(text).enumerate() {
            if number == crate::glob::MAX_ITEMS {
                return Err(GlobError::TooManyItems.into());
            }
            let (excepts, item) = exception(item);
            if item.is_empty() {
                continue;
            }
            let (key, name) = match item.split_once(':') {
                Some((key, name)) if !excepts && !key.contains('*') => (key.trim_end(), Some(name.trim_start())),
                Some(_) => return Err(KeysError::Rename(excerpt(item))),
                None => (item, None),
            };
            if excepts || key.contains('*') {
                keys.globs.take(excepts, key)?;
                continue;
            }
            let name = name.filter(|_| !crate::bug!(RenamesForgotten)).unwrap_or(key);
            for text in [key, name] {
                if !is_key(text) {
                    return Err(KeysError::Key(excerpt(text)));
                }
            }
            match keys.by_name.insert(name, key) {
                Some(other) if other != key => return Err(KeysError::GivenTwice(excerpt(name))),
                Some(_) => {}
                None => {
                    if !keys.literals.contains_key(key) {
                        keys.order.push(key);
                    }
                    keys.literals.entry(key).or_default().push(name);
                }
            }
        }
        Ok(keys)
    }

    /// Whether no item names anything.
    #[must_use]
    pub fn names_nothing(&self) -> bool {
        self.literals.is_empty() && self.globs.names_nothing()
    }

    /// The names under which a key is copied.
    fn names_of<'a>(&'a self, key: &'a str) -> Vec<&'a str> {
        match self.literals.get(key) {
            _ if self.globs.excepts(key) => Vec::new(),
            Some(names) => names.clone(),
            None if self.globs.names(key) => vec![key],
            None => Vec::new(),
        }
    }

    /// The key of the source that is copied under this name, if one is.
    fn origin<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        let key = self.by_name.get(name).copied().unwrap_or(name);
        self.names_of(key).contains(&name).then_some(key)
    }

    /// The keys that are asked for by their names, in the order of the text.
    fn literals(&self) -> impl Iterator<Item = &'t str> {
        self.order.iter().copied().filter(|key| !self.globs.excepts(key))
    }
}

/// The annotations of one object of a chain that limit the keys which objects below it get. Texts of well-formed annotations.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Limit {
    /// `replication-allowed-keys`; `None`: all.
    pub allowed: Option<Arc<str>>,
    /// What it asked for itself of the object above (`replicated-keys`); `None`: all.
    pub asked: Option<Arc<str>>,
}

/// The part of a source's data that one target gets. Two that are equal give the same part.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Projection {
    /// `replicate-keys`; `None`: all.
    pub asked: Option<Arc<str>>,
    /// The limits of the source and of each object above it, up to the last one that has `replication-allowed-keys`.
    pub limits: Vec<Limit>,
    /// The type of the target, where it is one that requires keys.
    pub type_: Option<Arc<str>>,
}

impl Projection {
    /// Whether all of the data is given as it is.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.asked.is_none() && !self.is_limited() && self.type_.is_none()
    }

    /// How long its texts are, in bytes.
    pub(crate) fn size(&self) -> usize {
        let limits = self.limits.iter().flat_map(|limit| [&limit.allowed, &limit.asked]).flatten();
        limits.chain(&self.asked).map(|text| text.len()).sum()
    }

    /// The value of `replicated-keys` that is written with the copy: what was asked for; `*` if all keys were asked for, and not
    /// all are allowed.
    #[must_use]
    pub fn note(&self) -> Option<Arc<str>> {
        let all_that_may_be_had = || self.is_limited().then(|| Arc::from("*"));
        self.asked.clone().or_else(all_that_may_be_had)
    }

    /// Whether this key of the source is copied (under whatever name).
    #[must_use]
    pub fn gives(&self, key: &str) -> bool {
        let limits: Vec<CompiledLimit<'_>> = self.limits.iter().map(CompiledLimit::of).collect();
        is_allowed(&limits, key) && self.asked.as_deref().is_none_or(|asked| !read_keys(asked).names_of(key).is_empty())
    }

    /// Whether some object of the chain has `replication-allowed-keys`.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.limits.iter().any(|limit| limit.allowed.is_some())
    }

    /// The part of its own data that a target may keep: the keys that `self` would give it, by the names that they have on the
    /// target.
    #[must_use]
    pub fn of_kept(&self) -> Self {
        let own = Limit { allowed: None, asked: self.asked.clone() };
        let limits = std::iter::once(own).chain(self.limits.iter().cloned()).collect();
        Self { limits, type_: self.type_.clone(), asked: None }
    }

    /// The data that the target gets.
    ///
    /// # Errors
    /// When what is asked for by name is not there, or not allowed, or two keys would get one name.
    pub fn project(&self, payload: &Payload) -> Result<Payload, KeyProblem> {
        let limits: Vec<CompiledLimit<'_>> = self.limits.iter().map(CompiledLimit::of).collect();
        let keys = self.asked.as_deref().map(read_keys);
        let fields = maps(payload)?;
        let exists = |key: &str| fields.iter().any(|field| field.contains_key(key));
        if let Some(keys) = &keys {
            for key in keys.literals() {
                if !exists(key) && crate::bug!(MissingKeyPassed) {
                    continue;
                }
                if !exists(key) {
                    return Err(KeyProblem::Missing(excerpt(key)));
                }
                if !is_allowed(&limits, key) {
                    return Err(KeyProblem::NotAllowed(excerpt(key)));
                }
            }
        }
        let mut given = HashSet::new();
        let mut projected = Vec::with_capacity(fields.len());
        for field in &fields {
            let mut map = BTreeMap::new();
            for (key, value) in field.iter().filter(|(key, _)| is_allowed(&limits, key)) {
                let names = keys.as_ref().map_or_else(|| vec![&**key], |keys| keys.names_of(key));
                for name in names {
                    if !given.insert(name.to_owned()) {
                        return Err(KeyProblem::Meet(excerpt(name)));
                    }
                    map.insert(name.to_owned(), *value);
                }
            }
            projected.push(map);
        }
        let minimal = self.missing(&projected)?;
        if let Some(first) = projected.first_mut() {
            first.extend(minimal.iter().map(|(key, value)| ((*key).to_owned(), &**value)));
        }
        let json = |map: BTreeMap<String, &RawValue>| serde_json::to_string(&map).map(Arc::from).ok();
        Ok(Payload::new(projected.into_iter().map(|map| if map.is_empty() { None } else { json(map) })))
    }
}

impl Projection {
    /// The keys that the target's type requires and that are not allowed, with minimal values (SPEC 7): the old value must not stay
    /// just because the API server requires the key.
    ///
    /// # Errors
    /// When a required key was not asked for, or one has a value that the type does not allow.
    fn missing(&self, given: &[BTreeMap<String, &RawValue>]) -> Result<Vec<(&'static str, Box<RawValue>)>, KeyProblem> {
        let Some(type_) = self.type_.as_deref() else { return Ok(Vec::new()) };
        let problem = |key| KeyProblem::Required { type_: excerpt(type_), key };
        let Some(given) = given.first() else { return Ok(Vec::new()) };
        let mut minimal = Vec::new();
        for (key, value) in clear::completion(type_, |key| given.contains_key(key)) {
            if !self.is_limited() {
                return Err(problem(key));
            }
            minimal.push((key, RawValue::from_string(value).map_err(|_| KeyProblem::Unreadable)?));
        }
        for (key, value) in given {
            if let Some(key) = clear::invalid(type_, key, value.get()) {
                return Err(problem(key));
            }
        }
        Ok(minimal)
    }
}

impl KeyProblem {
    /// The code.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Missing(_) | Self::Meet(_) | Self::Unreadable => Reason::KeyMissing,
            Self::NotAllowed(_) => Reason::KeyNotAllowed,
            Self::Required { .. } => Reason::KeyRequired,
        }
    }
}

impl fmt::Display for Projection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.asked {
            Some(asked) => write!(f, "replicate-keys: {:?}", excerpt(asked))?,
            None => f.write_str("all keys")?,
        }
        let allowed = self.limits.iter().filter_map(|limit| limit.allowed.as_ref());
        for allowed in allowed {
            write!(f, ", replication-allowed-keys: {:?}", excerpt(allowed))?;
        }
        Ok(())
    }
}

struct CompiledLimit<'t> {
    allowed: Option<Globs<'t>>,
    asked: Option<Keys<'t>>,
}

impl<'t> CompiledLimit<'t> {
    fn of(limit: &'t Limit) -> Self {
        // The annotations of a well-formed object can be read. Any other list allows nothing.
        let allowed = limit.allowed.as_deref().map(|text| Globs::parse(text).unwrap_or_default());
        Self { allowed, asked: limit.asked.as_deref().map(read_keys) }
    }
}

/// The names of the keys that this list gives, where they follow from it alone: not of one with globs, which give what the source has. (A
/// key that is asked for by its name and is not there is refused, so that none of these is missing.)
pub(crate) fn names_asked_for(text: &str) -> Option<KeyNames> {
    let keys = read_keys(text);
    let names = || keys.literals().filter_map(|key| keys.literals.get(key)).flatten();
    keys.globs.names_nothing().then(|| KeyNames::of(names()))
}

/// The annotations of a well-formed object can be read. Any other list asks for nothing.
fn read_keys(text: &str) -> Keys<'_> {
    Keys::parse(text).unwrap_or_default()
}

/// Whether a source's key is allowed: every object of the chain allows the key that it was on that object.
fn is_allowed(limits: &[CompiledLimit<'_>], key: &str) -> bool {
    let mut key = key;
    for limit in limits {
        if limit.allowed.as_ref().is_some_and(|allowed| !allowed.names(key)) {
            return false;
        }
        match limit.asked.as_ref().map(|asked| asked.origin(key)) {
            None => {}
            Some(Some(origin)) => key = origin,
            // The object did not ask for this key, so that it does not have it from the chain above.
            Some(None) => return false,
        }
    }
    true
}

fn maps(payload: &Payload) -> Result<Vec<BTreeMap<Cow<'_, str>, &RawValue>>, KeyProblem> {
    payload
        .fields()
        .map(|field| match field {
            None => Ok(BTreeMap::new()),
            Some(json) => serde_json::from_str(json).map_err(|_| KeyProblem::Unreadable),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(fields: &[&str]) -> Payload {
        Payload::new(fields.iter().map(|field| Some((*field).into())))
    }

    fn shown(payload: &Payload) -> Vec<String> {
        payload.fields().map(|field| field.unwrap_or("-").to_owned()).collect()
    }

    const TLS: &str = r#"{"ca.crt":"Yw==","tls.crt":"YQ==","tls.key":"Yg=="}"#;

    #[test]
    fn what_is_asked_for_is_given() {
        // What is asked for, the data, and what is given or what is wrong.
        type Case<'a> = (Option<&'a str>, &'a [&'a str], Result<&'a [&'a str], &'a str>);
        let cases: &[Case<'_>] = &[
            (None, &[TLS], Ok(&[TLS])),
            (Some("*"), &[TLS], Ok(&[TLS])),
            (Some("ca.crt"), &[TLS], Ok(&[r#"{"ca.crt":"Yw=="}"#])),
            (Some("ca.crt:ca.pem"), &[TLS], Ok(&[r#"{"ca.pem":"Yw=="}"#])),
            (Some(" ca.crt : ca.pem \n tls.crt"), &[TLS], Ok(&[r#"{"ca.pem":"Yw==","tls.crt":"YQ=="}"#])),
            (Some("*.crt"), &[TLS], Ok(&[r#"{"ca.crt":"Yw==","tls.crt":"YQ=="}"#])),
            (Some("*,!tls.*"), &[TLS], Ok(&[r#"{"ca.crt":"Yw=="}"#])),
            (Some("!tls.key"), &[TLS], Ok(&["-"])),
            (Some(""), &[TLS], Ok(&["-"])),
            (Some("x*"), &[TLS], Ok(&["-"])),
            (Some("tls.key,!tls.*,ca.crt"), &[TLS], Ok(&[r#"{"ca.crt":"Yw=="}"#])),
            // A literal item decides about its key alone.
            (Some("ca.crt:a,*"), &[TLS], Ok(&[r#"{"a":"Yw==","tls.crt":"YQ==","tls.key":"Yg=="}"#])),
            (Some("ca.crt:a,ca.crt"), &[TLS], Ok(&[r#"{"a":"Yw==","ca.crt":"Yw=="}"#])),
            (Some("ca.crt,ca.crt"), &[TLS], Ok(&[r#"{"ca.crt":"Yw=="}"#])),
            // Names that change places.
            (Some("a:b,b:a"), &[r#"{"a":"MQ==","b":"Mg=="}"#], Ok(&[r#"{"a":"Mg==","b":"MQ=="}"#])),
            (Some("x"), &[TLS], Err("replicate-keys: the source has no key \"x\"")),
            (
                Some("ca.crt:tls.crt,*"),
                &[TLS],
                Err("replicate-keys: two keys of the source would get the name \"tls.crt\""),
            ),
            // A ConfigMap's fields are one set of keys.
            (Some("b"), &[r#"{"a":"1"}"#, r#"{"b":"Mg=="}"#], Ok(&["-", r#"{"b":"Mg=="}"#])),
            (Some("a:b,b:a"), &[r#"{"a":"1"}"#, r#"{"b":"Mg=="}"#], Ok(&[r#"{"b":"1"}"#, r#"{"a":"Mg=="}"#])),
            (
                Some("a:b,*"),
                &[r#"{"a":"1"}"#, r#"{"b":"Mg=="}"#],
                Err("replicate-keys: two keys of the source would get the name \"b\""),
            ),
            (Some("a"), &["null"], Err("replicate-keys: the source has no key \"a\"")),
            (Some("*"), &["[]"], Err("the source's data is not a map of keys")),
        ];
        for (asked, fields, expected) in cases {
            let projection = Projection { asked: asked.map(Into::into), ..Projection::default() };
            let given = projection.project(&payload(fields)).map(|it| shown(&it)).map_err(|error| error.to_string());
            let expected = expected
                .map(|fields| fields.iter().map(ToString::to_string).collect::<Vec<_>>())
                .map_err(str::to_owned);
            assert_eq!(given, expected, "{asked:?} {fields:?}");
        }
    }

    #[test]
    fn no_target_gets_keys_that_are_not_allowed() {
        let limit = |allowed: Option<&str>, asked: Option<&str>| Limit {
            allowed: allowed.map(Into::into),
            asked: asked.map(Into::into),
        };
        // The chain from the source up, what is asked for, and what is given of {a, b, c}.
        type Case<'a> = (&'a [Limit], Option<&'a str>, Result<&'a str, &'a str>);
        let cases: &[Case<'_>] = &[
            (&[limit(Some("a"), None)], None, Ok("a")),
            (&[limit(Some("a"), None)], Some("*"), Ok("a")),
            (&[limit(Some("a"), None)], Some("a"), Ok("a")),
            (&[limit(Some("a"), None)], Some("b"), Err("b")),
            (&[limit(Some("a"), None)], Some("b,!b"), Ok("")),
            (&[limit(Some("*,!b"), None)], None, Ok("ac")),
            (&[limit(Some(""), None)], None, Ok("")),
            (&[limit(None, None), limit(Some("a,b"), None)], None, Ok("ab")),
            (&[limit(Some("b,c"), None), limit(Some("a,b"), None)], None, Ok("b")),
            // The source has `b` of what is `a` above.
            (&[limit(None, Some("a:b,c")), limit(Some("a"), None)], None, Ok("b")),
            (&[limit(None, Some("a:b,c")), limit(Some("b"), None)], None, Ok("")),
            (&[limit(None, Some("a:b,*")), limit(Some("a,c"), None)], None, Ok("bc")),
            (&[limit(None, Some("a:b")), limit(Some("a"), None)], Some("c"), Err("c")),
        ];
        for (limits, asked, expected) in cases {
            let projection =
                Projection { asked: asked.map(Into::into), limits: limits.to_vec(), ..Projection::default() };
            let given = projection.project(&payload(&[r#"{"a":"MQ==","b":"Mg==","c":"Mw=="}"#]));
            let given = given.map(|it| shown(&it)[0].chars().filter(|c| matches!(c, 'a'..='c')).collect::<String>());
            let expected = expected.map(str::to_owned).map_err(|key| KeyProblem::NotAllowed(key.to_owned()));
            assert_eq!(given, expected, "{limits:?} {asked:?}");
        }
    }

    /// What a target may keep of what it has: SPEC 11.8, under once.
    #[test]
    fn the_keys_that_may_be_kept_have_the_targets_names() {
        let limits = vec![Limit { allowed: Some("a".into()), asked: None }];
        let projection = Projection { asked: Some("a:x,b:y".into()), limits, ..Projection::default() };
        let kept = projection.of_kept().project(&payload(&[r#"{"own":"MA==","x":"MQ==","y":"Mg=="}"#])).unwrap();
        assert_eq!(shown(&kept), [r#"{"x":"MQ=="}"#]);
    }

    #[test]
    fn which_keys_are_given() {
        let limits = vec![Limit { allowed: Some("a,c*,d".into()), asked: None }];
        let given = |asked: Option<&str>, limits: &[Limit]| -> String {
            let projection =
                Projection { asked: asked.map(Into::into), limits: limits.to_vec(), ..Projection::default() };
            ["a", "b", "c", "cx", "d", "z"]
                .into_iter()
                .filter(|key| projection.gives(key))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(given(None, &[]), "a b c cx d z");
        assert_eq!(given(None, &limits), "a c cx d");
        assert_eq!(given(Some("a:b,c*,!cx,z"), &[]), "a c z");
        assert_eq!(given(Some("a:b,c*,!cx,z"), &limits), "a c");
    }

    #[test]
    fn a_part_in_words_and_its_size() {
        let limits = vec![
            Limit { allowed: Some("c".into()), asked: Some("def".into()) },
            Limit { allowed: Some("g".into()), asked: None },
        ];
        let part = Projection { asked: Some("ab".into()), limits, type_: Some("x/y".into()) };
        assert_eq!(
            part.to_string(),
            "replicate-keys: \"ab\", replication-allowed-keys: \"c\", replication-allowed-keys: \"g\""
        );
        assert_eq!(Projection::default().to_string(), "all keys");
        assert_eq!((part.size(), Projection::default().size()), (7, 0));
    }

    #[test]
    fn what_is_no_list_of_keys_is_named() {
        let cases = [
            ("a:", "\"\" is not a legal key"),
            (":a", "\"\" is not a legal key"),
            ("a:b:c", "\"b:c\" is not a legal key"),
            ("a/b", "\"a/b\" is not a legal key"),
            ("a b", "\"a b\" is not a legal key"),
            ("..a", "\"..a\" is not a legal key"),
            ("a:..", "\"..\" is not a legal key"),
            ("a*:b", "\"a*:b\" gives a new name"),
            ("!a:b", "\"a:b\" gives a new name"),
            ("a:x,b:x", "two items give the name \"x\""),
            ("a:b,b", "two items give the name \"b\""),
            ("a?*", "\"a?*\" has a character"),
        ];
        for (text, message) in cases {
            let error = Keys::parse(text).map(|keys| keys.order.len()).unwrap_err().to_string();
            assert!(error.starts_with(message), "{text:?}: {error}");
        }
        for text in ["", " , ", "!a", "a", "a:a,a", "a.b-c_d:X"] {
            assert!(Keys::parse(text).is_ok(), "{text:?}");
        }
    }
}
