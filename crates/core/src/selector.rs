//! Label selectors in kubectl's syntax: `env=prod,tier in (web,api),!legacy` (SPEC 11.3).
//!
//! - **Guarantees.** A selector means what it means to the API server (`k8s.io/apimachinery/pkg/labels`), but for the empty
//!   selector: there it matches everything, here it names nothing, as an empty list does. (A template that was filled with nothing
//!   must not give a Secret to everybody.) To ask one about a namespace takes a bounded amount of time: it has at most
//!   [`MAX_REQUIREMENTS`] requirements and [`MAX_SELECTOR`] bytes.
//! - **Memory.** The text, and 4 bytes for each value.
//!
//! ```
//! use k8s_replicator_core::selector::Selector;
//!
//! let selector = Selector::parse(&"env in (prod, stage), !legacy".into()).unwrap();
//! assert!(selector.matches(|key| (key == "env").then_some("prod")));
//! assert!(!selector.matches(|key| Some(if key == "env" { "prod" } else { "yes" })));
//! ```

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use thiserror::Error;

use crate::labels::{is_key, is_value};
use crate::names::excerpt;

/// The most requirements of one selector.
pub const MAX_REQUIREMENTS: usize = 16;
/// The longest selector, in bytes.
pub const MAX_SELECTOR: usize = 16 << 10;

/// As so many letters of patterns a requirement counts,
pub(crate) const REQUIREMENT: usize = 16;
/// and as so many more for each time that its values can be halved.
pub(crate) const HALVED: usize = 8;

/// Why a text is no selector.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SelectorError {
    /// Not kubectl's syntax.
    #[error(
        "{0:?} is not a requirement on a label; expected one such as \"env=prod\", \"tier in (web,api)\", \"legacy\" or \"!legacy\""
    )]
    Syntax(String),
    /// A key that no label has.
    #[error("{0:?} is not a legal key of a label; expected \"name\" or \"prefix/name\"")]
    Key(String),
    /// A value that no label has.
    #[error("{0:?} is not a legal value of a label; expected at most 63 letters, digits, dashes, dots and underscores")]
    Value(String),
    /// Not a whole number, where one is compared.
    #[error("{0:?} is not a whole number, which \"<\" and \">\" need")]
    Number(String),
    /// Too many requirements.
    #[error("more than {MAX_REQUIREMENTS} requirements")]
    TooMany,
    /// Too long.
    #[error("longer than {MAX_SELECTOR} bytes")]
    TooLong,
}

/// See the [module](self). Equal when the texts are.
#[derive(Clone)]
pub struct Selector {
    text: Arc<str>,
    requirements: Box<[Requirement]>,
}

#[derive(Debug, Clone)]
struct Requirement {
    key: Span,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Exists,
    Missing,
    /// Values in their order.
    In(Box<[Span]>),
    NotIn(Box<[Span]>),
    Less(i64),
    Greater(i64),
}

/// A part of the selector's text, by position and length, for which 16 bits each are enough.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u16,
    length: u16,
}

impl Span {
    fn of(self, text: &str) -> &str {
        let start = usize::from(self.start);
        text.get(start..start + usize::from(self.length)).unwrap_or_default()
    }

    /// The same as bytes, which costs less.
    fn bytes(self, text: &str) -> &[u8] {
        let start = usize::from(self.start);
        text.as_bytes().get(start..start + usize::from(self.length)).unwrap_or_default()
    }
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// When it is none, or too large.
    pub fn parse(text: &Arc<str>) -> Result<Self, SelectorError> {
        if text.len() > MAX_SELECTOR {
            return Err(SelectorError::TooLong);
        }
        let mut reader = Reader { text, at: 0, began: 0 };
        let mut requirements = Vec::new();
        // As in kubectl, white space may stand anywhere between words, and an empty text is a selector.
        while reader.peek().is_some() {
            if requirements.len() == MAX_REQUIREMENTS {
                return Err(SelectorError::TooMany);
            }
            requirements.push(reader.requirement()?);
            match reader.peek() {
                None => break,
                Some(b',') => reader.at += 1,
                Some(_) => return Err(reader.error()),
            }
            if reader.peek().is_none() {
                reader.began = reader.at;
                return Err(reader.error());
            }
        }
        Ok(Self { text: text.clone(), requirements: requirements.into() })
    }

    /// The selector, word for word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it has no requirement, and so names nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// As how many letters of patterns it counts (`Budget`): matching takes as long as to look at so many.
    pub(crate) fn letters(&self) -> usize {
        let values = |requirement: &Requirement| match &requirement.test {
            Test::In(values) | Test::NotIn(values) => values.len(),
            _ => 0,
        };
        let halved = |values: usize| (usize::BITS - values.leading_zeros()) as usize;
        self.requirements.iter().map(|it| REQUIREMENT + HALVED * halved(values(it))).sum()
    }

    /// Whether it matches an object whose labels `label` looks up.
    pub fn matches<'l>(&self, label: impl Fn(&str) -> Option<&'l str>) -> bool {
        !self.is_empty() && self.requirements.iter().all(|requirement| self.holds(requirement, &label))
    }

    fn holds<'l>(&self, requirement: &Requirement, label: &impl Fn(&str) -> Option<&'l str>) -> bool {
        let value = label(requirement.key.of(&self.text));
        let among = |values: &[Span], value: &str| {
            values.binary_search_by(|other| other.bytes(&self.text).cmp(value.as_bytes())).is_ok()
        };
        let compares = |number: i64, wanted: Ordering| {
            value.and_then(|value| value.parse::<i64>().ok()).is_some_and(|value| value.cmp(&number) == wanted)
        };
        match &requirement.test {
            Test::Exists => value.is_some(),
            Test::Missing => value.is_none(),
            Test::In(values) => value.is_some_and(|value| among(values, value)),
            // A label that is not there is not among the values either (`labels.Requirement.Matches`).
            Test::NotIn(values) => value.is_none_or(|value| !among(values, value)),
            Test::Less(number) => compares(*number, Ordering::Less),
            Test::Greater(number) => compares(*number, Ordering::Greater),
        }
    }
}

impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Selector {}

impl Hash for Selector {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Selector({:?})", &*self.text)
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// Where the requirement that is being read begins.
    began: usize,
}

impl<'t> Reader<'t> {
    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.text.get(self.at..)?;
        self.at += rest.len() - rest.trim_start().len();
        self.text.as_bytes().get(self.at).copied()
    }

    /// The text up to the next character with a meaning of its own; it may be empty.
    fn word(&mut self) -> &'t str {
        self.peek();
        let rest = self.text.get(self.at..).unwrap_or_default();
        let is_end = |c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')' | '=' | '!' | '<' | '>');
        let word = &rest[..rest.find(is_end).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    fn takes(&mut self, token: &str) -> bool {
        self.peek();
        let there = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(token));
        self.at += if there { token.len() } else { 0 };
        there
    }

    fn error(&self) -> SelectorError {
        SelectorError::Syntax(excerpt(self.text[self.began..].trim()))
    }

    fn span(&self, word: &str) -> Span {
        // Neither is longer than [`MAX_SELECTOR`].
        let start = word.as_ptr() as usize - self.text.as_ptr() as usize;
        Span { start: start as u16, length: word.len() as u16 }
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        self.began = self.at;
        let missing = self.takes("!");
        let key = self.word();
        if key.is_empty() {
            return Err(self.error());
        }
        if !is_key(key) {
            return Err(SelectorError::Key(excerpt(key)));
        }
        let test = if missing { Test::Missing } else { self.test()? };
        Ok(Requirement { key: self.span(key), test })
    }

    fn test(&mut self) -> Result<Test, SelectorError> {
        match self.peek() {
            None | Some(b',') => Ok(Test::Exists),
            Some(b'<') => Ok(Test::Less(self.number()?)),
            Some(b'>') => Ok(Test::Greater(self.number()?)),
            Some(b'!') if self.takes("!=") => Ok(Test::NotIn([self.value()?].into())),
            Some(b'=') if self.takes("==") || self.takes("=") => Ok(Test::In([self.value()?].into())),
            Some(_) => match self.word() {
                "in" => Ok(Test::In(self.values()?)),
                "notin" => Ok(Test::NotIn(self.values()?)),
                _ => Err(self.error()),
            },
        }
    }

    fn number(&mut self) -> Result<i64, SelectorError> {
        self.at += 1;
        let word = self.word();
        word.parse().map_err(|_| SelectorError::Number(excerpt(word)))
    }

    fn value(&mut self) -> Result<Span, SelectorError> {
        let word = self.word();
        if is_value(word) { Ok(self.span(word)) } else { Err(SelectorError::Value(excerpt(word))) }
    }

    fn values(&mut self) -> Result<Box<[Span]>, SelectorError> {
        if !self.takes("(") {
            return Err(self.error());
        }
        let mut values = vec![self.value()?];
        while self.takes(",") {
            values.push(self.value()?);
        }
        if !self.takes(")") {
            return Err(self.error());
        }
        values.sort_unstable_by_key(|value| value.of(self.text));
        values.dedup_by_key(|value| value.of(self.text));
        Ok(values.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: [(&str, &str); 5] =
        [("env", "prod"), ("tier", "web"), ("a.b/c", ""), ("n", "5"), ("kubernetes.io/metadata.name", "x")];

    fn label(key: &str) -> Option<&'static str> {
        LABELS.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }

    /// Equal texts are kept once, so that other ones must not count as equal.
    #[test]
    fn two_are_equal_when_their_texts_are() {
        let parse = |text: &str| Selector::parse(&text.into()).unwrap();
        assert_eq!(parse("env=prod"), parse("env=prod"));
        assert_ne!(parse("env=prod"), parse("env=test"));
        assert_eq!(format!("{:?}", parse("env=prod")), "Selector(\"env=prod\")");
    }

    #[test]
    fn the_longest_selector() {
        let of = |length: usize| Selector::parse(&" ".repeat(length).into()).map(|_| ());
        assert_eq!((of(MAX_SELECTOR).is_ok(), of(MAX_SELECTOR + 1).is_ok()), (true, false));
    }

    /// What a selector costs grows with its requirements, and with the logarithm of their values.
    #[test]
    fn a_selector_counts_as_letters() {
        let letters = |text: &str| Selector::parse(&text.into()).unwrap().letters();
        for (text, halvings) in
            [("env", 0), ("env=a", 1), ("env in (a,b)", 2), ("env notin (a,b,c)", 2), ("env in (a,b,c,d)", 3)]
        {
            assert_eq!(letters(text), REQUIREMENT + HALVED * halvings, "{text}");
        }
        assert_eq!(letters("env,env=a"), 2 * REQUIREMENT + HALVED);
        assert_eq!(letters(""), 0);
    }

    /// The answers are those of `k8s.io/apimachinery/pkg/labels`, but for the empty selector.
    #[test]
    fn selectors_mean_what_they_mean_to_kubectl() {
        let cases = [
            ("", false),
            ("  ", false),
            ("env", true),
            ("!env", false),
            ("legacy", false),
            ("!legacy", true),
            ("! legacy", true),
            ("env=prod", true),
            ("env==prod", true),
            ("env = prod", true),
            ("env=stage", false),
            ("env!=prod", false),
            ("env!=stage", true),
            ("legacy!=x", true),
            ("legacy=", false),
            ("a.b/c=", true),
            ("a.b/c==", true),
            ("a.b/c", true),
            ("env=prod,tier=web", true),
            ("env=prod , tier=api", false),
            ("env=prod,tier in (web,api),!legacy", true),
            ("tier in (api, web)", true),
            ("tier in(api)", false),
            ("tier in (web,web)", true),
            ("tier notin (api,db)", true),
            ("tier notin (web)", false),
            ("legacy notin (a)", true),
            ("legacy in (,a)", false),
            ("a.b/c in (,a)", true),
            ("n>4", true),
            ("n > 5", false),
            ("n<6", true),
            ("n<5", false),
            ("env>1", false),
            ("legacy<1", false),
            ("in in (in)", false),
            ("kubernetes.io/metadata.name in (x)", true),
            ("env=prod\n,tier=web", true),
        ];
        for (text, expected) in cases {
            let selector = Selector::parse(&text.into()).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            assert_eq!(selector.matches(label), expected, "{text:?}");
            assert_eq!(selector.as_str(), text);
        }
    }

    #[test]
    fn what_is_no_selector_is_named() {
        let many = vec!["a"; MAX_REQUIREMENTS + 1].join(",");
        let long = format!("a in ({})", "bbbbbbb,".repeat(MAX_SELECTOR / 8));
        let cases = [
            (",", "\",\" is not a requirement"),
            ("a,", "\"\" is not a requirement"),
            ("a,,b", "\",b\" is not a requirement"),
            ("=a", "\"=a\" is not a requirement"),
            ("a b", "\"a b\" is not a requirement"),
            ("a in", "\"a in\" is not a requirement"),
            ("a in b", "\"a in b\" is not a requirement"),
            ("x,a in (b", "\"a in (b\" is not a requirement"),
            ("a in (b c)", "\"a in (b c)\" is not a requirement"),
            ("a (b)", "\"a (b)\" is not a requirement"),
            ("a=b=c", "\"a=b=c\" is not a requirement"),
            ("a!b", "\"a!b\" is not a requirement"),
            ("!a=b", "\"!a=b\" is not a requirement"),
            ("-a", "\"-a\" is not a legal key"),
            ("a/b/c", "\"a/b/c\" is not a legal key"),
            ("A.b/c", "\"A.b/c\" is not a legal key"),
            ("a=b/c", "\"b/c\" is not a legal value"),
            ("a=-b", "\"-b\" is not a legal value"),
            ("a in (b,é)", "\"é\" is not a legal value"),
            ("a>b", "\"b\" is not a whole number"),
            ("a>", "\"\" is not a whole number"),
            (&many, "more than 16 requirements"),
            (&long, "longer than 16384 bytes"),
        ];
        for (text, message) in cases {
            let error = Selector::parse(&text.into()).map(|it| it.requirements.len()).unwrap_err().to_string();
            assert!(error.starts_with(message), "{text:?}: {error}");
        }
    }
}
