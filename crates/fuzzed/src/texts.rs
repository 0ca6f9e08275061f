//! Texts that people write: lists of namespaces, lists of keys, durations, flags.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::time::Duration;

use k8s_replicator_core::duration;
use k8s_replicator_core::keys::{Keys, Projection};
use k8s_replicator_core::pattern::{Allowed, NamespaceList, narrow};
use k8s_replicator_sim::spec::asks::{Asks, items, list_names};

use crate::meaning;

/// Names of namespaces that lists are asked about.
const NAMESPACES: [&str; 12] =
    ["a", "b", "ab", "aa", "team-1", "team-10", "kube-system", "x-y", "0", "abc", "prod", "a-b-c"];

/// Of what the naive reading of lists understands as the real one does: no escapes, no counted repetitions, no flags.
pub(crate) fn is_plain(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.chars().all(|c| letter(c) || "-.,|()*+?! \n".contains(c))
        && !["(?", "**", "*+", "*?", "++", "+*", "+?", "??", "?*", "?+"].iter().any(|odd| text.contains(odd))
}

/// Two lists, separated by a semicolon: what each names, and what is left of one when it is narrowed by the other, is what a naive reading
/// says; and that names nothing that not both name.
pub(crate) fn lists(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (one, other) = text.split_once(';').unwrap_or((text, ".*"));
    let Ok(list) = NamespaceList::parse(one) else { return };
    assert_eq!(list.as_str(), one, "a list keeps its words");
    for namespace in NAMESPACES {
        let names = list.matches(namespace);
        if is_plain(one) {
            assert_eq!(names, list_names(&items(one), namespace), "{one:?} and {namespace}");
        }
        if list.names_nothing() {
            assert!(!names, "{one:?} names nothing, and {namespace}");
        }
    }
    let Ok(inherited) = Allowed::parse(other) else { return };
    let narrowed = narrow(Some(&list), Some(&inherited));
    let read_again = Allowed::parse(narrowed.as_str()).expect("what is written down can be read again");
    if is_plain(one) && is_plain(other) {
        let lists = [("replication-allowed-namespaces", one), ("replicated-from-allowed", other)];
        let from = Some(("a".to_owned(), "x".to_owned()));
        let mut asks = Asks::default();
        (asks.texts, asks.from) = (lists.map(|(name, text)| (name, text.to_owned())).into(), from);
        meaning::is_narrowed(&asks, narrowed.as_str());
    }
    for namespace in NAMESPACES {
        let both = list.matches(namespace) && inherited.matches(namespace);
        assert!(!narrowed.matches(namespace) || both, "{one:?} by {other:?} is {:?}: {namespace}", narrowed.as_str());
        assert_eq!(narrowed.matches(namespace), read_again.matches(namespace), "{:?}: {namespace}", narrowed.as_str());
    }
}

/// A glob of `*`, naively.
fn is_like(glob: &[u8], text: &[u8]) -> bool {
    match (glob.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) if is_like(rest, text) => true,
        (Some((b'*', _)), Some((_, after))) => is_like(glob, after),
        (Some((first, rest)), Some((is, after))) => first == is && is_like(rest, after),
        _ => false,
    }
}

/// `replicate-keys`: no panic, and what is given is what is asked for, read naively.
pub(crate) fn keys(data: &[u8]) {
    const KEYS: [&str; 8] = ["tls.crt", "tls.key", "ca.crt", "a", "ab", "user", "user.name", "K"];
    let Ok(text) = std::str::from_utf8(data) else { return };
    if Keys::parse(text).is_err() {
        return;
    }
    let projection = Projection { asked: Some(text.into()), ..Projection::default() };
    let is_simple = text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_*!,\n ".contains(c));
    if !is_simple {
        return;
    }
    let items: Vec<&str> = text.split([',', '\n']).map(str::trim).filter(|item| !item.is_empty()).collect();
    let (without, with): (Vec<&str>, Vec<&str>) = items.iter().partition(|item| item.starts_with('!'));
    for key in KEYS {
        let like = |item: &&str| is_like(item.trim_start_matches('!').trim().as_bytes(), key.as_bytes());
        let naive = with.iter().any(like) && !without.iter().any(like);
        assert_eq!(projection.gives(key), naive, "{text:?} and {key}");
    }
}

/// A duration of Go, naively: its terms by regular means, without fractions.
fn naive_duration(text: &str) -> Option<Duration> {
    let units: BTreeMap<&str, u64> = [
        ("ns", 1),
        ("us", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ]
    .into();
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut total = 0_u128;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at(letters);
        total = total.checked_add(number.parse::<u128>().ok()?.checked_mul(u128::from(*units.get(unit)?))?)?;
        rest = after;
    }
    (total <= i64::MAX as u128).then(|| Duration::from_nanos(total as u64))
}

/// `--resync-period`, `removal-delay`.
pub(crate) fn durations(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let parsed = duration::parse(text);
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+') {
        assert_eq!(parsed, naive_duration(text), "{text:?}");
    }
}

/// A command line, an argument a line: it is read, or one line says what is wrong with it.
pub(crate) fn flags(data: &[u8]) {
    let arguments = data.split(|byte| *byte == b'\n').take(32).map(|argument| OsString::from_vec(argument.to_vec()));
    let all = std::iter::once(OsString::from("k8s-replicator")).chain(arguments);
    if let Err(stop) = k8s_replicator::args::parse(all) {
        assert!(stop.code == 0 || stop.message.trim_end().lines().count() == 1, "{:?}", stop.message);
        assert!(stop.message.len() < 64 << 10, "a message of {} bytes", stop.message.len());
    }
}
