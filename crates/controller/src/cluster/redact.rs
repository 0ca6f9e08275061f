//! Redaction: the API server's messages about a Secret are shown without any value of it (SPEC 8).
//!
//! The API server itself never quotes a Secret's values. An admission webhook or policy can: it sees the object, and its message is
//! free text.
//! - A *create* shows them what this program writes. So the message is shown, with every value that was written removed.
//! - Any other write shows them the existing object too, with data that this program may never have read and cannot recognise. So
//!   only the name of the webhook or policy is shown.
//!
//! To look for values takes time, of the one thread that does all the controller's work. So it is done for a Secret of up to
//! [`LARGEST`] bytes and for the first [`LONGEST`] bytes of a message: 5 ms at most, whatever both hold. Of a message about a larger
//! Secret the API server's own [sentences](KNOWN) are shown, which quote nothing.

mod encodings;
mod hidden;

use std::collections::BTreeMap;

use k8s_replicator_core::payload::Payload;

use encodings::Encodings;
use hidden::{Hidden, LONGEST, PIECE};

/// The words between the name of a webhook or policy and its message: `admission webhook "x" denied the request: …`,
/// `ValidatingAdmissionPolicy 'x' with binding 'y' denied request: …`.
const DENIALS: [&str; 2] = ["denied the request", "denied request"];
/// What comes before the name of a webhook that did not answer as it should. The rest can quote what it answered:
/// `failed calling webhook "x": failed to call webhook: an error on the server ("…") has prevented the request from succeeding`.
const FAILED_CALL: &str = "failed calling webhook \"";
/// The most bytes of data, as the JSON that is written, in which values are looked for: 12 KiB of values in Base64. A certificate
/// with its chain and key has 10 KiB.
const LARGEST: usize = 16 << 10;
/// Sentences of the API server's, and of what it is made of, that quote nothing and tell why a write failed.
const KNOWN: [&str; 42] = [
    // Too large for etcd, for the connection to etcd, for the API server, and by the rules for an object.
    "etcdserver: request is too large",
    "trying to send message larger than max",
    "Request entity too large",
    "request body too large",
    "Too long: may not be more than 1048576 bytes",
    "Too long: must have at most 1048576 bytes",
    "Too long: may not be more than 262144 bytes",
    "Too long: must have at most 262144 bytes",
    // Quotas.
    "exceeded quota",
    "failed quota",
    "status unknown for quota",
    // Rights, and who asks.
    "cannot create resource \"secrets\"",
    "cannot patch resource \"secrets\"",
    "cannot delete resource \"secrets\"",
    "Unauthorized",
    // The object and its namespace.
    "because it is being terminated",
    "already exists",
    "not found",
    "the object has been modified; please apply your changes to the latest version and try again",
    "field is immutable",
    "Required value",
    "Invalid value",
    // Etcd, and the API server as a whole.
    "etcdserver: mvcc: database space exceeded",
    "etcdserver: request timed out",
    "etcdserver: leader changed",
    "etcdserver: no leader",
    "etcdserver: too many requests",
    "Too many requests, please try again later",
    "the server has received too many requests and has asked us to try again later",
    "the server is currently unable to handle the request",
    "the server was unable to return a response in the time allotted",
    "apiserver is shutting down",
    "request did not complete within",
    "storage is (re)initializing",
    "has prevented the request from succeeding",
    "the server could not find the requested resource",
    // The network between the API server and a webhook, or etcd.
    "context deadline exceeded",
    "connection refused",
    "connection reset by peer",
    "no such host",
    "no endpoints available for service",
    "x509: certificate",
];
const MAY_QUOTE: &str = "its words are not shown, since they may quote the Secret";
const TOO_LARGE: &str = "its words are not shown, since the Secret is too large to look for its values in them";

/// What an admission webhook or policy saw because of a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shown<'a> {
    /// Nothing: the request was a read.
    Nothing,
    /// The object that was to be created.
    Written(&'a Payload),
    /// The existing object, which the request was to change or delete; and the data that was to be written.
    Old { written: Option<&'a Payload> },
}

/// The API server's words, without anything that may be a value of the Secret that they are about.
pub(super) fn secrets_words(words: &str, shown: Shown<'_>) -> String {
    if words.is_empty() || k8s_replicator_core::bug!(RedactionOff) {
        return words.to_owned();
    }
    let is_cut = words.len() > LONGEST;
    let words = &words[..words.floor_char_boundary(LONGEST)];
    let quoting = Quoting::in_(words);
    match (shown, quoting) {
        (Shown::Nothing | Shown::Old { written: None }, None) => words.to_owned(),
        // Admission does not see reads: such words come from a proxy in between.
        (Shown::Nothing | Shown::Old { written: None }, Some(_)) => own_words(words, quoting, MAY_QUOTE),
        (Shown::Written(payload), _) | (Shown::Old { written: Some(payload) }, None) => {
            without_values(words, is_cut, payload).unwrap_or_else(|why| own_words(words, quoting, why))
        }
        (Shown::Old { written: Some(payload) }, Some(_)) => {
            let own = own_words(words, quoting, MAY_QUOTE);
            without_values(&own, false, payload).unwrap_or(own)
        }
    }
}

/// Where the words of the API server end that quote nothing of a webhook's or a policy's.
#[derive(Debug, Clone, Copy)]
enum Quoting {
    /// A webhook or policy denied: all that follows is what it said.
    Denial(usize),
    /// A webhook could not be called: what follows are the API server's words, which may quote the webhook's.
    FailedCall(usize),
}

impl Quoting {
    /// `None`: the words are not about a webhook or a policy.
    fn in_(words: &str) -> Option<Self> {
        let denial = DENIALS.iter().filter_map(|denial| words.find(denial).map(|at| at + denial.len())).min();
        let call = words.find(FAILED_CALL).map(|at| at + FAILED_CALL.len());
        match (denial, call) {
            (Some(end), call) if call.is_none_or(|call| end < call) => Some(Self::Denial(end)),
            (_, Some(name)) => Some(Self::FailedCall(words[name..].find('"').map_or(name, |length| name + length + 1))),
            _ => None,
        }
    }
}

/// What is shown of words that are not examined: those that the API server itself says, as far as that is sure; and why not the rest.
fn own_words(words: &str, quoting: Option<Quoting>, why: &str) -> String {
    let (beginning, rest) = match quoting {
        None => ("", words),
        Some(Quoting::Denial(end)) => (&words[..end], ""),
        Some(Quoting::FailedCall(end)) => words.split_at(end),
    };
    let mut shown = beginning.to_owned();
    for sentence in KNOWN.iter().filter(|sentence| rest.contains(**sentence)) {
        let separator = if shown.is_empty() { "" } else { ": " };
        shown = format!("{shown}{separator}{sentence}");
    }
    let separator = if shown.is_empty() { "" } else { " " };
    format!("{shown}{separator}({why})")
}

/// The words without any piece of a value of the payload, in any of the ways in which programs write values. `is_cut`: the words
/// go on. An error says why they were not examined.
fn without_values(words: &str, is_cut: bool, payload: &Payload) -> Result<String, &'static str> {
    // What is cut off at the end could be the rest of a short value, which would not be recognised without it.
    let end = if is_cut { words.len().saturating_sub(PIECE) } else { words.len() };
    examined(words, payload).map(|hidden| hidden.shown(end))
}

/// Looks for the values of the payload in the words.
fn examined<'a>(words: &'a str, payload: &Payload) -> Result<Hidden<'a>, &'static str> {
    if payload.size() > LARGEST {
        return Err(TOO_LARGE);
    }
    let (mut hidden, mut encodings) = (Hidden::of(words), Encodings::default());
    for raw in payload.fields().flatten() {
        // All that this program writes is a map of texts: of a Secret, in Base64. (Go writes `null` for no bytes.)
        let map: BTreeMap<String, Option<String>> = serde_json::from_str(raw).map_err(|_| MAY_QUOTE)?;
        for value in map.into_values().flatten() {
            encodings.hide(&mut hidden, &value);
        }
    }
    Ok(hidden)
}

#[cfg(test)]
mod tests;
