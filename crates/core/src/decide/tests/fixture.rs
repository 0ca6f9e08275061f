//! The text form of the fixtures: one line is one object.
//!
//! ```text
//! a/src #7 @3 type:tls allowed :one      version 7, created at second 3, replication-allowed: true, data "one"
//! b/t from=a/src version=7 :one known    a pulling target that holds a copy; its content was read
//! no-ns b   terminating b                namespaces exist unless said otherwise
//! removal-delay 5s   copy-incomplete     the flags; also removal-limit 2, exclude b, require-acceptance
//! ns b +env=prod paused accept=a,c       a namespace's labels and annotations
//! a/src +team=red ~note=x                an object's labels, and annotations of others
//! a/src :one~1,two~2                     data of several keys
//! b/t by=a/src by-others data-others     who owns replicated-by, and the data: -us, -shared, -others, -nobody; else the data is the controller's
//! b/t from=a/src claim-applied           what others claim of the data: -applied, -updated; else nothing
//! c/tls type:tls :pair                   data of TLS Secrets: a name of [`PAIRS`]
//! only a,b                               --namespaces: nothing outside of these is watched
//! ```
//! Words with `=` are annotations: a short name of [`ALIASES`], or any other name as it is. The value � is no text.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::super::*;
use super::world::{Namespace, Object, World};
use crate::annotations::Annotation;
use crate::managers::{Claim, Managers, Owners};
use crate::payload::Payload;

#[rustfmt::skip]
pub(super) const ALIASES: [(&str, &str); 26] = [
    ("from", "replicate-from"), ("to", "replicate-to"), ("to-ns", "replicate-to-namespaces"),
    ("once", "replicate-once"), ("once-v", "replicate-once-version"), ("allowed", "replication-allowed"),
    ("allowed-ns", "replication-allowed-namespaces"), ("at", "replicated-at"), ("by", "replicated-by"),
    ("version", "replicated-from-version"), ("origin", "replicated-from-origin"), ("chain", "replicated-from-allowed"),
    ("delay", "removal-delay"), ("to-sel", "replicate-to-namespace-selector"),
    ("allowed-sel", "replication-allowed-namespace-selector"), ("keys", "replicate-keys"),
    ("allowed-keys", "replication-allowed-keys"), ("had-keys", "replicated-keys"), ("type", "replicate-type"),
    ("labels", "replicate-labels"), ("notes", "replicate-annotations"), ("replica-labels", "replica-labels"),
    ("had-labels", "replicated-labels"), ("had-notes", "replicated-annotations"), ("paused", "paused"),
    ("approved", "removal-approved"),
];

macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!("../../certificate/testdata/", $name))
    };
}

/// Data of TLS Secrets: a certificate and a key.
pub(super) const PAIRS: [(&str, &str, &str); 5] = [
    ("pair", pem!("p256.crt"), pem!("p256.key")),
    ("next-pair", pem!("ed25519.crt"), pem!("ed25519.key")),
    ("mixed", pem!("ed25519.crt"), pem!("p256.key")),
    ("no-key", pem!("p256.crt"), ""),
    ("odd", pem!("p521.crt"), pem!("p521.key")),
];

pub(super) fn alias(annotation: Annotation) -> &'static str {
    ALIASES.iter().find(|(_, name)| *name == annotation.name()).unwrap().0
}

pub(super) fn key(text: &str) -> Key {
    let (namespace, name) = text.split_once('/').unwrap_or_else(|| panic!("no key: {text:?}"));
    Key::new(namespace, name).unwrap()
}

pub(super) fn target(text: &str) -> TargetKey {
    key(text).into()
}

impl World {
    /// Sets a namespace's labels and annotations, without an event to the graph.
    pub(super) fn put_namespace(&mut self, line: &str) {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let mut it = Namespace::default();
        for word in words {
            match word.strip_prefix('+').and_then(|word| word.split_once('=')) {
                Some((key, value)) => drop(it.labels.insert(key.to_owned(), value.to_owned())),
                None => match word.split_once('=').unwrap_or((word, "true")) {
                    ("accept", value) => {
                        it.annotations.insert("accept-replicas-from".to_owned(), value.to_owned());
                    }
                    (annotation, value) => drop(it.annotations.insert(annotation.to_owned(), value.to_owned())),
                },
            }
        }
        self.namespaces.entry(name.to_owned()).or_insert(false);
        self.says.insert(name.to_owned(), it);
    }

    /// Writes an object without an event to the graph. An existing object gets a new version; with the word `new` it is recreated.
    pub(super) fn put(&mut self, line: &str) {
        let (name, words) = line.split_once(' ').unwrap_or((line, ""));
        let name = key(name);
        self.namespaces.entry(name.namespace().to_owned()).or_insert(false);
        self.counter += 1;
        let (old, version) = (self.objects.get(&name), self.counter);
        let was_immutable = old.is_some_and(|old| old.immutable);
        let mut object = Object {
            uid: old.map_or(version, |old| old.uid),
            version,
            created: old.map_or(0, |old| old.created),
            deleting: false,
            immutable: false,
            type_: self.kind.is_typed().then(|| "Opaque".into()),
            annotations: BTreeMap::new(),
            labels: BTreeMap::new(),
            others: BTreeMap::new(),
            payload: Payload::new([]),
            // As after the controller's own write, unless the line says otherwise.
            managers: Managers { data: Owners::Controller, ..Managers::default() },
        };
        // A replica is younger than its source, unless the line says otherwise.
        if old.is_none() && words.contains("by=") {
            object.created = 1;
        }
        let mut data = "";
        for word in words.split(' ').filter(|word| !word.is_empty()) {
            if let Some((name, value)) = word.strip_prefix('+').and_then(|word| word.split_once('=')) {
                object.labels.insert(name.to_owned(), value.to_owned());
            } else if let Some((name, value)) = word.strip_prefix('~').and_then(|word| word.split_once('=')) {
                object.others.insert(name.to_owned(), value.to_owned());
            } else if let Some((name, value)) = word.split_once('=') {
                let known = ALIASES.iter().find(|(short, _)| *short == name);
                object.annotations.insert(known.map_or(name, |(_, name)| *name).to_owned(), value.to_owned());
            } else if let Some(version) = word.strip_prefix('#') {
                object.version = version.parse().unwrap();
            } else if let Some(created) = word.strip_prefix('@') {
                object.created = created.parse().unwrap();
            } else if let Some(type_) = word.strip_prefix("type:") {
                object.type_ = Some(long_type(type_).into());
            } else if let Some(owners) = word.strip_prefix("by-") {
                object.managers.replicated_by = owners_of(owners);
            } else if let Some(owners) = word.strip_prefix("data-") {
                object.managers.data = owners_of(owners);
            } else if let Some(claim) = word.strip_prefix("claim-") {
                object.managers.claim = if claim == "applied" { Claim::Applied } else { Claim::Updated };
            } else if let Some(text) = word.strip_prefix(':') {
                data = text;
            } else {
                match word {
                    "once" => drop(object.annotations.insert("replicate-once".to_owned(), "true".to_owned())),
                    "paused" => drop(object.annotations.insert("paused".to_owned(), "true".to_owned())),
                    "approved" => drop(object.annotations.insert("removal-approved".to_owned(), "true".to_owned())),
                    "allowed" => drop(object.annotations.insert("replication-allowed".to_owned(), "true".to_owned())),
                    "immutable" => object.immutable = true,
                    "deleting" => object.deleting = true,
                    "new" => object.uid = version,
                    "known" | "suspect" | "refused" => {}
                    _ => panic!("unknown word {word:?}"),
                }
            }
        }
        if was_immutable && !object.immutable {
            // The API server refuses to undo `immutable`: the object has to be recreated.
            object.uid = version;
        }
        object.payload = self.payload(object.type_.as_deref(), data);
        self.objects.insert(name, object);
    }

    pub(super) fn payload(&self, type_: Option<&str>, text: &str) -> Payload {
        let keys = required_keys(type_.unwrap_or_default());
        if text.is_empty() {
            let mut entropy = 0u8;
            return self.kind.cleared(type_, &mut || {
                entropy = entropy.wrapping_add(1);
                entropy
            });
        }
        if let Some((_, certificate, key)) = PAIRS.iter().find(|(name, ..)| *name == text) {
            let [certificate, key] = [certificate, key].map(|pem| BASE64.encode(pem));
            return Payload::new([Some(format!(r#"{{"tls.crt":"{certificate}","tls.key":"{key}"}}"#).into())]);
        }
        let keys = if keys.is_empty() { &["v"] } else { keys };
        let field = |text: &str| {
            if text.contains('~') {
                let entry = |(key, value): (&str, &str)| format!("{key:?}:{value:?}");
                let entries: Vec<String> = text.split(',').filter_map(|it| it.split_once('~')).map(entry).collect();
                return format!("{{{}}}", entries.join(",")).into();
            }
            let entries: Vec<String> = keys.iter().map(|key| format!("{key:?}:{text:?}")).collect();
            format!("{{{}}}", entries.join(",")).into()
        };
        let (data, binary) = text.split_once('+').unwrap_or((text, ""));
        let fields = [data, binary].map(|text| (!text.is_empty()).then(|| field(text)));
        Payload::new(fields.into_iter().take(self.kind.data_fields().len()))
    }
}

pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', ';']).map(str::trim).filter(|line| !line.is_empty())
}

fn owners_of(word: &str) -> Owners {
    match word {
        "us" => Owners::Controller,
        "shared" => Owners::Shared,
        "others" => Owners::Others,
        "nobody" => Owners::Nobody,
        _ => panic!("unknown owners {word:?}"),
    }
}

fn long_type(short: &str) -> String {
    match short {
        "token" => "bootstrap.kubernetes.io/token".to_owned(),
        "basic-auth" | "ssh-auth" | "tls" | "dockercfg" | "dockerconfigjson" | "service-account-token" => {
            format!("kubernetes.io/{short}")
        }
        _ => short.to_owned(),
    }
}

/// The keys that the API server requires (its `ValidateSecret`).
fn required_keys(type_: &str) -> &'static [&'static str] {
    match type_ {
        "kubernetes.io/basic-auth" => &["password", "username"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        _ => &[],
    }
}

pub(super) fn is_valid(kind: &dyn Kind, type_: Option<&str>, payload: &Payload) -> bool {
    let keys = required_keys(type_.unwrap_or_default());
    let data: String = payload.fields().flatten().collect();
    !kind.is_typed() || keys.iter().all(|key| data.contains(&format!("{key:?}:")))
}
