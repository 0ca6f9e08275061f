//! Manifests: the Secrets, ConfigMaps and Namespaces of files, with the position of each object and annotation.
//!
//! Other kinds are counted and passed over. What cannot be read, and what an API server would not accept, is a [`Problem`]
//! with its position, and the rest of the file goes on.

mod data;

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::kind::{self, Kind};
use k8s_replicator_core::names::{Key, Namespace, excerpt};
use k8s_replicator_core::payload::Payload;

use crate::place::{Excerpt, Place};
use crate::split::{Piece, pieces};
use crate::yaml::{At, Document, Id, Scalar};

/// So many objects are read of one document, and so deep lists of lists.
const MOST_OBJECTS: usize = 100_000;
const DEEPEST_LIST: usize = 4;

/// A Secret or ConfigMap of a file.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Its kind.
    pub kind: &'static dyn Kind,
    /// Its name.
    pub key: Key,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations, by their whole keys.
    pub annotations: BTreeMap<String, String>,
    /// A Secret's type, as it stands there.
    pub type_: Option<Arc<str>>,
    /// Whether it says that its data is immutable.
    pub immutable: bool,
    /// Its data; `None`: it says nothing of its data.
    pub payload: Option<Payload>,
    /// Whether it gives keys.
    pub has_keys: bool,
    /// Where it stands.
    pub place: Place,
    /// Where its annotations under the prefix stand.
    pub places: BTreeMap<String, Place>,
}

/// A Namespace of a file.
#[derive(Debug, Clone)]
pub struct NamespaceManifest {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations, by their whole keys.
    pub annotations: BTreeMap<String, String>,
    /// Where it stands.
    pub place: Place,
    /// Where its annotations under the prefix stand.
    pub places: BTreeMap<String, Place>,
}

/// What is wrong with a manifest. Never shows data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// [`UNREADABLE`] or [`NOT_ACCEPTED`].
    pub code: &'static str,
    /// What it is about: an object, if its name can be read.
    pub about: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where.
    pub place: Place,
}

/// A document cannot be read.
pub const UNREADABLE: &str = "ManifestUnreadable";
/// An API server would not accept an object.
pub const NOT_ACCEPTED: &str = "ManifestNotAccepted";

/// All that was read.
#[derive(Debug, Default)]
pub struct Manifests {
    /// Secrets and ConfigMaps, in the order in which they were read.
    pub objects: Vec<Manifest>,
    /// Namespaces, in that order.
    pub namespaces: Vec<NamespaceManifest>,
    /// How many objects there are of each other kind.
    pub passed_over: BTreeMap<String, usize>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// Reads files.
#[derive(Debug)]
pub struct Reader<'a> {
    /// Whose annotations are of interest.
    pub dialect: &'a Dialect,
    /// The namespace of objects that say none.
    pub namespace: &'a Namespace,
}

/// Why an object is left out, and where.
type Refused = (At, String, Option<String>);

impl Reader<'_> {
    /// Reads a file.
    pub fn read(&self, file: &str, text: &str, into: &mut Manifests) {
        let file: Arc<str> = file.into();
        for piece in pieces(text) {
            let in_file = InFile { file: &file, piece };
            match Document::read(piece.text) {
                Ok(document) => {
                    let mut one = One { reader: self, document: &document, in_file, into, left: MOST_OBJECTS };
                    one.document(document.root(), DEEPEST_LIST);
                }
                Err(error) => {
                    let at = At { line: error.line, column: error.column, ..At::default() };
                    into.problems.push(Problem {
                        code: UNREADABLE,
                        about: "a document that cannot be read".to_owned(),
                        message: error.what,
                        help: in_file.template_help(),
                        place: in_file.place(at, None),
                    });
                }
            }
        }
    }
}

/// One document of one file.
#[derive(Clone, Copy)]
struct InFile<'a> {
    file: &'a Arc<str>,
    piece: Piece<'a>,
}

impl InFile<'_> {
    fn place(self, at: At, excerpt: Option<Excerpt>) -> Place {
        Place {
            file: self.file.clone(),
            line: self.piece.line + at.line,
            column: at.column,
            excerpt: excerpt.map(Arc::new),
        }
    }

    /// A place that shows a key and its value.
    fn entry(self, key: At, value: At) -> Place {
        let line = self.piece.line + key.line;
        // The value of an alias stands elsewhere.
        let (to, mark) = if value.start >= key.end {
            (value.end, (value.start, value.end))
        } else {
            (key.end, (key.start, key.end))
        };
        let at = if value.line == key.line && value.start >= key.end { value } else { key };
        self.place(at, Excerpt::of(self.piece.text, line, (key.start, to), mark))
    }

    fn template_help(self) -> Option<String> {
        self.piece.text.contains("{{").then(|| {
            "this looks like a template; render it first, as in: helm template … | k8s-replicator plan -f -".to_owned()
        })
    }
}

struct One<'a, 'd> {
    reader: &'a Reader<'a>,
    document: &'d Document<'d>,
    in_file: InFile<'a>,
    into: &'a mut Manifests,
    left: usize,
}

/// An object's labels and annotations, and where the latter stand.
#[derive(Default)]
struct Metadata {
    name: String,
    namespace: Option<String>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    places: BTreeMap<String, Place>,
    place: Option<Place>,
}

impl One<'_, '_> {
    fn document(&mut self, root: Option<Id>, lists: usize) {
        let Some(root) = root else { return };
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        if self.left == 0 {
            self.problem(
                UNREADABLE,
                "a list",
                (self.document.at(root), format!("more than {MOST_OBJECTS} objects in one document"), None),
            );
            return;
        }
        let text = |key| self.document.get(root, key).and_then(|id| self.document.text(id)).unwrap_or_default();
        let (kind, version) = (text("kind").to_owned(), text("apiVersion").to_owned());
        let is_ours = version == "v1";
        if is_ours && kind.ends_with("List") {
            let document = self.document;
            let items = document.get(root, "items").and_then(|items| document.list(items)).unwrap_or_default();
            if lists > 0 {
                items.iter().for_each(|item| self.document(Some(*item), lists - 1));
            }
            return;
        }
        let read = match kind::ALL.into_iter().find(|known| is_ours && known.name() == kind) {
            Some(kind) => self.object(kind, root),
            None if is_ours && kind == "Namespace" => self.namespace(root),
            None if self.document.entries(root).is_none() => {
                self.problem(
                    UNREADABLE,
                    "a document",
                    (self.document.at(root), "it is not an object".to_owned(), None),
                );
                return;
            }
            None if kind.is_empty() => {
                // Values files, kustomizations without a kind, and so on.
                *self.into.passed_over.entry("(no kind)".to_owned()).or_default() += 1;
                return;
            }
            None => {
                *self.into.passed_over.entry(excerpt(&kind)).or_default() += 1;
                return;
            }
        };
        if let Err(refused) = read {
            let name = self.document.get(root, "metadata").and_then(|id| self.document.get(id, "name"));
            let name = name.and_then(|id| self.document.text(id)).map(excerpt).unwrap_or_default();
            self.problem(NOT_ACCEPTED, format!("{kind} {name}").trim_end(), refused);
        }
    }

    fn problem(&mut self, code: &'static str, about: &str, (at, message, help): Refused) {
        let excerpt = at.shown_from.and_then(|from| {
            let InFile { piece, .. } = self.in_file;
            Excerpt::of(piece.text, piece.line + at.line, (from, at.end), (at.start, at.end))
        });
        let (place, about) = (self.in_file.place(at, excerpt), about.to_owned());
        let help = help.or_else(|| self.in_file.template_help());
        self.into.problems.push(Problem { code, about, message, help, place });
    }

    fn object(&mut self, kind: &'static dyn Kind, root: Id) -> Result<(), Refused> {
        let metadata = self.metadata(root)?;
        let Some(place) = metadata.place else {
            *self.into.passed_over.entry(format!("{} with generateName", kind.name())).or_default() += 1;
            return Ok(());
        };
        let namespace = metadata.namespace.as_deref().unwrap_or(self.reader.namespace);
        let key =
            Key::new(namespace, &metadata.name).map_err(|error| (self.document.at(root), error.to_string(), None))?;
        let type_ = match self.document.get(root, "type").filter(|_| kind.is_typed()) {
            Some(id) => Some(self.string(id, "type")?).filter(|text| !text.is_empty()).map(Arc::from),
            None => None,
        };
        let immutable = match self.document.get(root, "immutable") {
            Some(id) => match self.document.scalar(id) {
                Some(Scalar::Boolean(immutable)) => immutable,
                Some(Scalar::Null) => false,
                _ => return Err((self.document.at(id), "immutable is not a boolean".to_owned(), None)),
            },
            None => false,
        };
        let data = data::read(self, kind, root, type_.as_deref())?;
        let Metadata { labels, annotations, places, .. } = metadata;
        let (payload, has_keys) = data.map_or((None, false), |data| (Some(data.payload), data.has_keys));
        self.into.objects.push(Manifest {
            kind,
            key,
            labels,
            annotations,
            type_,
            immutable,
            payload,
            has_keys,
            place,
            places,
        });
        Ok(())
    }

    fn namespace(&mut self, root: Id) -> Result<(), Refused> {
        let Metadata { name, labels, annotations, place, places, .. } = self.metadata(root)?;
        let at = self.document.at(root);
        let Some(place) = place else { return Ok(()) };
        let _: Namespace = Namespace::parse(&name).map_err(|error| (at, error.to_string(), None))?;
        self.into.namespaces.push(NamespaceManifest { name, labels, annotations, place, places });
        Ok(())
    }

    fn metadata(&self, root: Id) -> Result<Metadata, Refused> {
        let document = self.document;
        let here = |what: &str| (document.at(root), what.to_owned(), None);
        let id = document.get(root, "metadata").ok_or_else(|| here("metadata is missing"))?;
        let entries = document.entries(id).ok_or_else(|| here("metadata is not a map"))?;
        let mut metadata = Metadata::default();
        for (key, value) in entries {
            match document.text(key) {
                Some("name") => {
                    metadata.name = self.string(value, "metadata.name")?;
                    metadata.place = Some(self.in_file.entry(document.at(key), document.at(value)));
                }
                Some("namespace") => {
                    metadata.namespace =
                        Some(self.string(value, "metadata.namespace")?).filter(|text| !text.is_empty());
                }
                Some("labels") => {
                    metadata.labels = self.map(value, "label")?.into_iter().map(|(k, v, _)| (k, v)).collect()
                }
                Some("annotations") => {
                    for (key, text, place) in self.map(value, "annotation")? {
                        if self.reader.dialect.is_own(&key) {
                            metadata.places.insert(key.clone(), place);
                        }
                        metadata.annotations.insert(key, text);
                    }
                }
                _ => {}
            }
        }
        let generates = document.get(id, "generateName").is_some();
        if metadata.place.is_none() && !generates {
            return Err(here("metadata.name is missing"));
        }
        Ok(metadata)
    }

    fn map(&self, id: Id, what: &str) -> Result<Vec<(String, String, Place)>, Refused> {
        let document = self.document;
        if document.scalar(id) == Some(Scalar::Null) {
            return Ok(Vec::new());
        }
        let entries =
            document.entries(id).ok_or_else(|| (document.at(id), format!("the {what}s are not a map"), None))?;
        let entry = |(key, value)| {
            let name = document.text(key).unwrap_or_default().to_owned();
            let shown_from = (document.at(key).line == document.at(value).line && self.reader.dialect.is_own(&name))
                .then_some(document.at(key).start);
            let text = self
                .string(value, &format!("the {what} {}", excerpt(&name)))
                .map_err(|(at, message, help)| (At { shown_from, ..at }, message, help))?;
            Ok((name, text, self.in_file.entry(document.at(key), document.at(value))))
        };
        entries.into_iter().map(entry).collect()
    }

    /// A text, where the API server accepts nothing else.
    fn string(&self, id: Id, what: &str) -> Result<String, Refused> {
        let refused = |is: &str| {
            let help = format!("put the value in quotes, as in \"{is}\"");
            (
                self.document.at(id),
                format!("{what} is not a text: the API server does not accept the object"),
                Some(help),
            )
        };
        match self.document.scalar(id) {
            Some(Scalar::Text(text)) => Ok(text.to_owned()),
            Some(Scalar::Null) => Ok(String::new()),
            Some(Scalar::Boolean(is)) => Err(refused(if is { "true" } else { "false" })),
            Some(Scalar::Number) => Err(refused("1")),
            None => Err((
                self.document.at(id),
                format!("{what} is a list or a map, and not a text: the API server does not accept the object"),
                None,
            )),
        }
    }
}

#[cfg(test)]
mod tests;
