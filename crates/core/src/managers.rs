//! Which field managers own an object's data and annotations, by `metadata.managedFields` (SPEC 3.1, 9.14, 9.15, 11.10).
//!
//! Only five questions are asked of `managedFields`, and only their answers are kept. The controller is the field manager
//! [`FIELD_MANAGER`], which was v1.3.0's name too.
//!
//! An entry *vouches* for a field when its manager owns it: nobody else changed the value since. So what the first list
//! shows is believed (SPEC 9.15) only where the data is owned by the controller alone ([`Owners::Controller`]). With no
//! owner, a shared one or another it is read and compared. So it is where keys are gone, which leaves no owner ([`KeyNames`]).
//!
//! Where `managedFields` cannot be read, others are taken to own both the data and `replicated-by`. So the data is read, and
//! nothing is deleted because of something that was not understood.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::annotation::{Annotation, Dialect};
use crate::key_names::{self, KeyNames};
use crate::names::excerpt;

/// The field manager's name under which the controller writes. It is stable: users name it, for example in Argo CD's
/// `ignoreDifferences`.
pub const FIELD_MANAGER: &str = "k8s-replicator";

/// The `operation` of a manager that used server-side apply.
pub(crate) const APPLY: &str = "Apply";

/// Who owns some field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Owners {
    /// No manager owns it: it is not there, or the object has no `managedFields`.
    #[default]
    Nobody,
    /// The controller alone.
    Controller,
    /// The controller and at least one other manager.
    Shared,
    /// Only managers other than the controller.
    Others,
}

impl Owners {
    fn and(self, is_controller: bool) -> Self {
        match (self, is_controller) {
            (Self::Nobody | Self::Controller, true) => Self::Controller,
            (Self::Nobody | Self::Others, false) => Self::Others,
            (Self::Shared | Self::Others, true) | (Self::Shared | Self::Controller, false) => Self::Shared,
        }
    }
}

/// How a manager other than the controller wrote the data, and will write it again when its manifest is applied again (SPEC 11.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Claim {
    /// No other manager owns data.
    #[default]
    None,
    /// One wrote it as client-side apply does (`operation: Update`): it owns keys, or the field that they are in.
    Updated,
    /// One applied keys of it (server-side apply, `operation: Apply`). A manager that applied the field without any key claims
    /// nothing.
    Applied,
}

/// What an object's `managedFields` say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Managers {
    /// Who owns the data (any key of `data` or `binaryData`, or the field itself).
    pub data: Owners,
    /// Who owns the annotation `replicated-by`.
    pub replicated_by: Owners,
    /// When one of those who own data last wrote, in seconds since 1970; 0: not known. (It is the newest `time` of their entries: a
    /// manager that owns data may have changed something else then.) It takes no memory: it fills a gap in the struct's layout.
    pub data_written: u32,
    /// The strongest claim of other managers on the data.
    pub claim: Claim,
    /// Whether [`other`](Self::other) has that claim.
    pub is_others_claim: bool,
    /// The names of the keys that some manager owns.
    pub names: KeyNames,
    /// What these were when the data was last copied to the object, as far as the graph has seen it, which sets this: else what they are.
    pub names_as_copied: KeyNames,
    /// The manager other than the controller that wrote last (by the entry's `time`) to the data or to an annotation under
    /// the prefix, if any: its name is reported when it keeps undoing what the controller writes.
    pub other: Option<ManagerName>,
}

/// The name of a field manager. One pointer wide, since a graph of a million objects has room for a million of them.
#[derive(Clone, PartialEq, Eq)]
pub struct ManagerName(Arc<Box<str>>);

impl From<&str> for ManagerName {
    fn from(name: &str) -> Self {
        Self(Arc::new(name.into()))
    }
}

impl Deref for ManagerName {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ManagerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for ManagerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &**self)
    }
}

impl Managers {
    /// The value for `managedFields` that cannot be read: see the [module](self).
    #[must_use]
    pub fn unknown() -> Self {
        Self { data: Owners::Others, replicated_by: Owners::Others, ..Self::default() }
    }

    /// What these entries say; `None` stands for one that cannot be read.
    pub(crate) fn read<'a>(entries: impl IntoIterator<Item = Option<Entry<'a>>>, dialect: &Dialect) -> Self {
        let mut managers = Self::default();
        let mut last: Option<(Entry<'a>, Claim)> = None;
        let mut names = key_names::Set::default();
        for entry in entries {
            let Some((entry, fields)) =
                entry.and_then(|entry| Fields::read(&entry.fields, dialect, &mut names).map(|f| (entry, f)))
            else {
                return Self::unknown();
            };
            let is_controller = entry.manager == FIELD_MANAGER;
            if fields.data {
                managers.data = managers.data.and(is_controller);
                managers.data_written = managers.data_written.max(u32::try_from(entry.time).unwrap_or(0));
            }
            if fields.replicated_by {
                managers.replicated_by = managers.replicated_by.and(is_controller);
            }
            let concerns_us = fields.data || fields.ours;
            if !concerns_us || is_controller {
                continue;
            }
            let claim = match (entry.is_apply, fields) {
                (true, Fields { keys: true, .. }) => Claim::Applied,
                (false, Fields { data: true, .. }) => Claim::Updated,
                _ => Claim::None,
            };
            managers.claim = managers.claim.max(claim);
            if last.as_ref().is_none_or(|(last, _)| last.time <= entry.time) {
                last = Some((entry, claim));
            }
        }
        managers.names = names.names();
        managers.names_as_copied = managers.names;
        if let Some((entry, claim)) = last {
            managers.is_others_claim = claim != Claim::None && claim == managers.claim;
            managers.other = Some(excerpt(&entry.manager).as_str().into());
        }
        managers
    }
}

/// One entry of `managedFields`.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) manager: Cow<'a, str>,
    /// Whether its `operation` is `Apply`, not `Update`.
    pub(crate) is_apply: bool,
    /// In seconds since 1970; 0: it has none.
    pub(crate) time: i64,
    /// `fieldsV1`, which is JSON in JSON and protobuf alike; empty: it has none.
    pub(crate) fields: Cow<'a, [u8]>,
}

/// Which of the fields that matter here an entry owns.
#[derive(Debug, Default, Clone, Copy)]
struct Fields {
    /// A field of data, or what is in it.
    data: bool,
    /// Any key of it.
    keys: bool,
    replicated_by: bool,
    /// Any annotation under the prefix.
    ours: bool,
}

impl Fields {
    /// Reads `fieldsV1`, in time that is proportional to it. The names of keys that it owns come into `names`.
    fn read(json: &[u8], dialect: &Dialect, names: &mut key_names::Set) -> Option<Self> {
        let mut fields = Self::default();
        if json.is_empty() {
            return Some(fields);
        }
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        At { level: Level::Object, dialect, fields: &mut fields, names }.deserialize(&mut deserializer).ok()?;
        deserializer.end().ok()?;
        Some(fields)
    }
}

/// A place in the tree of fields.
#[derive(Clone, Copy)]
enum Level {
    Object,
    Metadata,
    Annotations,
    Data,
}

struct At<'d, 'f> {
    level: Level,
    dialect: &'d Dialect,
    fields: &'f mut Fields,
    names: &'f mut key_names::Set,
}

impl At<'_, '_> {
    /// What a field at this place means, and where its own fields are looked at.
    fn field(&mut self, key: &str) -> Option<Level> {
        match (self.level, key) {
            (Level::Object, "f:metadata") => return Some(Level::Metadata),
            (Level::Object, "f:data" | "f:binaryData") => {
                self.fields.data = true;
                return Some(Level::Data);
            }
            // The others, such as `.`, stand for the field itself.
            (Level::Data, key) => {
                if let Some(name) = key.strip_prefix("f:") {
                    self.fields.keys = true;
                    self.names.insert(name);
                }
            }
            (Level::Metadata, "f:annotations") => return Some(Level::Annotations),
            (Level::Annotations, key) => {
                let name = key.strip_prefix("f:").and_then(|key| self.dialect.name(key));
                self.fields.ours |= name.is_some();
                self.fields.replicated_by |= name == Some(Annotation::ReplicatedBy.name());
            }
            _ => {}
        }
        None
    }
}

impl<'de> DeserializeSeed<'de> for At<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for At<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a set of fields")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(crate::json::Text(key)) = map.next_key()? {
            match self.field(&key) {
                Some(level) => {
                    let Self { dialect, fields, names, .. } = &mut self;
                    map.next_value_seed(At { level, dialect, fields, names })?;
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name that ends in `+` is a manager that applied.
    fn read(entries: &[(&str, i64, &str)]) -> Managers {
        let entries = entries.iter().map(|(manager, time, fields)| {
            let (manager, is_apply) = manager.strip_suffix('+').map_or((*manager, false), |manager| (manager, true));
            Some(Entry { manager: manager.into(), is_apply, time: *time, fields: fields.as_bytes().into() })
        });
        Managers::read(entries, &Dialect::new("p/", false))
    }

    const DATA: &str = r#"{"f:data":{".":{},"f:key":{}}}"#;
    const BY: &str = r#"{"f:metadata":{"f:annotations":{".":{},"f:p/replicated-by":{}}}}"#;

    #[test]
    fn owners_of_data_and_of_replicated_by() {
        use Owners::{Controller, Nobody, Others, Shared};
        let us = FIELD_MANAGER;
        // Entries; who owns the data, who owns replicated-by, and the other manager that wrote last.
        type Case<'a> = (&'a [(&'a str, i64, &'a str)], Owners, Owners, Option<&'a str>);
        let cases: &[Case<'_>] = &[
            (&[], Nobody, Nobody, None),
            (&[(us, 1, DATA)], Controller, Nobody, None),
            (&[(us, 1, DATA), (us, 2, BY)], Controller, Controller, None),
            (&[("helm", 1, DATA), (us, 2, BY)], Others, Controller, Some("helm")),
            (&[("helm", 1, DATA), (us, 2, DATA), ("kubectl", 1, BY)], Shared, Others, Some("kubectl")),
            (&[(us, 1, DATA), ("helm", 1, DATA), ("argo", 3, DATA)], Shared, Nobody, Some("argo")),
            (&[("argo", 3, DATA), ("helm", 1, DATA)], Others, Nobody, Some("argo")),
            // Keys of binary data, the whole field, a field with no keys.
            (&[(us, 1, r#"{"f:binaryData":{"f:k":{}}}"#)], Controller, Nobody, None),
            (&[("x", 1, r#"{"f:data":{}}"#)], Others, Nobody, Some("x")),
            // Entries about fields that do not matter here.
            (
                &[("x", 1, r#"{"f:type":{},"f:immutable":{},"f:metadata":{"f:labels":{"f:p/replicated-by":{}}}}"#)],
                Nobody,
                Nobody,
                None,
            ),
            (
                &[("x", 1, r#"{"f:metadata":{"f:annotations":{"f:q/replicated-by":{},"f:replicated-by":{}}}}"#)],
                Nobody,
                Nobody,
                None,
            ),
            (&[("x", 1, r#"{"f:metadata":{"f:annotations":{"f:p/replicate-once":{}}}}"#)], Nobody, Nobody, Some("x")),
            (&[("x", 1, "")], Nobody, Nobody, None),
            // `managedFields` that cannot be read.
            (&[(us, 1, DATA), ("x", 1, "{\"f:data\"")], Others, Others, None),
            (&[(us, 1, DATA), ("x", 1, "[]")], Others, Others, None),
            (&[(us, 1, r#"{"f:metadata":"hunter2"}"#)], Others, Others, None),
            (&[(us, 1, "null")], Others, Others, None),
            (&[(us, 1, "{}{}")], Others, Others, None),
        ];
        for (entries, data, replicated_by, other) in cases {
            let read = read(entries);
            assert_eq!(
                (read.data, read.replicated_by, read.other.as_deref()),
                (*data, *replicated_by, *other),
                "{entries:?}"
            );
        }
        let entry = Entry { manager: us.into(), is_apply: false, time: 1, fields: DATA.as_bytes().into() };
        let entries = [None, Some(entry)];
        assert_eq!(Managers::read(entries, &Dialect::new("p/", false)), Managers::unknown());
    }

    /// SPEC 11.10.
    #[test]
    fn what_others_claim_of_the_data() {
        use Claim::{Applied, None, Updated};
        const MAP: &str = r#"{"f:data":{".":{}}}"#;
        let us = FIELD_MANAGER;
        // Entries; the strongest claim, and whether the other manager that wrote last has it.
        type Case<'a> = (&'a [(&'a str, i64, &'a str)], Claim, bool);
        let cases: &[Case<'_>] = &[
            (&[], None, false),
            (&[(us, 1, DATA), ("k8s-replicator+", 1, DATA)], None, false),
            (&[("helm+", 1, DATA)], Applied, true),
            (&[("helm+", 1, r#"{"f:binaryData":{"f:k":{}}}"#)], Applied, true),
            (&[("helm", 1, DATA)], Updated, true),
            // A map without keys: of client-side apply it shows that there were some, or are none.
            (&[("helm+", 1, MAP)], None, false),
            (&[("helm+", 1, r#"{"f:data":{}}"#)], None, false),
            (&[("helm", 1, MAP)], Updated, true),
            // Several, and what is not about data.
            (&[("helm+", 1, DATA), ("kubectl", 2, DATA)], Applied, false),
            (&[("helm+", 3, DATA), ("kubectl", 2, DATA)], Applied, true),
            (&[("helm+", 1, DATA), ("kubectl", 2, BY)], Applied, false),
            (&[("helm+", 1, BY), (us, 2, DATA)], None, false),
            (&[("helm+", 1, r#"{"f:type":{}}"#)], None, false),
            // `managedFields` that cannot be read: no claim is certain.
            (&[("helm+", 1, DATA), ("x", 1, "[]")], None, false),
            (&[("helm+", 1, r#"{"f:data":"hunter2"}"#)], None, false),
        ];
        for (entries, claim, is_others_claim) in cases {
            let read = read(entries);
            assert_eq!((read.claim, read.is_others_claim), (*claim, *is_others_claim), "{entries:?}");
        }
        let written = |entries| read(entries).data_written;
        assert_eq!(
            written(&[("helm", 3, DATA), (FIELD_MANAGER, 7, BY), ("kubectl", 5, DATA)]),
            5,
            "the newest of the data's"
        );
        assert_eq!(written(&[("helm", -3, DATA), ("kubectl", i64::MAX, DATA)]), 0);
        assert_eq!(size_of::<Managers>(), 24, "a graph of a million objects has a million of them");
    }

    /// SPEC 9.15: a key that somebody took away has no owner, and nobody else has an entry for it: its name is missing.
    #[test]
    fn the_names_of_the_keys_that_anybody_owns() {
        let us = FIELD_MANAGER;
        // Entries, and the names.
        type Case<'a> = (&'a [(&'a str, i64, &'a str)], &'a [&'a str]);
        const KL: &str = r#"{"f:data":{".":{},"f:k":{},"f:l":{}}}"#;
        const LK: &str = r#"{"f:data":{"f:l":{},"f:k":{}}}"#;
        const L: &str = r#"{"f:data":{"f:l":{}}}"#;
        let cases: &[Case<'_>] = &[
            (&[], &[]),
            (&[(us, 1, KL)], &["k", "l"]),
            (&[(us, 1, LK)], &["k", "l"]),
            (&[(us, 1, L)], &["l"]),
            // All managers together; a name that two own counts once.
            (&[(us, 1, DATA), ("helm", 2, L)], &["key", "l"]),
            (&[("helm", 2, L), (us, 1, KL), ("helm+", 3, L)], &["k", "l"]),
            (&[(us, 1, r#"{"f:binaryData":{"f:b":{}},"f:data":{"f:k":{}}}"#)], &["b", "k"]),
            // The field itself, and other fields, name none.
            (&[(us, 1, r#"{"f:data":{".":{}}}"#), ("x", 1, r#"{"f:data":{}}"#)], &[]),
            (&[(us, 1, BY), ("x", 1, r#"{"f:stringData":{"f:k":{}},"f:type":{}}"#)], &[]),
            // A name that has to be escaped in JSON.
            (&[(us, 1, r#"{"f:data":{"f:\u006b":{}}}"#)], &["k"]),
            (&[(us, 1, KL), ("x", 1, "[]")], &[]),
        ];
        for (entries, names) in cases {
            let read = read(entries);
            assert_eq!(read.names, KeyNames::of(*names), "{entries:?}");
            assert_eq!(read.names_as_copied, read.names, "{entries:?}");
        }
    }

    #[test]
    fn the_name_of_a_manager_is_kept_short() {
        let long = "m".repeat(1_000);
        assert!(read(&[(&long, 1, DATA)]).other.is_some_and(|other| other.chars().count() <= 101));
    }
}
