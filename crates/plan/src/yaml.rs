//! One YAML document (or JSON, which is YAML) as a flat list of nodes, each with its position.
//!
//! Aliases are references to nodes, never copies, so that a document takes memory in proportion to its text, whatever it
//! repeats. Nothing here walks through a document by recursion.

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle};

/// So many nodes are read of one document.
const MOST_NODES: usize = 2_000_000;
/// So deep `<<` is followed, and so many entries come from it.
const MERGES: usize = 8;
const MOST_MERGED: usize = 10_000;

/// Where something stands in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct At {
    /// From this byte of the document.
    pub(crate) start: usize,
    /// To this one, which is not part of it.
    pub(crate) end: usize,
    /// The line, from 1.
    pub(crate) line: usize,
    /// The column in characters, from 1.
    pub(crate) column: usize,
    /// From this byte on it may be shown. `None`: it may be data.
    pub(crate) shown_from: Option<usize>,
}

/// A node's place in its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id(usize);

#[derive(Debug)]
enum Content<'t> {
    Scalar { text: Cow<'t, str>, is_plain: bool },
    List(Vec<Id>),
    Map(Vec<(Id, Id)>),
}

#[derive(Debug)]
struct Node<'t> {
    at: At,
    content: Content<'t>,
}

/// What a scalar is to the tools that turn YAML into JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar<'a> {
    Text(&'a str),
    Null,
    Boolean(bool),
    Number,
}

/// What is wrong, and where. Never shows what stands in the document, which may be a Secret's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct YamlError {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) what: String,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Document<'t> {
    nodes: Vec<Node<'t>>,
    root: Option<Id>,
}

impl<'t> Document<'t> {
    pub(crate) fn read(text: &'t str) -> Result<Self, YamlError> {
        let mut reader = Reader { nodes: Vec::new(), open: Vec::new(), anchors: HashMap::new(), root: None };
        let options = granit_parser::options! { emit_comments: false };
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = event.map_err(|error| YamlError {
                line: error.marker().line(),
                column: error.marker().col() + 1,
                what: error.kind().to_string(),
            })?;
            let at = At {
                start: span.start.byte_offset().unwrap_or_default(),
                end: span.end.byte_offset().unwrap_or_default(),
                line: span.start.line(),
                column: span.start.col() + 1,
                shown_from: None,
            };
            let error = |what: &str| YamlError { line: at.line, column: at.column, what: what.to_owned() };
            if reader.nodes.len() >= MOST_NODES {
                return Err(error("the document has more nodes than are read"));
            }
            reader.take(event, at).map_err(error)?;
        }
        Ok(Self { nodes: reader.nodes, root: reader.root })
    }

    /// The document itself; `None`: it is empty.
    pub(crate) fn root(&self) -> Option<Id> {
        self.root
    }

    pub(crate) fn at(&self, id: Id) -> At {
        self.nodes.get(id.0).map(|node| node.at).unwrap_or_default()
    }

    pub(crate) fn list(&self, id: Id) -> Option<&[Id]> {
        match &self.nodes.get(id.0)?.content {
            Content::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a map, with those that come in by `<<`; of a key that comes twice the last. `None`: it is no map.
    pub(crate) fn entries(&self, id: Id) -> Option<Vec<(Id, Id)>> {
        let Content::Map(own) = &self.nodes.get(id.0)?.content else { return None };
        if !own.iter().any(|(key, _)| self.is_merge(*key)) {
            return Some(own.clone());
        }
        // What is merged comes first, so that the map's own entries have the last word.
        let mut entries = Vec::new();
        self.merge(own, MERGES, &mut entries);
        entries.extend(own.iter().filter(|(key, _)| !self.is_merge(*key)).copied());
        Some(entries)
    }

    fn is_merge(&self, key: Id) -> bool {
        matches!(self.nodes.get(key.0).map(|node| &node.content), Some(Content::Scalar { text, is_plain: true }) if text == "<<")
    }

    fn merge(&self, map: &[(Id, Id)], depth: usize, into: &mut Vec<(Id, Id)>) {
        for (_, value) in map.iter().filter(|(key, _)| self.is_merge(*key)) {
            let maps = self.list(*value).map_or_else(|| vec![*value], |items| items.iter().rev().copied().collect());
            for id in maps {
                let Some(Content::Map(entries)) = self.nodes.get(id.0).map(|node| &node.content) else { continue };
                if depth == 0 || into.len() > MOST_MERGED {
                    return;
                }
                self.merge(entries, depth - 1, into);
                into.extend(entries.iter().filter(|(key, _)| !self.is_merge(*key)).copied());
            }
        }
    }

    /// The value of a key in a map.
    pub(crate) fn get(&self, id: Id, key: &str) -> Option<Id> {
        let entries = self.entries(id)?;
        entries.iter().rev().find(|(other, _)| self.text(*other) == Some(key)).map(|(_, value)| *value)
    }

    /// The text of a scalar, whatever it is taken for.
    pub(crate) fn text(&self, id: Id) -> Option<&str> {
        match &self.nodes.get(id.0)?.content {
            Content::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// What a scalar is. `None`: it is a list or a map.
    pub(crate) fn scalar(&self, id: Id) -> Option<Scalar<'_>> {
        match &self.nodes.get(id.0)?.content {
            Content::Scalar { text, is_plain: true } => Some(resolve(text)),
            Content::Scalar { text, is_plain: false } => Some(Scalar::Text(text)),
            _ => None,
        }
    }
}

/// A plain scalar as kubectl's and Helm's library (YAML 1.1, without sexagesimals) takes it.
fn resolve(text: &str) -> Scalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Scalar::Boolean(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Scalar::Boolean(false),
        ".inf" | "-.inf" | "+.inf" | ".nan" | ".Inf" | ".INF" | ".NaN" | ".NAN" => Scalar::Number,
        _ if is_number(text) => Scalar::Number,
        _ => Scalar::Text(text),
    }
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return false;
    }
    let plain = unsigned.replace('_', "");
    let radix =
        |prefix: &str, radix| plain.strip_prefix(prefix).is_some_and(|rest| u64::from_str_radix(rest, radix).is_ok());
    if radix("0x", 16) || radix("0o", 8) || radix("0b", 2) {
        return true;
    }
    plain.ends_with(|last: char| last.is_ascii_digit() || last == '.') && plain.parse::<f64>().is_ok()
}

struct Reader<'t> {
    nodes: Vec<Node<'t>>,
    /// The lists and maps that have begun, and of a map the key whose value comes next.
    open: Vec<(Id, Option<Id>)>,
    anchors: HashMap<usize, Id>,
    root: Option<Id>,
}

impl<'t> Reader<'t> {
    fn take(&mut self, event: Event<'t>, at: At) -> Result<(), &'static str> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                // An explicit tag says what it is; those that say something else than a text are rare, and not texts.
                let is_text = tag.as_ref().is_some_and(|tag| tag.core_suffix() == Some("str"));
                let is_plain = style == ScalarStyle::Plain && !is_text;
                let id = self.add(at, Content::Scalar { text, is_plain }, anchor);
                self.place(id)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(at, Content::List(Vec::new()), anchor),
            Event::MappingStart(_, anchor, _) => self.begin(at, Content::Map(Vec::new()), anchor),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some((id, _)) = self.open.pop()
                    && let Some(node) = self.nodes.get_mut(id.0)
                {
                    node.at.end = at.end;
                }
                Ok(())
            }
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).copied();
                self.place(known.ok_or("an alias has no anchor")?)
            }
            Event::DocumentStart(..) if self.root.is_some() => Err("a second document begins here"),
            _ => Ok(()),
        }
    }

    fn add(&mut self, at: At, content: Content<'t>, anchor: usize) -> Id {
        let id = Id(self.nodes.len());
        self.nodes.push(Node { at, content });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        id
    }

    fn begin(&mut self, at: At, content: Content<'t>, anchor: usize) -> Result<(), &'static str> {
        let id = self.add(at, content, anchor);
        self.place(id)?;
        self.open.push((id, None));
        Ok(())
    }

    /// Puts a node where it belongs.
    fn place(&mut self, id: Id) -> Result<(), &'static str> {
        let Some((parent, key)) = self.open.last_mut() else {
            self.root.get_or_insert(id);
            return Ok(());
        };
        match (self.nodes.get_mut(parent.0).map(|node| &mut node.content), key.take()) {
            (Some(Content::List(items)), _) => items.push(id),
            (Some(Content::Map(entries)), Some(key)) => entries.push((key, id)),
            (Some(Content::Map(_)), None) => *key = Some(id),
            _ => return Err("not YAML"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path<'d>(document: &'d Document<'_>, path: &str) -> Option<&'d str> {
        let id = path.split('.').try_fold(document.root()?, |id, key| document.get(id, key))?;
        document.text(id)
    }

    #[test]
    fn nodes_have_their_positions() {
        let text = "a: 1\nb:\n  c: \"x y\"\n  ä: z\n  d: |\n    one\n    two\n";
        let document = Document::read(text).unwrap();
        let b = document.get(document.root().unwrap(), "b").unwrap();
        let at = |key| document.at(document.get(b, key).unwrap());
        assert_eq!((at("c").line, at("c").column, &text[at("c").start..at("c").end]), (3, 6, "\"x y\""));
        assert_eq!((at("ä").line, at("ä").column, &text[at("ä").start..at("ä").end]), (4, 6, "z"));
        assert_eq!((at("d").line, at("d").column), (6, 5), "of a block, where its text begins");
        assert_eq!(path(&document, "b.d"), Some("one\ntwo\n"));
    }

    #[test]
    fn json_tabs_and_windows_line_ends() {
        let json = "{\n\t\"a\": {\"b\": \"x\"}}";
        assert_eq!(path(&Document::read(json).unwrap(), "a.b"), Some("x"));
        let document = Document::read("a:\r\n  b: x\r\n  c: |\r\n    y\r\n").unwrap();
        assert_eq!((path(&document, "a.b"), path(&document, "a.c")), (Some("x"), Some("y\n")));
        let error = Document::read("a:\n\tb: x\n").unwrap_err();
        assert_eq!(error.line, 2, "{error:?}");
    }

    #[test]
    fn aliases_and_merges() {
        let text = "base: &base {x: 1, y: 2}\nmore: &more\n  <<: *base\n  y: 3\nboth: {<<: [*more, *base], z: 4}\n";
        let document = Document::read(text).unwrap();
        let of = |at: &str| path(&document, at).map(str::to_owned);
        assert_eq!((of("more.x"), of("more.y")), (Some("1".into()), Some("3".into())));
        assert_eq!((of("both.y"), of("both.z")), (Some("3".into()), Some("4".into())), "the first of the list wins");
        assert!(Document::read("a: *nobody\n").is_err());
    }

    /// Each takes a moment, and no more memory than its text does.
    #[test]
    fn bombs_do_no_harm() {
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..40 {
            let before = format!("*a{}, ", n - 1).repeat(10);
            laughs.push_str(&format!("a{n}: &a{n} [{before}]\n"));
        }
        assert!(Document::read(&laughs).is_ok());
        let mut merges = String::from("m0: &m0 {k0: x}\n");
        for n in 1..60 {
            let before = format!("*m{}, ", n - 1).repeat(10);
            merges.push_str(&format!("m{n}: &m{n} {{<<: [{before}], k{n}: x}}\n"));
        }
        let document = Document::read(&merges).unwrap();
        assert_eq!(path(&document, "m59.k59"), Some("x"));
        let mut chain = String::from("c0: &c0 [x]\n");
        (1..100_000).for_each(|n| chain.push_str(&format!("c{n}: &c{n} [*c{}]\n", n - 1)));
        assert!(Document::read(&chain).is_ok());
        assert!(Document::read(&"[".repeat(100_000)).is_err());
        assert!(Document::read("a: &a [*a]\n").is_ok(), "a node within itself");
    }

    #[test]
    fn plain_scalars_are_what_kubectl_takes_them_for() {
        for text in ["true", "yes", "Off"] {
            assert!(matches!(resolve(text), Scalar::Boolean(_)), "{text}");
        }
        for text in ["1", "-1", "1.5", "1e3", "0x1f", "0o17", "1_000", ".5", "+1", "12."] {
            assert_eq!(resolve(text), Scalar::Number, "{text}");
        }
        for text in ["y", "n", "1h30m", "a", "team-.*", "1.2.3", "2026-01-02", "-", ".", "0x", "1 2", "infinity", "nan"]
        {
            assert_eq!(resolve(text), Scalar::Text(text), "{text}");
        }
        assert_eq!(resolve("~"), Scalar::Null);
    }
}
