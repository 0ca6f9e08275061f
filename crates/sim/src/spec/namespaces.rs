//! TRUSTED: which namespaces annotations name, and the annotations of Namespaces (SPEC 11.3, 11.4, 11.7).

use std::collections::BTreeSet;

use super::asks::{boolean, is_well_formed, items, list_names};
use super::{Cluster, Flags, PREFIX};
use crate::api::object::{Id, Object};

/// What a list and a label selector name together.
#[derive(Debug, Default)]
pub struct Named {
    /// The list.
    pub list: Vec<String>,
    /// The selector's requirements, if there is one.
    pub selector: Option<Vec<Requirement>>,
}

/// One requirement of a selector.
#[derive(Debug)]
pub struct Requirement {
    label: String,
    /// The label has one of these values; `None`: any, or (`negated`) it is not there.
    values: Option<BTreeSet<String>>,
    negated: bool,
}

impl Named {
    /// Whether this namespace is named: by the list or by its labels, and by no item with `!`.
    #[must_use]
    pub fn names(&self, cluster: &Cluster, namespace: &str) -> bool {
        let mut with_this = self.list.clone();
        if self.selector.as_ref().is_some_and(|selector| selects(selector, cluster, namespace)) {
            with_this.push(namespace.to_owned());
        }
        list_names(&with_this, namespace)
    }
}

/// An empty selector names nothing.
fn selects(selector: &[Requirement], cluster: &Cluster, namespace: &str) -> bool {
    let object = cluster.get(&Id::of_namespace(namespace));
    let label = |key: &str| match key {
        "kubernetes.io/metadata.name" => Some(namespace.to_owned()),
        key => object.and_then(|object| object.labels.get(key).cloned()),
    };
    let holds = |requirement: &Requirement| match (&requirement.values, label(&requirement.label)) {
        (None, value) => value.is_some() != requirement.negated,
        (Some(values), value) => value.is_some_and(|value| values.contains(&value)) != requirement.negated,
    };
    !selector.is_empty() && selector.iter().all(holds)
}

/// Reads a selector, as far as the simulation's users write them. `None`: it is ill-formed.
#[must_use]
pub fn selector(text: &str) -> Option<Vec<Requirement>> {
    // Commas within parentheses separate values.
    let mut parts = vec![String::new()];
    let mut is_within = false;
    for c in text.chars() {
        match c {
            ',' if !is_within => parts.push(String::new()),
            c => {
                is_within = (is_within || c == '(') && c != ')';
                parts.last_mut()?.push(c);
            }
        }
    }
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    parts.iter().map(|part| requirement(part.trim())).collect()
}

fn requirement(text: &str) -> Option<Requirement> {
    let (label, values, negated) = if let Some((label, values)) = text.split_once(" notin ") {
        (label, Some(values), true)
    } else if let Some((label, values)) = text.split_once(" in ") {
        (label, Some(values), false)
    } else if let Some((label, value)) = text.split_once("!=") {
        return checked(label, Some(vec![value]), true);
    } else if let Some((label, value)) = text.split_once('=') {
        return checked(label, Some(vec![value.strip_prefix('=').unwrap_or(value)]), false);
    } else if let Some(label) = text.strip_prefix('!') {
        (label, None, true)
    } else {
        (text, None, false)
    };
    let values = match values {
        Some(values) => Some(values.trim().strip_prefix('(')?.strip_suffix(')')?.split(',').collect()),
        None => None,
    };
    checked(label, values, negated)
}

fn checked(label: &str, values: Option<Vec<&str>>, negated: bool) -> Option<Requirement> {
    let is_word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    let label = label.trim().to_owned();
    let values: Option<BTreeSet<String>> = values.map(|values| values.iter().map(|it| it.trim().to_owned()).collect());
    let is_fine = !label.is_empty() && is_word(&label) && values.iter().flatten().all(|value| is_word(value));
    is_fine.then_some(Requirement { label, values, negated })
}

/// Whether nothing at all is written in a namespace: it is excluded or paused, or what it says is ill-formed.
#[must_use]
pub fn is_left_alone(cluster: &Cluster, flags: &Flags, namespace: &str) -> bool {
    let excluded = list_names(&items(flags.exclude_namespaces), namespace);
    let says = cluster.get(&Id::of_namespace(namespace)).map(|object| says(object));
    excluded || says.is_some_and(|says| says.is_none_or(|says| says.paused))
}

/// Whether a source of one namespace may push into another.
#[must_use]
pub fn accepts(cluster: &Cluster, flags: &Flags, from: &str, into: &str) -> bool {
    let says = cluster.get(&Id::of_namespace(into)).and_then(|object| says(object));
    from == into
        || match says.and_then(|says| says.accepts) {
            Some(list) => list_names(&list, from),
            None => !flags.require_acceptance,
        }
}

struct Says {
    paused: bool,
    accepts: Option<Vec<String>>,
}

/// `None`: it is ill-formed.
fn says(namespace: &Object) -> Option<Says> {
    let text = |name: &str| match namespace.annotations.get(&format!("{PREFIX}{name}")) {
        None => Some(None),
        Some(bytes) => std::str::from_utf8(bytes).ok().map(Some),
    };
    let paused = match text("paused")? {
        None => false,
        Some(text) => boolean(text)?,
    };
    let accepts = match text("accept-replicas-from")? {
        None => None,
        Some(text) if text.trim() == "-" => Some(Vec::new()),
        Some(text) => Some(items(text)),
    };
    let is_fine = |item: &String| !item.contains('/') && is_well_formed(item);
    accepts.iter().flatten().all(is_fine).then_some(Says { paused, accepts })
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn selectors_select_by_labels() {
        let mut namespace = Object::new(Id::of_namespace("shop"));
        namespace.labels.insert("env".to_owned(), "prod".to_owned());
        let cluster = Cluster::from([(namespace.id.clone(), Rc::new(namespace))]);
        for (text, expected) in [
            ("env=prod", Some(true)),
            ("env==prod", Some(true)),
            ("env!=prod", Some(false)),
            ("tier!=web", Some(true)),
            ("env in (prod, stage)", Some(true)),
            ("env notin (prod)", Some(false)),
            ("env", Some(true)),
            ("!env", Some(false)),
            ("!legacy", Some(true)),
            ("env in (prod,stage),!legacy", Some(true)),
            ("env=prod,legacy", Some(false)),
            ("kubernetes.io/metadata.name=shop", Some(true)),
            ("", Some(false)),
            ("env in prod", None),
            ("env prod", None),
            ("=x", None),
        ] {
            assert_eq!(selector(text).map(|it| selects(&it, &cluster, "shop")), expected, "{text}");
        }
    }
}
