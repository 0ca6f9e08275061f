//! TRUSTED: what an object's annotations ask for (SPEC 2), read with plain string code.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::carried::labels;
use super::keys::{Globs, Keys};
use super::namespaces::{Named, selector};
use super::{Cluster, Flags, PREFIX, matcher};
use crate::api::object::{Id, Object, Resource};

/// SPEC 2's table, and the annotations of 11.
pub const KNOWN: [&str; 27] = [
    "replicate-from",
    "replicate-to",
    "replicate-to-namespaces",
    "replicate-once",
    "replicate-once-version",
    "replication-allowed",
    "replication-allowed-namespaces",
    "removal-delay",
    "replicated-at",
    "replicated-by",
    "replicated-from-version",
    "replicated-from-origin",
    "replicated-from-allowed",
    "replicate-to-namespace-selector",
    "replication-allowed-namespace-selector",
    "accept-replicas-from",
    "replicate-keys",
    "replication-allowed-keys",
    "replicate-type",
    "replicate-labels",
    "replicate-annotations",
    "replica-labels",
    "paused",
    "removal-approved",
    "replicated-keys",
    "replicated-labels",
    "replicated-annotations",
];

/// How an object's annotations read.
#[derive(Debug)]
pub enum Read {
    /// None is ours.
    Nothing,
    /// The object is left alone, for this annotation.
    Ill(String),
    /// All is well.
    Well(Box<Asks>),
}

/// What well-formed annotations say.
#[derive(Debug, Default)]
pub struct Asks {
    /// The known ones, word for word.
    pub texts: BTreeMap<&'static str, String>,
    /// `replicate-from`, resolved.
    pub from: Option<(String, String)>,
    /// `replicated-by`.
    pub by: Option<(String, String)>,
    /// The push.
    pub push: Option<Push>,
    /// `replicate-once`.
    pub once: bool,
    /// `replication-allowed`.
    pub allowed: Option<bool>,
    /// `replication-allowed-namespaces` and the selector.
    pub allowed_namespaces: Option<Named>,
    /// `paused`.
    pub paused: bool,
    /// `removal-approved`.
    pub approved: bool,
    /// `replicate-type`.
    pub type_: Option<String>,
    /// Any annotation of a push is there, however it reads.
    pub asks_for_a_push: bool,
    /// On a replica: something that says who may pull from it is ill-formed, and passed over.
    pub unsure: bool,
    own: Option<Id>,
}

/// A push.
#[derive(Debug)]
pub struct Push {
    /// Items `namespace/name`.
    qualified: Vec<(String, String)>,
    /// Names that are combined with every item of `namespaces`.
    names: Vec<String>,
    namespaces: Named,
}

/// The annotations of a push.
const PUSH: [&str; 3] = ["replicate-to", "replicate-to-namespaces", "replicate-to-namespace-selector"];

/// What a replica says to those who pull from it.
const SAY_WHO_MAY_PULL: [&str; 7] = [
    "replicate-from",
    "replication-allowed",
    "replication-allowed-namespaces",
    "replication-allowed-namespace-selector",
    "replication-allowed-keys",
    "replicated-from-allowed",
    "replicated-keys",
];

impl Asks {
    /// Whether its push names this target. A replica's own push is ignored (SPEC 3.1).
    #[must_use]
    pub fn names(&self, cluster: &Cluster, target: &Id) -> bool {
        let Some(push) = self.push.as_ref().filter(|_| self.by.is_none()) else { return false };
        let is_qualified =
            |(item, name): &(String, String)| *name == target.name && item_names(item, &target.namespace);
        self.own.as_ref() != Some(target)
            && (push.qualified.iter().any(is_qualified)
                || (push.names.contains(&target.name) && push.namespaces.names(cluster, &target.namespace)))
    }

    /// The names that its push speaks of, in whatever namespace.
    #[must_use]
    pub fn pushed_names(&self) -> BTreeSet<&str> {
        let push = self.push.iter();
        push.flat_map(|push| push.qualified.iter().map(|(_, name)| &**name).chain(push.names.iter().map(|it| &**it)))
            .collect()
    }

    /// Whether it has lost all annotations of a push.
    #[must_use]
    pub fn pushes_nothing_at_all(&self) -> bool {
        !self.asks_for_a_push
    }

    /// SPEC 6.
    #[must_use]
    pub fn holds_a_copy(&self) -> bool {
        self.texts.contains_key("replicated-from-version")
    }

    /// SPEC 7.
    #[must_use]
    pub fn ever_received(&self) -> bool {
        super::pull::WRITTEN.iter().any(|name| self.texts.contains_key(name))
    }
}

/// The items of a list: separated by commas or line feeds, trimmed, empty ones skipped.
#[must_use]
pub fn items(text: &str) -> Vec<String> {
    text.split([',', '\n']).map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn is_literal(item: &str) -> bool {
    item.chars().all(|c| c.is_ascii_digit() || c.is_ascii_lowercase() || matches!(c, '.' | '-'))
}

pub(super) fn is_well_formed(item: &str) -> bool {
    let item = taken_away(item).unwrap_or(item);
    is_literal(item) || matcher::matches(item, "").is_some()
}

/// What an item with `!` takes away, without spaces around it.
fn taken_away(item: &str) -> Option<&str> {
    item.strip_prefix('!').map(str::trim)
}

/// Whether one item, without `!`, names this namespace.
fn item_names(item: &str, namespace: &str) -> bool {
    if is_literal(item) { item == namespace } else { matcher::matches(item, namespace) == Some(true) }
}

/// Whether a list names this namespace: some item does, and no `!` item does.
#[must_use]
pub fn list_names(items: &[String], namespace: &str) -> bool {
    let is_taken_away = |item: &String| taken_away(item).is_some_and(|item| item_names(item, namespace));
    items.iter().any(|item| !item.starts_with('!') && item_names(item, namespace)) && !items.iter().any(is_taken_away)
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.trim() {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// A duration, as far as the simulation's users write them: seconds, minutes, hours.
#[must_use]
pub fn seconds(text: &str) -> Option<Duration> {
    let (number, unit) = text.trim().split_at(text.trim().len().checked_sub(1)?);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return (text.trim() == "0").then_some(Duration::ZERO),
    };
    Some(Duration::from_secs(number.parse::<u64>().ok()? * unit))
}

fn is_name(name: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    !name.is_empty()
        && name.len() <= 253
        && name.starts_with(edge)
        && name.ends_with(edge)
        && is_literal(name)
        && !name.contains("..")
}

fn is_namespace(name: &str) -> bool {
    is_name(name) && name.len() <= 63 && !name.contains('.')
}

fn key(text: &str, own_namespace: Option<&str>) -> Option<(String, String)> {
    let parts: Vec<&str> = text.trim().split('/').collect();
    let (namespace, name) = match (parts.as_slice(), own_namespace) {
        ([name], Some(own)) => (own, *name),
        ([namespace, name], _) => (*namespace, *name),
        _ => return None,
    };
    (is_namespace(namespace) && is_name(name)).then(|| (namespace.to_owned(), name.to_owned()))
}

/// `None`: ill-formed.
fn push(own: &Id, to: Option<&String>, to_namespaces: Option<&String>, labels: Option<&String>) -> Option<Push> {
    let by_labels = match labels {
        Some(text) => Some(selector(text)?),
        None => None,
    };
    let namespaces = match to_namespaces {
        Some(text) => items(text),
        None if by_labels.is_some() => Vec::new(),
        None => vec![own.namespace.clone()],
    };
    if namespaces.iter().any(|item| item.contains('/') || !is_well_formed(item)) {
        return None;
    }
    let (mut qualified, mut names) = (Vec::new(), Vec::new());
    match to {
        None => names.push(own.name.clone()),
        Some(text) => {
            for item in items(text) {
                let parts: Vec<&str> = item.split('/').map(str::trim).collect();
                match parts.as_slice() {
                    [name] if is_name(name) => names.push((*name).to_owned()),
                    [namespace, name] if is_name(name) && !namespace.starts_with('!') && is_well_formed(namespace) => {
                        qualified.push(((*namespace).to_owned(), (*name).to_owned()));
                    }
                    _ => return None,
                }
            }
        }
    }
    Some(Push { qualified, names, namespaces: Named { list: namespaces, selector: by_labels } })
}

/// Reads an object's annotations: well-formed as a whole, or not (SPEC 2, 9.10).
#[must_use]
pub fn read(object: &Object, flags: &Flags) -> Read {
    let mut asks = Asks { own: Some(object.id.clone()), ..Asks::default() };
    let (mut ill, mut is_paused_by_no_text) = (None, false);
    for (key, value) in &object.annotations {
        let Some(name) = key.strip_prefix(PREFIX) else { continue };
        asks.asks_for_a_push |= PUSH.contains(&name);
        match (KNOWN.iter().find(|known| **known == name), std::str::from_utf8(value)) {
            (None, _) if flags.ignore_unknown => {}
            (Some(known), Ok(text)) => drop(asks.texts.insert(known, text.to_owned())),
            (known, _) => {
                is_paused_by_no_text |= known.is_some_and(|known| *known == "paused");
                asks.unsure |= known.is_some_and(|known| SAY_WHO_MAY_PULL.contains(known));
                ill = Some(name.to_owned());
            }
        }
    }
    if asks.texts.is_empty() {
        return ill.map_or(Read::Nothing, Read::Ill);
    }
    let mut unsure = asks.unsure;
    let mut wrong = |name: &str| {
        unsure |= SAY_WHO_MAY_PULL.contains(&name);
        ill = Some(name.to_owned());
    };
    let text = |name: &str| asks.texts.get(name);
    let flag = |name: &str| text(name).map(|text| boolean(text));
    let (once, allowed) = (flag("replicate-once"), flag("replication-allowed"));
    let from = text("replicate-from").map(|text| key(text, Some(&object.id.namespace)));
    let by = text("replicated-by").map(|text| key(text, None));
    let (to, to_namespaces) = (text("replicate-to"), text("replicate-to-namespaces"));
    let to_selector = text("replicate-to-namespace-selector");
    let pushes = to.is_some() || to_namespaces.is_some() || to_selector.is_some();
    let push = pushes.then(|| push(&object.id, to, to_namespaces, to_selector));
    let allowed_namespaces = text("replication-allowed-namespaces").map(|text| items(text));
    let allowed_selector = text("replication-allowed-namespace-selector").map(|text| selector(text));
    let (paused, approved) = (flag("paused"), flag("removal-approved"));
    let type_ = text("replicate-type").map(|text| text.trim().to_owned());
    let from_allowed = text("replicated-from-allowed").map(|text| items(text));
    let delay = text("removal-delay").map(|text| text.trim() == "never" || seconds(text).is_some());

    let lists = [("replication-allowed-namespaces", &allowed_namespaces), ("replicated-from-allowed", &from_allowed)];
    for (name, list) in lists {
        if list.iter().flatten().any(|item| !is_well_formed(item)) {
            wrong(name);
        }
    }
    let itself = Some((object.id.namespace.clone(), object.id.name.clone()));
    for (name, is_wrong) in [
        ("replicate-once", once == Some(None)),
        ("replication-allowed", allowed == Some(None)),
        ("replicate-from", from == Some(None)),
        ("replicate-to", matches!(push, Some(None))),
        ("removal-delay", delay == Some(false)),
        ("replication-allowed-namespace-selector", matches!(allowed_selector, Some(None))),
        ("paused", paused == Some(None)),
        ("removal-approved", approved == Some(None)),
        ("replicate-type", type_.as_ref().is_some_and(|text| text.is_empty() || text.contains(char::is_whitespace))),
        ("accept-replicas-from", text("accept-replicas-from").is_some()),
        ("replicate-keys", text("replicate-keys").is_some_and(|text| Keys::read(text).is_none())),
        ("replicated-keys", text("replicated-keys").is_some_and(|text| Keys::read(text).is_none())),
        ("replication-allowed-keys", text("replication-allowed-keys").is_some_and(|text| Globs::read(text).is_none())),
        ("replicate-labels", text("replicate-labels").is_some_and(|text| Globs::read(text).is_none())),
        ("replicate-annotations", text("replicate-annotations").is_some_and(|text| Globs::read(text).is_none())),
        ("replica-labels", text("replica-labels").is_some_and(|text| labels(text).is_none())),
        // Of a combined object; a replica's own push is ignored.
        ("replicate-from", by.is_none() && pushes && from.is_some() && from.clone().flatten() == itself),
    ] {
        if is_wrong {
            wrong(name);
        }
    }
    // A combined object that names itself as its own creator.
    if by == Some(None) || (pushes && from.is_some() && by.clone().flatten() == itself) {
        return Read::Ill("replicated-by".to_owned());
    }
    asks.by = by.flatten();
    // On a replica the others are the controller's: what is wrong with them is advice, and no more.
    if let Some(name) = ill.filter(|_| asks.by.is_none()) {
        return Read::Ill(name);
    }
    asks.unsure = unsure;
    asks.once = once.flatten().unwrap_or(false);
    asks.allowed = allowed.flatten();
    asks.from = from.flatten();
    asks.push = push.flatten();
    let allowed_selector = allowed_selector.flatten();
    if allowed_namespaces.is_some() || allowed_selector.is_some() {
        let list = allowed_namespaces.unwrap_or_default();
        asks.allowed_namespaces = Some(Named { list, selector: allowed_selector });
    }
    // On a replica one that cannot be read pauses it too.
    asks.paused = paused.is_some_and(|paused| paused.unwrap_or(true)) || is_paused_by_no_text;
    asks.approved = approved.flatten().unwrap_or(false);
    asks.type_ = type_.filter(|_| object.id.resource == Resource::Secret);
    Read::Well(Box::new(asks))
}
