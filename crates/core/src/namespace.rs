//! What is known of an existing namespace: its labels, and what its annotations say of what may be written in it (SPEC 11.3,
//! 11.4, 11.7).

use std::sync::Arc;

use crate::annotations::{Annotation, Dialect, IllFormed, Value, boolean};
use crate::json::{self, Json};
use crate::names;
use crate::observed::ReadError;
use crate::pattern::NamespaceList;
use crate::protobuf;

/// Every namespace has this label, with its own name.
const NAME: &str = "kubernetes.io/metadata.name";

/// See the [module](self).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamespaceFacts {
    /// Whether it is being deleted: nothing can be created in it. Only the watch (or the poll) of namespaces says so.
    pub terminating: bool,
    /// Its labels but for its name, in the order of their keys.
    labels: Option<Labels>,
    says: Option<Box<Says>>,
}

type Labels = Box<[(Box<str>, Box<str>)]>;

/// What a namespace's annotations say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Says {
    paused: bool,
    accepts: Option<NamespaceList>,
    ill_formed: Option<IllFormed>,
}

impl NamespaceFacts {
    /// Of a namespace that is not known to exist.
    pub(crate) const UNKNOWN: &Self = &Self { terminating: false, labels: None, says: None };

    /// A namespace without labels and annotations.
    #[must_use]
    pub fn new(terminating: bool) -> Self {
        Self { terminating, ..Self::default() }
    }

    /// What its metadata shows: all labels, and this program's annotations without their prefix. (An annotation under the prefix
    /// that is not for namespaces says nothing: v1.3.0 does not look at them.)
    #[must_use]
    pub fn read<'a>(
        terminating: bool,
        labels: impl Iterator<Item = (&'a str, &'a str)>,
        annotations: impl Iterator<Item = (&'a str, Value<'a>)>,
    ) -> Self {
        let labels = labels.filter(|(key, _)| *key != NAME).map(|(key, value)| (key.into(), value.into()));
        let mut labels: Labels = labels.collect();
        labels.sort_unstable();
        let mut says = Says::default();
        for (name, value) in annotations {
            if let Err(error) = says.take(name, value) {
                says.ill_formed = Some(error);
            }
        }
        Self {
            terminating,
            labels: (!labels.is_empty()).then_some(labels),
            says: (says != Says::default()).then(|| Box::new(says)),
        }
    }

    /// Reads the JSON of a Namespace, whole or metadata only; with its name.
    ///
    /// # Errors
    /// When it is none, or its name cannot be read.
    pub fn from_json(json: &[u8], dialect: &Dialect) -> Result<(String, Self), ReadError> {
        let json = Json::new(json);
        let metadata = json::Metadata::read(&json)?;
        let labels = metadata.labels();
        let texts = labels.iter().map(|(key, value)| (&**key, &**value));
        let ours = metadata.ours(dialect).unwrap_or_default();
        let _: names::Namespace = names::Namespace::parse(&metadata.name)?;
        Ok((metadata.name.to_string(), Self::read(metadata.deleting, texts, json::values(&ours))))
    }

    /// Reads a Namespace in protobuf; with its name.
    ///
    /// # Errors
    /// As [`NamespaceFacts::from_json`].
    pub fn from_protobuf(item: &[u8], dialect: &Dialect) -> Result<(String, Self), ReadError> {
        let metadata = protobuf::Metadata::read(item)?;
        let ours = metadata
            .annotations()
            .filter_map(|(key, value)| Some((dialect.name(key)?, value.map_or(Value::NotText, Value::Text))));
        let _: names::Namespace = names::Namespace::parse(metadata.name)?;
        Ok((metadata.name.to_owned(), Self::read(metadata.deleting, metadata.labels(), ours)))
    }

    /// The value of a label of the namespace of this name.
    #[must_use]
    pub fn label<'a>(&'a self, namespace: &'a str, key: &str) -> Option<&'a str> {
        if key == NAME {
            return Some(namespace);
        }
        let labels = self.labels.as_ref()?;
        let at = labels.binary_search_by(|(other, _)| (**other).cmp(key)).ok()?;
        labels.get(at).map(|(_, value)| &**value)
    }

    /// All labels but for its name, in the order of their keys.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().flatten().map(|(key, value)| (&**key, &**value))
    }

    /// Whether nothing is to be written in it.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.says.as_ref().is_some_and(|says| says.paused)
    }

    /// The namespaces whose sources may push into it, if it says so.
    #[must_use]
    pub fn accepts(&self) -> Option<&NamespaceList> {
        self.says.as_ref()?.accepts.as_ref()
    }

    /// What is wrong with its annotations: then nothing changes in it.
    #[must_use]
    pub fn ill_formed(&self) -> Option<&IllFormed> {
        self.says.as_ref()?.ill_formed.as_ref()
    }

    /// Whether `other` is known to have the same labels.
    pub(crate) fn has_labels_of(&self, other: &Self) -> bool {
        self.labels == other.labels
    }

    /// Whether all but the labels is the same.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        self.terminating == other.terminating && self.says == other.says
    }
}

impl Says {
    fn take(&mut self, name: &str, value: Value<'_>) -> Result<(), IllFormed> {
        let text = |annotation| match value {
            Value::Text(text) => Ok(text),
            Value::NotText => Err(IllFormed::NotText { annotation }),
        };
        match Annotation::from_name(name) {
            Some(annotation @ Annotation::Paused) => self.paused = boolean(annotation, text(annotation)?)?,
            Some(annotation @ Annotation::AcceptReplicasFrom) => {
                let list = match text(annotation)?.trim() {
                    "-" => Arc::from(""),
                    list => Arc::from(list),
                };
                let list = NamespaceList::parse_without_slash(&list, &mut crate::pattern::Budget::default());
                self.accepts = Some(list.map_err(|error| IllFormed::List { annotation, error })?);
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(labels: &[(&str, &str)], annotations: &[(&str, Value<'_>)]) -> NamespaceFacts {
        NamespaceFacts::read(false, labels.iter().copied(), annotations.iter().copied())
    }

    #[test]
    fn labels_are_found() {
        let it = facts(&[("tier", "web"), ("env", "prod"), (NAME, "other")], &[]);
        let label = |key| it.label("own", key);
        assert_eq!(
            (label("env"), label("tier"), label("x"), label(NAME)),
            (Some("prod"), Some("web"), None, Some("own"))
        );
        assert_eq!(NamespaceFacts::default().label("own", NAME), Some("own"));
        assert_eq!(it.labels().collect::<Vec<_>>(), [("env", "prod"), ("tier", "web")]);
    }

    #[test]
    fn a_namespace_of_the_api_server_is_read_with_its_name() {
        let dialect = Dialect::new("p/", false);
        let json = r#"{"metadata":{"name":"team-x","labels":{"env":"prod"},"annotations":{"p/paused":"true"}}}"#;
        let (name, it) = NamespaceFacts::from_json(json.as_bytes(), &dialect).unwrap();
        assert_eq!((name.as_str(), it.label("team-x", "env"), it.is_paused()), ("team-x", Some("prod"), true));
        assert!(NamespaceFacts::from_json(br#"{"metadata":{"name":"Team"}}"#, &dialect).is_err());
        // metadata { name: "team-x" }
        let protobuf = [&[0x0a, 8, 0x0a, 6][..], b"team-x"].concat();
        assert_eq!(
            NamespaceFacts::from_protobuf(&protobuf, &dialect).unwrap(),
            ("team-x".to_owned(), NamespaceFacts::default())
        );
        assert!(NamespaceFacts::from_protobuf(&[0x0a, 3, 0x0a, 1, b'T'], &dialect).is_err());
    }

    #[test]
    fn annotations_are_read() {
        let accepts = |text| facts(&[], &[("accept-replicas-from", Value::Text(text))]);
        for (text, yes, no) in [("a, team-.*", "team-x", "b"), (".*,!b", "a", "b"), ("-", "-", "a"), ("", "", "a")] {
            let it = accepts(text);
            let list = it.accepts().unwrap();
            assert!((yes.len() < 2 || list.matches(yes)) && !list.matches(no), "{text:?}");
        }
        let said = |name, value| {
            let it = facts(&[], &[(name, value)]);
            (it.is_paused(), it.accepts().is_some(), it.ill_formed().map(ToString::to_string))
        };
        assert_eq!(said("paused", Value::Text("true")), (true, false, None));
        assert_eq!(said("paused", Value::Text(" 0 ")), (false, false, None));
        assert_eq!(said("unknown", Value::Text("x")), (false, false, None));
        assert_eq!(said("replicate-to", Value::Text("a/b/c")), (false, false, None), "it is not for namespaces");
        let wrong = |name, value| said(name, value).2.unwrap_or_default();
        assert!(wrong("paused", Value::Text("yes")).starts_with("paused: \"yes\" is not a boolean"));
        assert!(wrong("paused", Value::NotText).starts_with("paused: the value is not a text"));
        assert!(wrong("accept-replicas-from", Value::Text("(")).starts_with("accept-replicas-from: "));
        let slash = "accept-replicas-from: \"b/s\" has a \"/\"; expected a namespace or a pattern";
        assert_eq!(wrong("accept-replicas-from", Value::Text("a, b/s")), slash);
        assert_eq!(facts(&[], &[("x", Value::NotText)]), NamespaceFacts::new(false));
    }
}
