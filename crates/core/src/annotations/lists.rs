//! Advice on lists: items that are probably not meant as they are written (SPEC 8).

use std::collections::HashSet;

use super::{Annotation, Marks};
use crate::advice::{Advice, MAX_ADVICE};
use crate::glob::Globs;
use crate::keys::Keys;
use crate::names::{MAX_NAMESPACE, excerpt, is_label};
use crate::pattern::{ItemKind, NamespaceList, NamespacePattern, exception, is_odd, items};
use crate::reason::Reason;
use crate::selection::Selection;
use crate::selector::Selector;

/// Adds the advice that the lists of a well-formed object show. (A replica's are its source's: the advice is there.)
pub(crate) fn advise(marks: &Marks, advice: &mut Vec<Advice>) {
    if marks.replicated_by.is_some() {
        return;
    }
    let mut adviser = Adviser { advice, seen: HashSet::new() };
    if let Some(push) = marks.effective_push() {
        if let Some(text) = marks.text(Annotation::ReplicateTo) {
            adviser.names(text, push.has_odd_items());
        }
        if let Some(part) = push.parts().last() {
            let asks = (Annotation::ReplicateToNamespaces, Annotation::ReplicateToNamespaceSelector);
            adviser.selection(marks, asks, part.namespaces());
        }
    }
    if let Some(selection) = &marks.allowed_namespaces {
        let asks = (Annotation::ReplicationAllowedNamespaces, Annotation::ReplicationAllowedNamespaceSelector);
        adviser.selection(marks, asks, selection);
    }
    for annotation in GLOBS {
        if let Some(text) = marks.text(annotation)
            && !names_a_key(annotation, text)
        {
            let detail = format!("{}: the list names nothing", annotation.name());
            adviser.add(Reason::ListNamesNothing, detail);
        }
    }
}

/// What is odd about one item of a list that is not an object's, in one sentence; `None`: nothing is.
pub(crate) fn oddity(annotation: Annotation, list: &NamespaceList) -> Option<String> {
    let mut advice = Vec::new();
    if list.has_odd_items() {
        let mut adviser = Adviser { advice: &mut advice, seen: HashSet::new() };
        items(list.as_str()).for_each(|(_, item)| adviser.item(annotation, exception(item).1, item));
    }
    advice.into_iter().next().map(|advice| advice.detail)
}

/// Lists of keys and of globs.
const GLOBS: [Annotation; 4] = [
    Annotation::ReplicateKeys,
    Annotation::ReplicationAllowedKeys,
    Annotation::ReplicateLabels,
    Annotation::ReplicateAnnotations,
];

fn names_a_key(annotation: Annotation, text: &str) -> bool {
    match annotation {
        Annotation::ReplicateKeys => Keys::parse(text).is_ok_and(|keys| !keys.names_nothing()),
        _ => Globs::parse(text).is_ok_and(|globs| !globs.names_nothing()),
    }
}

struct Adviser<'a> {
    advice: &'a mut Vec<Advice>,
    /// Items on which there is advice already.
    seen: HashSet<&'a str>,
}

impl<'a> Adviser<'a> {
    fn add(&mut self, reason: Reason, detail: String) {
        if self.advice.len() < MAX_ADVICE {
            self.advice.push(Advice { reason, detail });
        }
    }

    /// `replicate-to`: names, whose namespaces can be patterns.
    fn names(&mut self, text: &'a str, has_odd_items: bool) {
        let annotation = Annotation::ReplicateTo;
        if items(text).next().is_none() {
            let detail = format!("{}: the list is empty, so that nothing is pushed", annotation.name());
            self.add(Reason::ListNamesNothing, detail);
        }
        if !has_odd_items {
            return;
        }
        for (_, item) in items(text) {
            if let Some((namespace, _)) = item.split_once('/') {
                self.item(annotation, namespace.trim(), item);
            }
            if self.is_full() {
                return;
            }
        }
    }

    /// Namespaces, by list and by selector.
    fn selection(&mut self, marks: &Marks, (of_list, of_selector): (Annotation, Annotation), selection: &'a Selection) {
        let selector = selection.selector();
        if selector.is_some_and(Selector::is_empty) {
            let all = "for every namespace write \"kubernetes.io/metadata.name\"";
            let detail = format!("{}: the selector is empty, so that it names no namespace; {all}", of_selector.name());
            self.add(Reason::ListNamesNothing, detail);
        }
        if marks.text(of_list).is_some() {
            self.namespaces(of_list, selection.list(), selector.is_some_and(|selector| !selector.is_empty()));
        }
    }

    /// A list of namespaces. `has_others`: a selector names some as well.
    fn namespaces(&mut self, annotation: Annotation, list: &'a NamespaceList, has_others: bool) {
        if list.has_odd_items() {
            for (_, item) in items(list.as_str()) {
                self.item(annotation, exception(item).1, item);
                if self.is_full() {
                    return;
                }
            }
        }
        if has_others {
            return;
        }
        let mut items = list.items().peekable();
        let why = if items.peek().is_none() {
            "the list is empty, so that it names no namespace"
        } else if items.all(|item| exception(item).0) {
            "all items begin with \"!\", which only takes away; add what they are taken from, such as \".*\""
        } else if list.names_nothing() {
            "none of the items can name a namespace"
        } else {
            return;
        };
        self.add(Reason::ListNamesNothing, format!("{}: {why}", annotation.name()));
    }

    fn is_full(&self) -> bool {
        self.advice.len() >= MAX_ADVICE
    }

    /// One item: `text` is its namespace, or pattern of namespaces.
    fn item(&mut self, annotation: Annotation, text: &'a str, whole: &str) {
        if !is_odd(text) || !self.seen.insert(text) {
            return;
        }
        let (annotation, whole) = (annotation.name(), excerpt(whole));
        if let Some(problem) = names_nothing(text) {
            let detail = format!("{annotation}: no namespace has a name that {whole:?} matches: {problem}");
            self.add(Reason::ItemNamesNothing, detail);
        } else if let Some(regex) = glob(text) {
            let detail = format!(
                "{annotation}: {whole:?} is a regular expression, in which \"*\" repeats what is before it; for any text \
                 write {:?}",
                excerpt(&regex)
            );
            self.add(Reason::LooksLikeGlob, detail);
        }
    }
}

/// What is wrong with an item that no legal name of a namespace matches. `None`: some match.
fn names_nothing(text: &str) -> Option<String> {
    let can_match = match ItemKind::of(text) {
        ItemKind::Literal(literal) => is_label(literal),
        ItemKind::Prefix(prefix) => is_label(prefix) || prefix.len() < MAX_NAMESPACE && !prefix.starts_with('-'),
        // Those of a well-formed object are in use, so that they are found and not compiled.
        ItemKind::Pattern(pattern) => NamespacePattern::parse(pattern).is_ok_and(|it| it.matches_any_namespace()),
    };
    if can_match {
        return None;
    }
    let is_quote = |c: char| matches!(c, '"' | '\'' | '`' | '\u{ab}' | '\u{bb}' | '\u{2018}'..='\u{201f}');
    let is_brace = |c: char| matches!(c, '{' | '}');
    Some(if text.contains(is_quote) {
        format!("it has a quote; write {:?}", excerpt(&text.replace(is_quote, "")))
    } else if text.contains("${") || text.contains("$(") {
        "it has a variable that was not replaced; write its value".to_owned()
    } else if text.contains(char::is_whitespace) {
        format!(
            "it has a space; separate items with commas: {:?}",
            excerpt(&text.split_whitespace().collect::<Vec<_>>().join(","))
        )
    } else if text.contains(is_brace) {
        let plain = text.replace(is_brace, "");
        format!("a comma ends an item within braces too; write each namespace in full, not in braces, as {plain:?}")
    } else if text.contains(|c: char| c.is_ascii_uppercase()) && !text.contains('\\') {
        format!("names of namespaces have no upper-case letters; write {:?}", excerpt(&text.to_ascii_lowercase()))
    } else if !matches!(ItemKind::of(text), ItemKind::Pattern(_)) && text.ends_with('.') {
        format!("a dot alone makes no pattern; write {:?}", excerpt(&format!("{text}*")))
    } else {
        "a name has lower-case letters, digits and dashes, begins and ends with a letter or digit, and has at most 63 \
         characters"
            .to_owned()
    })
}

/// What a pattern that looks like a glob would be as a regular expression. `None`: it does not look like one.
fn glob(text: &str) -> Option<String> {
    let mut regex = String::with_capacity(text.len() + 1);
    let mut before = '\0';
    let mut found = false;
    for c in text.chars() {
        if c == '*' && (before == '-' || before.is_ascii_alphanumeric()) {
            found = true;
            regex.push('.');
        }
        // What follows a backslash is a class or a literal: `\d*`.
        before = if before == '\\' { '\0' } else { c };
        regex.push(c);
    }
    found.then_some(regex)
}
