//! Reads lists and metadata in JSON, from an API server or proxy that does not answer in protobuf.
//!
//! What this program does not need is passed over whatever it is: a number where a text is expected, half of a surrogate
//! pair, bytes that are no UTF-8. An object whose name can be read is there (SPEC 2), and must not be taken for missing
//! because of what somebody wrote into it.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::annotation::Dialect;
use crate::annotations::{Value, few_unknown};
use crate::managers::{APPLY, Entry, Managers};

/// A text, borrowed where it has no escapes.
#[derive(Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// JSON as a text. Bytes that are no UTF-8 are replaced by U+FFFD. (The API server itself writes only UTF-8.)
pub(crate) struct Json<'a>(Cow<'a, str>);

impl<'a> Json<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(String::from_utf8_lossy(bytes))
    }

    /// Whether something was replaced.
    fn is_repaired(&self) -> bool {
        matches!(self.0, Cow::Owned(_))
    }
}

/// The members of an object, in order; their values unread. A name with half of a surrogate pair is the empty text.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Wanted(|_: &str| true).deserialize(deserializer)
    }
}

/// Reads those members of an object whose names are wanted.
struct Wanted<F>(F);

impl<'de, F: FnMut(&str) -> bool> DeserializeSeed<'de> for Wanted<F> {
    type Value = Members<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Members<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(&str) -> bool> Visitor<'de> for Wanted<F> {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            if (self.0)(&name) {
                members.push((name, map.next_value()?));
            } else {
                let IgnoredAny = map.next_value()?;
            }
        }
        Ok(Members(members))
    }
}

/// The name of a member. It is read as bytes: as text, half of a surrogate pair in it would be an error of the whole.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Name<'de>, E> {
                Ok(Name(str::from_utf8(bytes).unwrap_or_default().into()))
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Name<'de>, E> {
                Ok(Name(str::from_utf8(bytes).unwrap_or_default().to_owned().into()))
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(text.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(text.to_owned().into()))
            }
        }
        deserializer.deserialize_bytes(Visit)
    }
}

impl<'a> Members<'a> {
    /// The member of this name; of two the last, as in Go.
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(other, _)| other == name).map(|(_, value)| *value)
    }

    /// The text of this name, if it is one.
    fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        value_text(self.get(name)?)
    }
}

fn value_text(value: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(value.get()).ok().map(|Text(text)| text)
}

fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

/// A time in seconds since 1970.
fn seconds(time: &str) -> Option<i64> {
    time.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}

/// A list as the API server answers it. Any other body with status 200 (a `Status`, another program's answer) is an error: it must
/// not be taken for an empty list, which would mean that every object was deleted.
#[derive(Debug)]
pub struct List<'a> {
    /// The version of the list: it shows the objects as they were at this version.
    pub resource_version: Cow<'a, str>,
    /// The token of the next page; empty: this is the last one.
    pub continue_: Cow<'a, str>,
    /// The items, unread.
    pub items: Vec<&'a RawValue>,
}

impl<'a> List<'a> {
    /// Reads a list of any kind.
    ///
    /// # Errors
    /// When it is none: its `kind` does not end in `List`, it has no `metadata.resourceVersion`, or no `items`.
    pub fn read(answer: &'a [u8]) -> Result<Self, serde_json::Error> {
        let members: Members<'_> = serde_json::from_slice(answer)?;
        let none = serde_json::Error::custom;
        if members.get("kind").is_some() && !members.text("kind").is_some_and(|kind| kind.ends_with("List")) {
            return Err(none("not a list"));
        }
        let metadata = members.get("metadata").ok_or_else(|| none("a list without metadata"))?;
        let metadata: Members<'_> = serde_json::from_str(metadata.get())?;
        let resource_version = metadata.text("resourceVersion").filter(|version| !version.is_empty());
        let items = members.get("items").ok_or_else(|| none("a list without items"))?;
        Ok(Self {
            resource_version: resource_version.ok_or_else(|| none("a list without a version"))?,
            continue_: match metadata.get("continue") {
                Some(value) if !is_null(value) => value_text(value).ok_or_else(|| none("no continue token"))?,
                _ => Cow::default(),
            },
            // Go writes an empty list as null.
            items: serde_json::from_str::<Option<Vec<&'a RawValue>>>(items.get())?.unwrap_or_default(),
        })
    }
}

/// The metadata of one object, as far as it is needed.
pub(crate) struct Metadata<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) namespace: Cow<'a, str>,
    pub(crate) uid: Cow<'a, str>,
    pub(crate) resource_version: Cow<'a, str>,
    /// In seconds since 1970.
    pub(crate) created: i64,
    pub(crate) deleting: bool,
    labels: Option<&'a RawValue>,
    annotations: Option<&'a RawValue>,
    managed_fields: Option<&'a RawValue>,
    /// Whether bytes that are no UTF-8 were replaced.
    is_repaired: bool,
}

impl<'a> Metadata<'a> {
    /// Reads the JSON of an object.
    ///
    /// # Errors
    /// When it is not the JSON of an object, or its name or namespace is no text.
    pub(crate) fn read(json: &'a Json<'_>) -> Result<Self, serde_json::Error> {
        let object: Members<'_> = serde_json::from_str(&json.0)?;
        let metadata = object.get("metadata").ok_or_else(|| serde_json::Error::missing_field("metadata"))?;
        let metadata: Members<'_> = serde_json::from_str(metadata.get())?;
        let name = |field| match metadata.get(field) {
            None => Ok(Cow::default()),
            Some(value) => serde_json::from_str::<Text<'_>>(value.get()).map(|Text(text)| text),
        };
        let present = |field| metadata.get(field).filter(|value| !is_null(value));
        Ok(Self {
            name: name("name")?,
            namespace: name("namespace")?,
            uid: metadata.text("uid").unwrap_or_default(),
            resource_version: metadata.text("resourceVersion").unwrap_or_default(),
            created: metadata.text("creationTimestamp").and_then(|time| seconds(&time)).unwrap_or_default(),
            deleting: present("deletionTimestamp").is_some(),
            labels: present("labels"),
            annotations: present("annotations"),
            managed_fields: present("managedFields"),
            is_repaired: json.is_repaired(),
        })
    }

    /// This program's annotations. `None`: the annotations are not a map.
    pub(crate) fn ours(&self, dialect: &Dialect) -> Option<Vec<(String, Option<Cow<'a, str>>)>> {
        let Some(annotations) = self.annotations else { return Some(Vec::new()) };
        // Of others' there may be tens of thousands.
        let mut is_read = few_unknown();
        let is_ours = |key: &str| dialect.name(key).is_some_and(&mut is_read);
        let mut json = serde_json::Deserializer::from_str(annotations.get());
        let Members(all) = Wanted(is_ours).deserialize(&mut json).ok()?;
        // Where bytes that were no UTF-8 were replaced, the replacement character shows in which value.
        let is_text = |text: &Cow<'_, str>| !self.is_repaired || !text.contains(char::REPLACEMENT_CHARACTER);
        let ours = |(key, value): (Cow<'_, str>, &'a RawValue)| {
            Some((dialect.name(&key)?.to_owned(), value_text(value).filter(is_text)))
        };
        Some(all.into_iter().filter_map(ours).collect())
    }

    /// The labels.
    pub(crate) fn labels(&self) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
        texts(self.labels)
    }

    /// Whether there are labels.
    pub(crate) fn has_labels(&self) -> bool {
        self.labels.is_some_and(|labels| labels.get() != "{}")
    }

    /// All annotations whose value is a text.
    pub(crate) fn annotations(&self) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
        texts(self.annotations)
    }

    /// What `managedFields` say.
    pub(crate) fn managers(&self, dialect: &Dialect) -> Managers {
        let Some(entries) = self.managed_fields else { return Managers::default() };
        match serde_json::from_str::<Vec<&'a RawValue>>(entries.get()) {
            Ok(entries) => Managers::read(entries.into_iter().map(entry), dialect),
            Err(_) => Managers::unknown(),
        }
    }
}

/// The members of a map whose values are texts; none if it is no map.
fn texts(map: Option<&RawValue>) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
    let members = map.and_then(|map| serde_json::from_str::<Members<'_>>(map.get()).ok());
    let texts = |(key, value): (_, _)| Some((key, value_text(value)?));
    members.into_iter().flat_map(|Members(all)| all).filter_map(texts).collect()
}

/// One entry of `managedFields`; `None`: it cannot be read.
fn entry(json: &RawValue) -> Option<Entry<'_>> {
    let entry: Members<'_> = serde_json::from_str(json.get()).ok()?;
    Some(Entry {
        manager: entry.text("manager")?,
        is_apply: entry.text("operation").is_some_and(|operation| operation == APPLY),
        time: entry.text("time").and_then(|time| seconds(&time)).unwrap_or_default(),
        fields: entry.get("fieldsV1").map_or(&[][..], |fields| fields.get().as_bytes()).into(),
    })
}

/// The result of [`Metadata::ours`] as values for [`Marks::read`](crate::annotations::Marks::read).
pub(crate) fn values<'a>(ours: &'a [(String, Option<Cow<'_, str>>)]) -> impl Iterator<Item = (&'a str, Value<'a>)> {
    ours.iter().map(|(name, value)| (name.as_str(), value.as_deref().map_or(Value::NotText, Value::Text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read() {
        // The answer, and its version, its continue token and the number of its items; or that it is no list.
        let cases = [
            (
                r#"{"kind":"SecretList","metadata":{"resourceVersion":"7","continue":"x"},"items":[{},{"a":[1]}]}"#,
                Some(("7", "x", 2)),
            ),
            (r#"{"metadata":{"resourceVersion":"7"},"items":null}"#, Some(("7", "", 0))),
            (
                r#"{"kind":"PartialObjectMetadataList","metadata":{"resourceVersion":"7","continue":null},"items":[]}"#,
                Some(("7", "", 0)),
            ),
            // Taken for empty lists, these would delete every replica.
            (r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","code":500}"#, None),
            (r#"{"kind":"Status","metadata":{"resourceVersion":"7"},"items":[]}"#, None),
            (r#"{"kind":"SecretList","metadata":{},"items":[]}"#, None),
            (r#"{"kind":"SecretList","metadata":{"resourceVersion":""},"items":[]}"#, None),
            (r#"{"kind":"SecretList","metadata":{"resourceVersion":7},"items":[]}"#, None),
            (r#"{"kind":"SecretList","metadata":{"resourceVersion":"7"}}"#, None),
            (r#"{"kind":"SecretList","metadata":{"resourceVersion":"7"},"items":{}}"#, None),
            (r#"{"kind":"SecretList","metadata":{"resourceVersion":"7","continue":1},"items":[]}"#, None),
            (r#"{"kind":"SecretList","items":[]}"#, None),
            ("{}", None),
            ("[]", None),
            ("404 page not found", None),
            ("", None),
        ];
        for (answer, expected) in cases {
            let read = List::read(answer.as_bytes());
            let read = read.as_ref().ok().map(|list| (&*list.resource_version, &*list.continue_, list.items.len()));
            assert_eq!(read, expected, "{answer}");
        }
    }
}
