//! Labels, by Kubernetes' rules.

use std::collections::BTreeMap;

use crate::names::is_subdomain;

/// The longest name in a key, and the longest value.
const MAX: usize = 63;

/// Reads `key=value,key=value`; spaces around items, keys and values do not count, empty items are skipped. Of a key
/// that comes twice the last value counts. `None`: it is not such a list, or a key or value is not legal, or a value is empty
/// (Kubernetes allows an empty one, SPEC 10 does not).
#[must_use]
pub fn parse(text: &str) -> Option<BTreeMap<String, String>> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(|item| {
            let (key, value) = item.split_once('=')?;
            let (key, value) = (key.trim(), value.trim());
            (is_key(key) && !value.is_empty() && is_value(value)).then(|| (key.to_owned(), value.to_owned()))
        })
        .collect()
}

/// Whether a text is the key of a label or an annotation: a name, or `prefix/name` with a DNS subdomain before the slash.
#[must_use]
pub fn is_key(text: &str) -> bool {
    match text.split_once('/') {
        None => is_name(text),
        Some((prefix, name)) => is_subdomain(prefix) && is_name(name),
    }
}

/// Whether a text is the value of a label, which may be empty.
#[must_use]
pub fn is_value(text: &str) -> bool {
    text.is_empty() || is_name(text)
}

fn is_name(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_outer = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    text.len() <= MAX && is_outer(bytes.first()) && is_outer(bytes.last()) && text.bytes().all(is_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_labels_are_read_or_refused() {
        let good: &[(&str, &[(&str, &str)])] = &[
            ("", &[]),
            (" , ,", &[]),
            ("a=b", &[("a", "b")]),
            ("a=b,c=d", &[("a", "b"), ("c", "d")]),
            (" a = b , c=d ,", &[("a", "b"), ("c", "d")]),
            ("a=b,a=c", &[("a", "c")]),
            ("app.kubernetes.io/managed-by=k8s-replicator", &[("app.kubernetes.io/managed-by", "k8s-replicator")]),
            ("A_b.c-1=X.y_Z-0", &[("A_b.c-1", "X.y_Z-0")]),
        ];
        for (text, labels) in good {
            let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            assert_eq!(parse(text), Some(labels), "{text:?}");
        }
        let bad = [
            "a", "a=", "=b", "=", " = ", "a=b=c", "a==b", "a=b,c", "a=b;c=d", "a b=c", "a=b c", "a=-b", "a=b-", "-a=b",
            "a/b/c=d", "/a=b", "a/=b", "A/b=c", "a_/b=c", "a=é", "é=a", "a=\"b\"", "a=b/c",
        ];
        for text in bad {
            assert_eq!(parse(text), None, "{text:?}");
        }
        let (longest, prefix) = ("a".repeat(63), "a".repeat(253));
        assert!(parse(&format!("{prefix}/{longest}={longest}")).is_some());
        assert!(parse(&format!("{longest}a=b")).is_none());
        assert!(parse(&format!("a={longest}a")).is_none());
        assert!(parse(&format!("{prefix}a/a=b")).is_none());
    }
}
