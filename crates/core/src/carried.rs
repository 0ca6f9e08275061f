//! Labels, and annotations that are not this program's, which are copied from a source to its replicas (SPEC 11.6); and those that
//! never are.
//!
//! A source says which of its own are copied (`replicate-labels`, `replicate-annotations`) and what else its replicas get
//! (`replica-labels`). What was set on a replica is noted there by name (`replicated-labels`, `replicated-annotations`), so that
//! it is taken off when it is not asked for any more, and what others set stays. Of all labels and annotations the graph keeps
//! only these: of a source what is copied, of a replica what was set.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::annotations::{Annotation, Dialect, IllFormed, Marks};
use crate::glob::Globs;
use crate::labels;
use crate::pattern::items;

/// A mark by which other tools own, prune or adopt objects: a replica that had it would be taken for theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Keys with this prefix before their slash.
    Domain(&'static str),
    /// The same, and those with a subdomain of it.
    Subdomains(&'static str),
    /// Keys that begin like this.
    Prefix(&'static str),
}

/// Labels and annotations that are never copied to a replica, besides this program's own annotations.
pub const NEVER_COPIED: [Mark; 17] = [
    // Kubernetes' own, and what its controllers own objects by; `kubectl.kubernetes.io/last-applied-configuration` holds data.
    Mark::Subdomains("kubernetes.io"),
    Mark::Subdomains("k8s.io"),
    // Argo CD, Flux, Helm, kapp, kpt and Fleet track, adopt and prune by them.
    Mark::Domain("argocd.argoproj.io"),
    Mark::Subdomains("toolkit.fluxcd.io"),
    Mark::Domain("fluxcd.controlplane.io"),
    Mark::Domain("meta.helm.sh"),
    Mark::Domain("helm.sh"),
    Mark::Domain("kapp.k14s.io"),
    Mark::Domain("config.k8s.io"),
    Mark::Domain("objectset.rio.cattle.io"),
    Mark::Prefix("olm."),
    // Controllers that make and delete objects by them.
    Mark::Domain("generate.kyverno.io"),
    Mark::Domain("projectcapsule.dev"),
    Mark::Subdomains("cert-manager.io"),
    Mark::Prefix("kopf.zalando.org"),
    Mark::Domain("pulumi.com"),
    // This program's annotations, where it runs under another prefix.
    Mark::Domain("k8s-replicator"),
];

/// Labels of Kubernetes that only describe an application, so that they may be copied.
const DESCRIBES: [&str; 4] =
    ["app.kubernetes.io/name", "app.kubernetes.io/component", "app.kubernetes.io/part-of", "app.kubernetes.io/version"];

impl Mark {
    fn is_on(self, key: &str) -> bool {
        let prefix = key.split_once('/').map(|(prefix, _)| prefix);
        match self {
            Self::Domain(domain) => prefix == Some(domain),
            Self::Subdomains(domain) => prefix
                .and_then(|prefix| prefix.strip_suffix(domain))
                .is_some_and(|before| before.is_empty() || before.ends_with('.')),
            Self::Prefix(prefix) => key.starts_with(prefix),
        }
    }
}

/// Whether a label or annotation with this key is never copied to a replica, whatever the source asks for.
#[must_use]
pub fn is_never_copied(key: &str, dialect: &Dialect) -> bool {
    dialect.is_own(key) || is_mark(key)
}

/// Whether this is the key of another tool's mark.
#[must_use]
pub fn is_mark(key: &str) -> bool {
    !crate::bug!(MarksCopied) && !DESCRIBES.contains(&key) && NEVER_COPIED.iter().any(|mark| mark.is_on(key))
}

/// The most labels, and the most annotations, that a source has copied to its replicas, and the most of `replica-labels`. An object has
/// room for 60,000 of them, and every decision about every replica goes through all.
pub const MAX_CARRIED: usize = 128;
/// So many names of a note are read: the labels that are copied, and those of `replica-labels`.
const MAX_NOTED: usize = 2 * MAX_CARRIED;

/// Labels or annotations, in the order of their keys.
pub type Map = BTreeMap<Arc<str>, Arc<str>>;

/// The labels and annotations of one object that the graph keeps: all that its replicas need.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Carried {
    /// Labels.
    pub labels: Map,
    /// Annotations.
    pub annotations: Map,
}

impl Carried {
    /// Nothing.
    pub(crate) const EMPTY: Self = Self { labels: Map::new(), annotations: Map::new() };

    /// Whether an object with these annotations copies labels and annotations to its replicas, or is a replica with copied ones.
    pub(crate) fn is_asked_for(marks: &Marks) -> bool {
        [
            Annotation::ReplicateLabels,
            Annotation::ReplicateAnnotations,
            Annotation::ReplicatedLabels,
            Annotation::ReplicatedAnnotations,
        ]
        .iter()
        .any(|annotation| marks.text(*annotation).is_some())
    }

    /// The labels and annotations that are kept of an object with these marks. `None`: none.
    ///
    /// # Errors
    /// When it is a source, and has more of them copied than [`MAX_CARRIED`].
    pub(crate) fn read<'a>(
        marks: &Marks,
        dialect: &Dialect,
        labels: impl Iterator<Item = (&'a str, &'a str)>,
        annotations: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Option<Box<Self>>, IllFormed> {
        let carried = Self {
            labels: keep(marks, Annotation::ReplicateLabels, Annotation::ReplicatedLabels, dialect, labels)?,
            annotations: keep(
                marks,
                Annotation::ReplicateAnnotations,
                Annotation::ReplicatedAnnotations,
                dialect,
                annotations,
            )?,
        };
        Ok((carried != Self::default()).then(|| Box::new(carried)))
    }
}

/// Those that a replica notes as set, or else those that a source asks to be copied. (What a replica asks for does not count:
/// its push is ignored.)
fn keep<'a>(
    marks: &Marks,
    asks: Annotation,
    notes: Annotation,
    dialect: &Dialect,
    all: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Map, IllFormed> {
    let own = |(key, value): (&str, &str)| (Arc::from(key), Arc::from(value));
    if marks.replicated_by.is_some() {
        let Some(noted) = marks.text(notes) else { return Ok(Map::new()) };
        // The controller never notes more. What somebody else added to the note is passed over.
        let noted: HashSet<&str> = noted_names(noted).take(MAX_NOTED).collect();
        // Anyone can edit `replicated-labels`: a key of other tools, or of this program, in it must not lead to its removal.
        let was_set = |(key, _): &(&str, &str)| noted.contains(key) && !is_never_copied(key, dialect);
        let own = |(key, value): (&str, &str)| (Arc::from(key), kept(value));
        return Ok(all.filter(was_set).map(own).collect());
    }
    let Some(globs) = marks.text(asks).and_then(|text| Globs::parse(text).ok()) else { return Ok(Map::new()) };
    let is_copied = |(key, value): &(&str, &str)| globs.names(key) && !is_never_copied(key, dialect) && is_text(value);
    let copied: Map = all.filter(is_copied).take(MAX_CARRIED + 1).map(own).collect();
    if copied.len() > MAX_CARRIED { Err(IllFormed::TooManyCarried { annotation: asks }) } else { Ok(copied) }
}

/// Whether a value is what its author wrote. Where an object has bytes that are no UTF-8, the API server's JSON has replacement characters in
/// their place, and its protobuf the bytes, which are nothing to this program (SPEC 2): neither is copied.
fn is_text(value: &str) -> bool {
    !value.contains(char::REPLACEMENT_CHARACTER)
}

/// What the graph keeps of a value on a replica: the value, or the hash of a long one, which is enough to compare it with the
/// source's. There may be thousands of replicas with one long value.
pub(crate) fn kept(value: &str) -> Arc<str> {
    const LONG: usize = 64;
    if value.len() <= LONG {
        return value.into();
    }
    // No label's value contains NUL. An annotation's may, but then only its own comparison is wrong.
    Sha256::digest(value).iter().fold("\0".to_owned(), |text, byte| text + &format!("{byte:02x}")).into()
}

/// The names that `replicated-labels` or `replicated-annotations` note.
pub(crate) fn noted_names(text: &str) -> impl Iterator<Item = &str> {
    items(text).map(|(_, item)| item)
}

/// The value of `replicated-labels` or `replicated-annotations` for what is set. `None`: nothing is.
pub(crate) fn note(map: &Map) -> Option<Arc<str>> {
    let names: Vec<&str> = map.keys().map(|key| &**key).collect();
    (!names.is_empty()).then(|| names.join(",").into())
}

/// What is wrong with `replica-labels`. `None`: nothing.
pub(crate) fn problem_of_labels(text: &str) -> Option<String> {
    // As in `labels::parse`, empty items do not count.
    if text.split(',').filter(|item| !item.trim().is_empty()).nth(MAX_CARRIED).is_some() {
        return Some(format!("more than {MAX_CARRIED} labels"));
    }
    let Some(labels) = labels::parse(text) else {
        return Some("expected legal labels as \"key=value\", separated by commas".to_owned());
    };
    let mark = labels.keys().find(|key| is_mark(key))?;
    Some(format!("{mark:?} is a mark by which other tools own objects, which no replica gets"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Key;

    /// SPEC 11.6, with an example of each.
    #[test]
    fn marks_of_other_tools_are_never_copied() {
        let dialect = Dialect::new("acme.io/", false);
        let never = [
            "acme.io/anything",
            "k8s-replicator/replicate-to",
            "kubernetes.io/metadata.name",
            "kubectl.kubernetes.io/last-applied-configuration",
            "app.kubernetes.io/instance",
            "app.kubernetes.io/managed-by",
            "pod-security.kubernetes.io/enforce",
            "applyset.k8s.io/part-of",
            "addons.k8s.io/x",
            "argocd.argoproj.io/tracking-id",
            "kustomize.toolkit.fluxcd.io/name",
            "helm.toolkit.fluxcd.io/name",
            "fluxcd.controlplane.io/name",
            "meta.helm.sh/release-name",
            "helm.sh/hook",
            "kapp.k14s.io/app",
            "config.k8s.io/owning-inventory",
            "objectset.rio.cattle.io/hash",
            "olm.owner",
            "generate.kyverno.io/rule-name",
            "projectcapsule.dev/tenant",
            "cert-manager.io/certificate-name",
            "controller.cert-manager.io/fao",
            "kopf.zalando.org/last-handled-configuration",
            "pulumi.com/autonamed",
        ];
        let copied = [
            "app",
            "team",
            "app.kubernetes.io/name",
            "app.kubernetes.io/component",
            "app.kubernetes.io/part-of",
            "app.kubernetes.io/version",
            "velero.io/exclude-from-backup",
            "reloader.stakater.com/match",
            "mykubernetes.io/x",
            "helm.sh.example.com/x",
            "notcert-manager.io/x",
            "kubernetes.io",
        ];
        for key in never {
            assert!(is_never_copied(key, &dialect), "{key}");
        }
        for key in copied {
            assert!(!is_never_copied(key, &dialect), "{key}");
        }
        let bare = Dialect::new("", false);
        assert!(is_never_copied("replicate-to", &bare) && !is_never_copied("team", &bare));
    }

    fn read(annotations: &[(&str, &str)]) -> Option<Box<Carried>> {
        let dialect = Dialect::new("k8s-replicator/", false);
        let marks = Marks::parse(&Key::new("a", "x").unwrap(), annotations.iter().copied()).unwrap()?;
        let labels = [("team", "red"), ("app.color", "blue"), ("helm.sh/chart", "c")];
        let others =
            [("note", "n"), ("no-utf-8", "\u{fffd}x"), ("kubectl.kubernetes.io/last-applied-configuration", "secret")];
        Carried::read(&marks, &dialect, labels.into_iter(), others.into_iter()).unwrap()
    }

    #[test]
    fn only_what_is_asked_for_or_was_set_is_kept() {
        let shown = |carried: Option<Box<Carried>>| {
            let carried = carried?;
            let names =
                |map: &Map| map.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",");
            Some(format!("{} {}", names(&carried.labels), names(&carried.annotations)))
        };
        type Case = (&'static [(&'static str, &'static str)], Option<&'static str>);
        let cases: [Case; 8] = [
            (&[], None),
            (&[("replicate-to", "b/x")], None),
            (&[("replicate-to", "b/x"), ("replicate-labels", "*")], Some("app.color=blue,team=red ")),
            (&[("replicate-to", "b/x"), ("replicate-labels", "*,!team")], Some("app.color=blue ")),
            (&[("replicate-to", "b/x"), ("replicate-annotations", "*")], Some(" note=n")),
            (&[("replicate-to", "b/x"), ("replicate-labels", "helm.sh/chart")], None),
            (&[("replicated-by", "b/x"), ("replicated-labels", "gone,team")], Some("team=red ")),
            (&[("replicated-by", "b/x"), ("replicate-labels", "*")], None),
        ];
        for (annotations, expected) in cases {
            assert_eq!(shown(read(annotations)).as_deref(), expected, "{annotations:?}");
        }
    }

    #[test]
    fn of_long_values_a_digest_is_kept() {
        let long = "x".repeat(65);
        assert_eq!((&*kept("x"), kept(&long).len()), ("x", 65));
        assert_ne!(kept(&long), kept(&"x".repeat(66)));
        let noted =
            [("replicated-by", "b/x"), ("replicated-annotations", "k8s-replicator/replicated-by,helm.sh/chart")];
        assert_eq!(read(&noted), None, "marks are nobody's to take off");
    }

    #[test]
    fn labels_of_replicas_are_legal_and_no_marks() {
        assert_eq!(problem_of_labels("a=b, c=d"), None);
        assert_eq!(problem_of_labels(""), None);
        assert!(problem_of_labels("a").unwrap().starts_with("expected legal labels"));
        assert!(
            problem_of_labels("a=b,argocd.argoproj.io/instance=c").unwrap().contains("argocd.argoproj.io/instance")
        );
    }

    /// Every decision about every replica goes through all of them.
    #[test]
    fn only_so_many_are_copied_or_given() {
        let dialect = Dialect::new("k8s-replicator/", false);
        let read = |annotations: &[(&str, &str)], count: usize| {
            let marks = Marks::parse(&Key::new("a", "x").unwrap(), annotations.iter().copied()).unwrap().unwrap();
            let all: Vec<String> = (0..count).map(|n| format!("l{n:03}")).collect();
            let all = || all.iter().map(|key| (key.as_str(), ""));
            let read = Carried::read(&marks, &dialect, all(), all());
            read.map(|carried| carried.map_or((0, 0), |carried| (carried.labels.len(), carried.annotations.len())))
        };
        let labels = [("replicate-to", "b/x"), ("replicate-labels", "*")];
        assert_eq!(read(&labels, MAX_CARRIED), Ok((MAX_CARRIED, 0)));
        let annotation = Annotation::ReplicateLabels;
        assert_eq!(read(&labels, MAX_CARRIED + 1), Err(IllFormed::TooManyCarried { annotation }));
        let annotations = [("replicate-to", "b/x"), ("replicate-annotations", "l*")];
        let error = read(&annotations, 1_000).unwrap_err();
        assert_eq!(
            error.to_string(),
            "replicate-annotations: it names more than 128 labels or annotations of the object; expected fewer"
        );
        let noted = (0..1_000).map(|n| format!("l{n:03}")).collect::<Vec<_>>().join(",");
        let replica = [("replicated-by", "b/x"), ("replicated-labels", noted.as_str())];
        assert_eq!(read(&replica, 1_000), Ok((2 * MAX_CARRIED, 0)), "a replica is not ill-formed because of it");

        let given = |count: usize| (0..count).map(|n| format!("l{n}=v,,")).collect::<String>();
        assert_eq!(problem_of_labels(&given(MAX_CARRIED)), None);
        assert_eq!(problem_of_labels(&given(MAX_CARRIED + 1)).as_deref(), Some("more than 128 labels"));
        let docs = include_str!("../../../docs/annotations.md");
        let what =
            "labels that one source has copied to its replicas, and annotations, and labels of `replica-labels`, each";
        assert!(docs.contains(&format!("| {what} | {MAX_CARRIED} |")), "{what}");
    }
}
