//! Manifests, as `plan` reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_replicator::commands::drawn;
use k8s_replicator_core::annotations::Dialect;
use k8s_replicator_core::decide::Rules;
use k8s_replicator_core::kind;
use k8s_replicator_core::names::Namespace;
use k8s_replicator_core::scope::Scope;
use k8s_replicator_plan::planner::Flags;
use k8s_replicator_plan::{Manifest, Manifests, Place, Question, Reader, Report, plan};
use serde_json::Value;

/// The longest input that is looked at.
const LONGEST: usize = 32 << 10;
/// The namespace of objects that say none.
const NAMESPACE: &str = "default";
/// Namespaces that are taken to exist.
const NAMESPACES: [&str; 4] = ["a", "b", "team-1", "prod"];
/// An input that begins like this is deleted, and not applied.
const DELETES: &str = "# delete";

/// A file of manifests: each object is read as another reader of YAML reads it, or is told as a problem; positions are in the file; the
/// plan can be made, and drawn in every form; none shows a value of a Secret, and none moves a terminal's cursor.
pub(crate) fn manifests(data: &[u8]) {
    let Some(text) = std::str::from_utf8(data).ok().filter(|text| text.len() <= LONGEST) else { return };
    let (dialect, namespace) =
        (Dialect::new("k8s-replicator/", false), Namespace::parse(NAMESPACE).expect("a namespace"));
    let mut manifests = Manifests::default();
    Reader { dialect: &dialect, namespace: &namespace }.read("m.yaml", text, &mut manifests);
    let rules = Rules { removal_delay: Duration::from_secs(5), ..Rules::default() };
    let flags = Flags { dialect, rules, scope: Scope::Cluster, kinds: kind::ALL.to_vec() };
    let report = plan(Question {
        manifests: &manifests,
        deletes: text.starts_with(DELETES),
        cluster: None,
        namespaces: NAMESPACES.map(str::to_owned).into(),
        flags_now: None,
        flags: &flags,
    });
    are_in(text, &manifests, &report);
    if let Some(others) = read_by_another(text).filter(|_| manifests.problems.is_empty()) {
        let ours: Vec<One> = manifests.objects.iter().map(One::of).collect();
        assert_eq!(ours, others);
    }
    let values = values(text);
    for (form, drawing) in drawn(&report).expect("a plan can be drawn") {
        let odd = drawing.chars().find(|character| character.is_control() && *character != '\n');
        assert_eq!(odd, None, "as {form}: {drawing:?}");
        for value in &values {
            assert!(!drawing.contains(value.as_str()), "{value:?} is shown as {form}: {drawing:?}");
        }
    }
}

/// All places are in the text, and what they show is what stands there.
fn are_in(text: &str, manifests: &Manifests, report: &Report) {
    // A carriage return alone ends a line, too (YAML 1.2, 5.4).
    let lines = text.replace("\r\n", "\n").split(['\n', '\r']).count();
    let of_manifests =
        manifests.objects.iter().flat_map(|object| std::iter::once(&object.place).chain(object.places.values()));
    let of_report = report
        .problems
        .iter()
        .map(|problem| &problem.place)
        .chain(report.findings.iter().flat_map(|finding| finding.place.iter().chain(&finding.other)));
    for Place { line, column, excerpt, .. } in of_manifests.chain(of_report) {
        assert!((1..=lines + 1).contains(line) && *column >= 1, "line {line}, column {column} of {lines} lines");
        let Some(excerpt) = excerpt else { continue };
        for shown in &excerpt.lines {
            let shown = shown.trim_start().trim_end_matches('…').trim_end();
            assert!(text.contains(shown), "{shown:?} does not stand there");
        }
        let (from, to) = excerpt.mark;
        assert!(excerpt.lines.first().is_none_or(|line| line.get(from..to).is_some()), "{excerpt:?}");
    }
}

/// What is compared of an object: its kind and name, labels and annotations.
#[derive(Debug, PartialEq, Eq)]
struct One(String, String, BTreeMap<String, String>, BTreeMap<String, String>);

impl One {
    fn of(manifest: &Manifest) -> Self {
        let Manifest { kind, key, labels, annotations, .. } = manifest;
        Self(kind.name().to_owned(), key.to_string(), labels.clone(), annotations.clone())
    }
}

/// The Secrets and ConfigMaps of a text, read by another library. `None`: it has something that the two take differently on purpose, or
/// that an API server does not accept.
fn read_by_another(text: &str) -> Option<Vec<One>> {
    const OWN: [char; 8] = ['&', '*', '!', '<', '%', '?', '\t', '\u{feff}'];
    if text.contains(OWN) {
        return None;
    }
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).ok()?;
    let mut found = Vec::new();
    for document in documents.iter().filter(|document| document["apiVersion"] == "v1") {
        let kind = document["kind"].as_str()?;
        if kind.ends_with("List") {
            return None;
        }
        if !["Secret", "ConfigMap"].contains(&kind) {
            continue;
        }
        let metadata = &document["metadata"];
        let Value::String(name) = &metadata["name"] else { return None };
        let namespace = match &metadata["namespace"] {
            Value::Null => NAMESPACE,
            Value::String(namespace) if namespace.is_empty() => NAMESPACE,
            Value::String(namespace) => namespace,
            _ => return None,
        };
        let (labels, annotations) = (texts(&metadata["labels"])?, texts(&metadata["annotations"])?);
        found.push(One(kind.to_owned(), format!("{namespace}/{name}"), labels, annotations));
    }
    Some(found)
}

fn texts(map: &Value) -> Option<BTreeMap<String, String>> {
    let text = |value: &Value| match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    };
    match map {
        Value::Null => Some(BTreeMap::new()),
        Value::Object(map) => map.iter().map(|(key, value)| Some((key.clone(), text(value)?))).collect(),
        _ => None,
    }
}

/// The values of the Secrets in a text, as that other library reads it: those that stand there once, so that they are nothing else as well.
fn values(text: &str) -> BTreeSet<String> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_default();
    let items = documents.iter().flat_map(|document| {
        let items =
            document["items"].as_array().filter(|_| document["kind"] == "List" || document["kind"] == "SecretList");
        items.map_or_else(|| vec![document], |items| items.iter().collect())
    });
    let secrets = items.filter(|item| item["apiVersion"] == "v1" && item["kind"] == "Secret");
    let maps = secrets.flat_map(|secret| [&secret["data"], &secret["stringData"]]).filter_map(Value::as_object);
    let values = maps.flat_map(|map| map.values()).filter_map(Value::as_str);
    let is_alone = |value: &&str| value.len() >= 8 && text.matches(*value).count() == 1;
    let is_plain = |value: &&str| value.bytes().all(|byte| byte.is_ascii_alphanumeric());
    values.filter(is_plain).filter(is_alone).map(str::to_owned).collect()
}
