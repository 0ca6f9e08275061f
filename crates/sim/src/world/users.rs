//! Actions of people, tools and the namespace controller. Each action contains everything that it does.

use crate::api::admission::Effect;
use crate::api::object::{Data, Id, Object, Resource};
use crate::dice::Dice;
use crate::spec::PREFIX;

/// The namespaces of the simulation. The last one is not there at the beginning.
pub const NAMESPACES: [&str; 4] = ["a", "b", "team-1", "late"];
/// The names of all objects of the simulation.
pub const NAMES: [&str; 3] = ["x", "y", "z"];

const CERTIFICATE_A: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJiakNDQVJXZ0F3SUJBZ0lVUG5QbVFSaGsrY3hQdjZwUUIvajJibnVTMDlZd0NnWUlLb1pJemowRUF3SXcKRERFS01BZ0dBMVVFQXd3QmN6QWdGdzB5TmpFeE1qVXhOekExTURkYUdBOHlNVEkyTVRFd01URTNNRFV3TjFvdwpEREVLTUFnR0ExVUVBd3dCY3pCWk1CTUdCeXFHU000OUFnRUdDQ3FHU000OUF3RUhBMElBQkNUK21PUkd6Mi95CkRpUHVRTXRYQkpaY0djdTFtYWZUUVM0Z2ZDLzBTdmgxUHB0OG03ejltUkF4N1ZVOGdhQ1oyWWx3ZzBDUEFkcW4KQllCQVBRbHNyOW1qVXpCUk1CMEdBMVVkRGdRV0JCU2N1MGNhSCs1MytUNHZKK3RiaGdDY0wzellNVEFmQmdOVgpIU01FR0RBV2dCU2N1MGNhSCs1MytUNHZKK3RiaGdDY0wzellNVEFQQmdOVkhSTUJBZjhFQlRBREFRSC9NQW9HCkNDcUdTTTQ5QkFNQ0EwY0FNRVFDSUN3RHdBRlRHY0VkWjU5eVlLUDUvTWVrclVFZHlYNUtRaEFINEFiWHNhWHYKQWlCejh2WVM2RnZkQU9Jd0ZUMmNHaElCZ1VBSWJhYzBHTnBjOFo2WENDTWYvZz09Ci0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K";
const KEY_A: &str = "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1JR0hBZ0VBTUJNR0J5cUdTTTQ5QWdFR0NDcUdTTTQ5QXdFSEJHMHdhd0lCQVFRZzVDb2sxUURHeWppek9UenUKMkpTQXUveTlWNVphNWM3SHR2S0V2aFhHRzNTaFJBTkNBQVFrL3Bqa1JzOXY4ZzRqN2tETFZ3U1dYQm5MdFptbgowMEV1SUh3djlFcjRkVDZiZkp1OC9aa1FNZTFWUElHZ21kbUpjSU5BandIYXB3V0FRRDBKYksvWgotLS0tLUVORCBQUklWQVRFIEtFWS0tLS0tCg==";
const CERTIFICATE_B: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJiakNDQVJXZ0F3SUJBZ0lVUGtTRGxtV2NqQ1JNaUxhbnJjL0g3WDNOWmdVd0NnWUlLb1pJemowRUF3SXcKRERFS01BZ0dBMVVFQXd3QmN6QWdGdzB5TmpFeE1qVXhOekExTURkYUdBOHlNVEkyTVRFd01URTNNRFV3TjFvdwpEREVLTUFnR0ExVUVBd3dCY3pCWk1CTUdCeXFHU000OUFnRUdDQ3FHU000OUF3RUhBMElBQk1iWnhIOXZlYTdDCjI5b1ZXWm03Z08wZEI2djh6R3J1b2E4cGRMVWQrVmdBaFF4QTJHUDJNZXh4b083c29mbGY0d1NFbndhUFZ5S1oKZWhMb3VIeHppaW1qVXpCUk1CMEdBMVVkRGdRV0JCU09EeGc5NmVNelBmcjBkQWkyUGVqK0tjSThHakFmQmdOVgpIU01FR0RBV2dCU09EeGc5NmVNelBmcjBkQWkyUGVqK0tjSThHakFQQmdOVkhSTUJBZjhFQlRBREFRSC9NQW9HCkNDcUdTTTQ5QkFNQ0EwY0FNRVFDSUNxZ1dnbDUzclRRRzczTGZjZVZoZCtZQ3dmR3VvWkNQN2pqNTY3QVFDTisKQWlCS2pKYnJqZFUyTTB0L2p2MVFyTFlyb3NJZlUxWmJUU0xRRUpuL0ZVZStmdz09Ci0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K";
const KEY_B: &str = "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1JR0hBZ0VBTUJNR0J5cUdTTTQ5QWdFR0NDcUdTTTQ5QXdFSEJHMHdhd0lCQVFRZ3RYdWdpQVFpcGhlWjIxU1QKS3N2VFRMSTZDaDAvMWZrcVJtamd0MUE0NlRHaFJBTkNBQVRHMmNSL2IzbXV3dHZhRlZtWnU0RHRIUWVyL014cQo3cUd2S1hTMUhmbFlBSVVNUU5oajlqSHNjYUR1N0tINVgrTUVoSjhHajFjaW1Yb1M2TGg4YzRvcAotLS0tLUVORCBQUklWQVRFIEtFWS0tLS0tCg==";

/// Whether a certificate is another key's, as far as the simulation's certificates go. One that cannot be parsed is nobody's.
#[must_use]
pub fn is_mismatched(certificate: &str, key: &str) -> bool {
    matches!((certificate, key), (CERTIFICATE_A, KEY_B) | (CERTIFICATE_B, KEY_A))
}

/// The data of an object, as one of a few that differ. 0 is none, 9 is a value that the type cannot have.
#[must_use]
pub fn data(resource: Resource, type_: &str, choice: u8) -> Data {
    use base64::Engine as _;
    let encoded = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    if type_ == "kubernetes.io/tls" {
        let (certificate, key) = match choice % 6 {
            0 => ("", ""),
            1 => (CERTIFICATE_A, KEY_A),
            2 => (CERTIFICATE_B, KEY_B),
            3 => (CERTIFICATE_B, KEY_A),
            4 => ("", KEY_A),
            _ => {
                return Data::from([
                    ("tls.crt".to_owned(), encoded("s3cr3t-x")),
                    ("tls.key".to_owned(), encoded("s3cr3t-y")),
                ]);
            }
        };
        return Data::from([("tls.crt".to_owned(), certificate.to_owned()), ("tls.key".to_owned(), key.to_owned())]);
    }
    if type_ == "kubernetes.io/ssh-auth" {
        return Data::from([("ssh-privatekey".to_owned(), encoded(&format!("s3cr3t-{choice}")))]);
    }
    if type_ == "kubernetes.io/basic-auth" {
        let of = |key: &str| (key.to_owned(), encoded(&format!("s3cr3t-{key}{choice}")));
        return Data::from([of("username"), of("password")]);
    }
    if let Some(key) = type_.strip_prefix("kubernetes.io/").filter(|kind| kind.starts_with("docker")) {
        let config = if choice == 0 { "{}".to_owned() } else { format!("{{\"auths\":{{\"s3cr3t-{choice}\":{{}}}}}}") };
        return Data::from([(format!(".{key}"), encoded(&config))]);
    }
    let value = |text: String| if resource == Resource::Secret { encoded(&text) } else { text };
    match choice {
        6 => {
            let keys = ["k", "l", "m"].map(|key| (key.to_owned(), value(format!("s3cr3t-{key}"))));
            return Data::from(keys);
        }
        7 => {
            return Data::from(
                [("ca.crt", "ca"), ("l", "7")].map(|(key, it)| (key.to_owned(), value(format!("s3cr3t-{it}")))),
            );
        }
        _ => {}
    }
    match choice % 6 {
        0 => Data::new(),
        5 => Data::from([("k".to_owned(), String::new())]),
        4 => Data::from([
            ("k".to_owned(), value("s3cr3t-<4>".to_owned())),
            ("l".to_owned(), value("s3cr3t-l".to_owned())),
        ]),
        choice => Data::from([("k".to_owned(), value(format!("s3cr3t-{choice}")))]),
    }
}

/// The `binaryData` that goes with it: ConfigMaps have some now and then.
#[must_use]
pub fn binary_data(resource: Resource, choice: u8) -> Data {
    match (resource, choice) {
        // "s3cr3t-" and bytes that are no UTF-8.
        (Resource::ConfigMap, 2) => Data::from([("b".to_owned(), "czNjcjN0Lf/+".to_owned())]),
        (Resource::ConfigMap, 4) => Data::from([("b".to_owned(), "czNjcjN0Lf79".to_owned())]),
        _ => Data::new(),
    }
}

/// Parts of the values that are long: each line of a certificate or a key in part, and the same in base64.
pub fn parts_of_values() -> &'static [String] {
    use base64::Engine as _;
    static PARTS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    PARTS.get_or_init(|| {
        let mut parts = Vec::new();
        for value in [CERTIFICATE_A, KEY_A, CERTIFICATE_B, KEY_B] {
            let plain = base64::engine::general_purpose::STANDARD.decode(value).unwrap_or_default();
            let plain = String::from_utf8_lossy(&plain);
            let lines = plain.lines().filter(|line| !line.starts_with('-') && line.len() >= 48);
            parts.extend(lines.map(|line| line[24..40].to_owned()));
            parts.extend((100..value.len() - 40).step_by(60).map(|at| value[at..at + 20].to_owned()));
        }
        parts
    })
}

/// What somebody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Creates an object, or replaces what is there (`kubectl replace`).
    Put {
        /// Which.
        id: Id,
        /// Its `type`.
        type_: &'static str,
        /// Its data: see [`data`].
        data: u8,
        /// Its annotations.
        annotations: Vec<(String, String)>,
        /// `immutable`.
        immutable: bool,
        /// Whether a finalizer holds it.
        finalizer: bool,
        /// The field manager.
        manager: &'static str,
    },
    /// Sets an annotation.
    Annotate(Id, String, String),
    /// Sets a label, or (`None`) takes it away.
    Label(Id, &'static str, Option<&'static str>),
    /// Takes away the nth of the annotations under the prefix.
    Strip(Id, u8),
    /// Takes away all of them.
    StripAll(Id),
    /// Writes other data.
    Fill(Id, u8),
    /// Takes away the nth key of the data, and leaves the others as they are.
    Drop(Id, u8),
    /// Deletes an object.
    Delete(Id),
    /// Deletes an object and makes it again, the same (`kubectl replace --force`, hooks of helm).
    Remake(Id),
    /// Deletes an object and makes it again, as another type.
    Retype(Id),
    /// Makes an object immutable.
    Freeze(Id),
    /// Puts a finalizer on an object.
    Hold(Id),
    /// Copies an object with all that it says to another place.
    Copy(Id, Id),
    /// Brings back an object as it was the nth change ago.
    Recover(Id, u8),
    /// Takes finalizers away.
    Release(Id),
    /// Writes an annotation that is no UTF-8, of a tool of their own.
    Scribble(Id),
    /// Makes a namespace.
    MakeNamespace(&'static str),
    /// Deletes a namespace.
    DeleteNamespace(&'static str),
    /// The namespace controller goes one step on with one that is being deleted.
    Finalize,
}

/// Some object, whether it is there or not.
pub fn any_id(dice: &mut Dice, resource: Resource) -> Id {
    let namespace = dice.pick(&["a", "a", "a", "b", "b", "team-1", "late"]);
    Id::new(resource, namespace, dice.pick(&["x", "x", "x", "y", "y", "z"]))
}

/// An annotation as users write them: mostly sensible.
pub fn annotation(dice: &mut Dice, resource: Resource) -> (String, String) {
    let (name, value): (&str, String) = match dice.roll(26) {
        0..=4 => (
            "replicate-from",
            match dice.roll(8) {
                0 => dice.pick(&["x", " y ", "z"]).to_owned(),
                _ => any_id(dice, resource).key(),
            },
        ),
        5..=8 => (
            "replicate-to",
            dice.pick(&[
                "b/x",
                "x,y",
                "y",
                "b/y,z",
                "team-.*/x",
                "[ab]/y",
                "late/z",
                ".*/x",
                "",
                "z",
                "b/x, team-1/y\n",
                "b/x",
                "!b/x",
                "B!",
            ])
            .to_owned(),
        ),
        9..=12 => (
            "replicate-to-namespaces",
            dice.pick(&[
                "b",
                "b, team-1",
                "team-.*",
                ".*",
                "[ab]",
                "late",
                "b\nlate\n",
                ".*,!b",
                "!b",
                "team-*",
                "(",
                "b,team-1,late",
                "a|b",
            ])
            .to_owned(),
        ),
        13..=16 => {
            ("replication-allowed", dice.pick(&["true", "true", "true", " true\n", "false", "maybe"]).to_owned())
        }
        17..=18 => (
            "replication-allowed-namespaces",
            dice.pick(&[".*", "b", "b,team-1", "team-.*", ".*,!b", "late", "(", "[ab]", ""]).to_owned(),
        ),
        19..=20 => ("replicate-once", dice.pick(&["true", "true", "1", "false", "maybe"]).to_owned()),
        21 => ("replicate-once-version", dice.pick(&["1", "2"]).to_owned()),
        22 => ("removal-delay", dice.pick(&["0", "20s", "never", "soon"]).to_owned()),
        23 => ("replicated-by", any_id(dice, resource).key()),
        24 => ("replicated-from-version", "17".to_owned()),
        _ => ("note", "of somebody".to_owned()),
    };
    (format!("{PREFIX}{name}"), value)
}

/// A few annotations that go together.
pub fn annotations(dice: &mut Dice, resource: Resource) -> Vec<(String, String)> {
    let of = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| (format!("{PREFIX}{name}"), (*value).to_owned())).collect()
    };
    let mut chosen: Vec<(String, String)> = match dice.roll(9) {
        0 | 1 => of(&[("replicate-to-namespaces", dice.pick(&["b", "b,team-1", ".*", "late,b", "team-.*"]))]),
        2 => of(&[("replicate-to", dice.pick(&["b/x", "y", "b/x,team-1/x", "late/y", "b/y"]))]),
        3 => of(&[("replication-allowed", "true")]),
        4 => of(&[("replication-allowed-namespaces", dice.pick(&[".*", "b", "b,team-1"]))]),
        5 => {
            let from = any_id(dice, resource).key();
            of(&[("replicate-from", &from)])
        }
        6 => {
            let from = any_id(dice, resource).key();
            of(&[("replicate-from", &from), ("replicate-to-namespaces", dice.pick(&["b", "b,team-1"]))])
        }
        7 => {
            let from = any_id(dice, resource).key();
            of(&[("replicate-from", &from), ("replication-allowed", "true")])
        }
        _ => Vec::new(),
    };
    for _ in 0..dice.pick(&[0, 0, 0, 1, 1, 2]) {
        chosen.push(annotation(dice, resource));
    }
    chosen
}

/// Something that somebody may do.
pub fn act(dice: &mut Dice, resources: &[Resource]) -> Act {
    let resource = dice.pick(resources);
    let id = any_id(dice, resource);
    match dice.roll(40) {
        0..=9 => put(dice, id),
        10..=15 => {
            let (name, value) = annotation(dice, resource);
            Act::Annotate(id, name, value)
        }
        16 | 17 => Act::Strip(id, u8::try_from(dice.roll(8)).unwrap_or(0)),
        18 => Act::StripAll(id),
        19..=22 => Act::Fill(id, u8::try_from(dice.roll(6)).unwrap_or(0)),
        23 => Act::Drop(id, u8::try_from(dice.roll(3)).unwrap_or(0)),
        24..=27 => Act::Delete(id),
        28 | 29 => Act::Remake(id),
        30 => Act::Copy(id, any_id(dice, resource)),
        31 => Act::Recover(id, u8::try_from(dice.roll(12)).unwrap_or(0)),
        32 => Act::Release(id),
        33 => Act::Scribble(id),
        34 | 35 => Act::MakeNamespace(dice.pick(&["late", "late", "b", "team-1"])),
        36 => Act::DeleteNamespace(dice.pick(&["late", "b", "team-1"])),
        _ => Act::Finalize,
    }
}

/// Somebody creates or replaces an object.
pub fn put(dice: &mut Dice, id: Id) -> Act {
    let type_ = match id.resource {
        Resource::Secret => dice.pick(&[
            "Opaque",
            "Opaque",
            "Opaque",
            "Opaque",
            "Opaque",
            "example.com/own",
            "kubernetes.io/tls",
            "kubernetes.io/ssh-auth",
            "bootstrap.kubernetes.io/token",
            "Opaque",
            "Opaque",
            "kubernetes.io/basic-auth",
            "kubernetes.io/dockercfg",
            "kubernetes.io/dockerconfigjson",
            "kubernetes.io/service-account-token",
        ]),
        _ => "",
    };
    let annotations = annotations(dice, id.resource);
    let data = u8::try_from(dice.roll(6)).unwrap_or(0);
    let (immutable, finalizer) = (dice.once_in(25), dice.once_in(25));
    let manager = dice.pick(&["kubectl-client-side-apply", "kubectl-client-side-apply", "helm", "argocd-controller"]);
    Act::Put { id, type_, data, annotations, immutable, finalizer, manager }
}

/// An effect of a policy that comes into force.
pub fn effect(dice: &mut Dice) -> Effect {
    dice.pick(&[
        Effect::Deny(403, None),
        Effect::Deny(422, None),
        Effect::Quote,
        Effect::Deny(429, Some(60)),
        Effect::Deny(503, Some(60)),
        Effect::AddLabel,
        Effect::ChangeData,
        Effect::Hang,
        Effect::Quota,
    ])
}

impl Act {
    /// In kubectl's words.
    #[must_use]
    pub fn words(&self) -> String {
        let at = |id: &Id| format!("-n {} {} {}", id.namespace, id.resource.word(), id.name);
        match self {
            Self::Put { id, type_, data, annotations, immutable, finalizer, manager } => {
                let notes: Vec<String> = annotations.iter().map(|(key, value)| format!("{key}={value:?}")).collect();
                let more = format!(
                    "{}{}",
                    if *immutable { " immutable" } else { "" },
                    if *finalizer { " with a finalizer" } else { "" }
                );
                format!("kubectl replace {} # by {manager}: {type_} data {data}{more} {}", at(id), notes.join(" "))
            }
            Self::Annotate(id, name, value) => format!("kubectl annotate --overwrite {} {name}={value:?}", at(id)),
            Self::Label(id, name, Some(value)) => format!("kubectl label --overwrite {} {name}={value}", at(id)),
            Self::Label(id, name, None) => format!("kubectl label {} {name}-", at(id)),
            Self::Strip(id, nth) => format!("kubectl annotate {} (annotation {nth} under the prefix)-", at(id)),
            Self::StripAll(id) => format!("kubectl annotate {} (all under the prefix)-", at(id)),
            Self::Fill(id, data) => format!("kubectl patch {} # data {data}", at(id)),
            Self::Drop(id, nth) => format!("kubectl patch {} # without key {nth} of its data", at(id)),
            Self::Delete(id) => format!("kubectl delete {}", at(id)),
            Self::Remake(id) => format!("kubectl replace --force {} # as it is", at(id)),
            Self::Retype(id) => format!("kubectl replace --force {} # as another type", at(id)),
            Self::Freeze(id) => format!("kubectl patch {} # immutable: true", at(id)),
            Self::Hold(id) => format!("kubectl patch {} # with a finalizer", at(id)),
            Self::Copy(from, to) => format!("kubectl get {} -o yaml | kubectl create {} -f -", at(from), at(to)),
            Self::Recover(id, nth) => format!("velero restore {} # as it was {nth} changes ago", at(id)),
            Self::Release(id) => format!("kubectl patch {} # no finalizers", at(id)),
            Self::Scribble(id) => format!("kubectl annotate {} example.com/note=(no UTF-8)", at(id)),
            Self::MakeNamespace(name) => format!("kubectl create namespace {name}"),
            Self::DeleteNamespace(name) => format!("kubectl delete namespace {name}"),
            Self::Finalize => "# the namespace controller goes on".to_owned(),
        }
    }
}

/// A new object as `Put` describes it, but for what is stored already.
#[must_use]
pub fn object(
    id: &Id,
    type_: &str,
    choice: u8,
    annotations: &[(String, String)],
    immutable: bool,
    finalizer: bool,
) -> Object {
    let mut object = Object::new(id.clone());
    if id.resource == Resource::Secret {
        object.type_ = Some(type_.to_owned());
    }
    object.data = data(id.resource, type_, choice);
    object.binary_data = binary_data(id.resource, choice);
    object.annotations = annotations.iter().map(|(key, value)| (key.clone(), value.clone().into_bytes())).collect();
    object.immutable = immutable;
    object.finalizers = if finalizer { vec!["example.com/hold".to_owned()] } else { Vec::new() };
    object
}
