//! What annotations mean, compared with the simulation's reading of SPEC 2, 5.8 and 11 (`k8s_replicator_sim::spec`), which is naive and
//! shares no code with core's.

use std::rc::Rc;

use k8s_replicator_core::annotations::Marks;
use k8s_replicator_core::names::{Namespace, SourceKey};
use k8s_replicator_core::namespace::NamespaceFacts;
use k8s_replicator_core::observed::Annotated;
use k8s_replicator_core::pattern::NamespaceList;
use k8s_replicator_sim::api::object::{Id, Object};
use k8s_replicator_sim::spec::asks::{Asks, Read, items, read};
use k8s_replicator_sim::spec::pull::narrowed;
use k8s_replicator_sim::spec::{Cluster, Flags, Note, PREFIX};

use crate::texts::is_plain;

/// Namespaces about which both readings are asked, each with the value of its label `env`.
const NAMESPACES: [(&str, &str); 6] =
    [("a", "prod"), ("b", ""), ("ab", "test"), ("team-1", "prod"), ("prod", "a"), ("0", "0")];
/// Names of objects about which both readings are asked.
const NAMES: [&str; 6] = ["x", "y", "z", "a", "prod", "x-y"];
/// The longest value that is compared, and the most stars in an item of it: core bounds what it reads of more.
const LONGEST: usize = 300;
const MOST_STARS: usize = 3;
/// The same for dots beside a star: an automaton has to remember what each of them passed over.
const MOST_DOTS: usize = 8;
/// A list of more items than this may be too large for the program: it reads 32 patterns.
const MOST_ITEMS: usize = 24;

/// Whether the naive reading understands this annotation as the real one does. (What it does not understand its documentation says: "as far
/// as the simulation's users write it".)
fn is_common(name: &str, value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return true };
    let letter = |c: char| c.is_ascii_alphanumeric();
    // Words that end in letters or digits, as the parts of names and labels have to.
    let words = |marks: &'static str| {
        let is_edge = |part: &str| {
            part.is_empty()
                || (part.starts_with(letter) && part.ends_with(letter) && !part.contains("..")) && part.len() < 60
        };
        text.chars().all(|c| letter(c) || c == '-' || c == ' ' || marks.contains(c))
            && text.split(|c: char| !letter(c) && c != '-').all(is_edge)
    };
    text.len() <= LONGEST
        && text.split([',', '\n']).all(is_small)
        && match name {
            // Kept word for word.
            "replicate-once-version" | "replicated-at" | "replicated-from-version" | "replicated-from-origin" => true,
            "replicate-once" | "replication-allowed" | "paused" | "removal-approved" | "accept-replicas-from" => true,
            "replicate-type" => text.is_ascii() && !text.contains(|c: char| c.is_control()),
            "removal-delay" => {
                let text = text.trim();
                let digits = text.bytes().take_while(u8::is_ascii_digit).count();
                matches!(text, "never" | "0" | "")
                    || ((1..7).contains(&digits) && matches!(&text[digits..], "s" | "m" | "h"))
            }
            "replicate-from" | "replicated-by" => words("/.") && text.is_ascii(),
            "replicate-to"
            | "replicate-to-namespaces"
            | "replication-allowed-namespaces"
            | "replicated-from-allowed" => {
                text.split('/').all(is_plain) && !text.contains("-.") && !text.contains(".-")
            }
            "replicate-keys"
            | "replicated-keys"
            | "replication-allowed-keys"
            | "replicate-labels"
            | "replicate-annotations" => words(".,*!:\n") && !text.contains(". ") && !text.contains("/"),
            "replica-labels" => words(",="),
            "replicate-to-namespace-selector" | "replication-allowed-namespace-selector" => is_simple_selector(text),
            // It is unknown to both.
            _ => true,
        }
}

/// Whether a pattern is far from the size of automaton that the program refuses, and the naive reading does not.
fn is_small(item: &str) -> bool {
    let stars = item.matches('*').count();
    stars <= MOST_STARS && (stars == 0 || item.matches('.').count() <= MOST_DOTS)
}

/// `a`, `!a`, `a=b`, `a!=b`, `a in (b,c)`, `a notin (b)`, separated by commas.
fn is_simple_selector(text: &str) -> bool {
    let is_word = |word: &str| {
        let letters = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        letters && (1..60).contains(&word.len()) && !["in", "notin"].contains(&word)
    };
    let mut rest = text;
    loop {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '!')).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if !is_word(word.strip_prefix('!').unwrap_or(word)) {
            return false;
        }
        let is_negated = word.starts_with('!');
        let value = after.strip_prefix("!=").or_else(|| after.strip_prefix("==")).or_else(|| after.strip_prefix('='));
        let set = after.strip_prefix(" in (").or_else(|| after.strip_prefix(" notin ("));
        rest = match (value, set) {
            (Some(value), _) if !is_negated => {
                let (value, rest) = value.split_at(value.find(',').unwrap_or(value.len()));
                if !is_word(value) {
                    return false;
                }
                rest
            }
            (_, Some(set)) if !is_negated => {
                let Some((values, rest)) = set.split_once(')') else { return false };
                if !values.split(',').all(is_word) {
                    return false;
                }
                rest
            }
            _ => after,
        };
        match rest.strip_prefix(',') {
            _ if rest.is_empty() => return true,
            Some(more) => rest = more,
            None => return false,
        }
    }
}

/// The naive reading of the object's annotations is the real one.
pub(crate) fn is_the_same(object: &Object, annotated: &Annotated) {
    let ours = object.annotations.iter().filter_map(|(key, value)| Some((key.strip_prefix(PREFIX)?, value)));
    if !ours.clone().all(|(name, value)| is_common(name, value)) {
        return;
    }
    let flags = Flags::default();
    match (read(object, &flags), annotated) {
        (Read::Nothing, Annotated::Not) | (Read::Ill(_), Annotated::Ill(_)) => {}
        (Read::Well(asks), Annotated::Well(marks)) => same(object, &asks, marks),
        (naive, real) => panic!("{:?}: read naively {naive:?}, else {real:?}", ours.collect::<Vec<_>>()),
    }
}

fn same(object: &Object, asks: &Asks, marks: &Marks) {
    let key = |key: &Option<(String, String)>| key.as_ref().map(|(namespace, name)| format!("{namespace}/{name}"));
    let text = |key: &Option<SourceKey>| key.as_ref().map(|key| key.as_str().to_owned());
    assert_eq!((key(&asks.from), key(&asks.by)), (text(&marks.replicate_from), text(&marks.replicated_by)));
    assert_eq!(
        (asks.once, asks.allowed, asks.paused, asks.approved, asks.holds_a_copy()),
        (marks.once, marks.allowed, marks.paused, marks.removal_approved, marks.from_version.is_some()),
    );
    assert_eq!(asks.unsure, marks.unsure);
    let mut cluster = Cluster::new();
    for (name, env) in NAMESPACES {
        let mut namespace = Object::new(Id::of_namespace(name));
        namespace.labels.insert("env".to_owned(), env.to_owned());
        cluster.insert(namespace.id.clone(), Rc::new(namespace));
    }
    for (namespace, env) in NAMESPACES {
        let facts = NamespaceFacts::read(false, [("env", env)].into_iter(), std::iter::empty());
        for name in NAMES {
            let target = Id::new(object.id.resource, namespace, name);
            let pushes = marks.effective_push().is_some_and(|push| {
                push.literal_names_in(namespace).any(|literal| literal == name)
                    || push
                        .parts()
                        .iter()
                        .any(|part| part.names().any(|one| one == name) && part.namespaces().names(namespace, &facts))
            });
            let is_itself = target == object.id;
            assert_eq!(asks.names(&cluster, &target), pushes && !is_itself, "{target} is pushed to");
        }
        let naive = asks.allowed_namespaces.as_ref().map(|named| named.names(&cluster, namespace));
        let real = marks.allowed_namespaces.as_ref().map(|selection| selection.names(namespace, &facts));
        assert_eq!(naive, real, "{namespace} may pull");
    }
    if !asks.unsure {
        let handed_down = marks.handed_down();
        is_narrowed(asks, &handed_down);
        assert!(NamespaceList::parse(&handed_down).is_ok(), "{handed_down:?} can be read again");
    }
}

/// `replicated-from-allowed` below an object with these annotations (SPEC 5.8) is what the naive reading says, in any order. (A name that no
/// namespace can have names nothing, so that it may be left out: such lists are not compared.)
pub(crate) fn is_narrowed(asks: &Asks, real: &str) {
    let is_odd = |item: &str| {
        let is_literal =
            item.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte));
        is_literal && Namespace::parse(item).is_err()
    };
    let lists = ["replication-allowed-namespaces", "replicated-from-allowed"].map(|name| asks.texts.get(name));
    if lists.iter().flatten().any(|text| items(text).iter().any(|item| is_odd(item.trim_start_matches('!').trim()))) {
        return;
    }
    match narrowed(asks) {
        Note::Is(text) => assert_eq!(text, real),
        Note::Items(mut naive) => {
            let mut real = items(real);
            // Of what would be too large to read nothing is allowed (`docs/annotations.md`).
            if naive.len() > MOST_ITEMS && real == ["-"] {
                return;
            }
            naive.sort();
            real.sort();
            assert_eq!(naive, real);
        }
        other => panic!("{other:?}"),
    }
}
