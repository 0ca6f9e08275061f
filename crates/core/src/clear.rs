//! The least data that the API server accepts in a Secret of a type with required keys (SPEC 7).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// A source of random bytes, passed in so that this crate has no randomness of its own. For passwords it has to be
/// cryptographic.
pub type Entropy<'a> = &'a mut dyn FnMut() -> u8;

/// Length of the password that a cleared basic-auth Secret gets: long enough that nobody ever guesses it.
const PASSWORD_LENGTH: usize = 128;
const PASSWORD_CHARACTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The required keys of a Secret type. Source: the API server's `ValidateSecret`.
#[derive(Clone, Copy)]
enum Minimal {
    Fixed(&'static [(&'static str, &'static str)]),
    BasicAuth,
}

fn minimal(type_: &str) -> Minimal {
    match type_ {
        "kubernetes.io/basic-auth" => Minimal::BasicAuth,
        "kubernetes.io/ssh-auth" => Minimal::Fixed(&[("ssh-privatekey", "empty")]),
        "kubernetes.io/tls" => Minimal::Fixed(&[("tls.crt", ""), ("tls.key", "")]),
        "kubernetes.io/dockercfg" => Minimal::Fixed(&[(".dockercfg", "{}")]),
        "kubernetes.io/dockerconfigjson" => Minimal::Fixed(&[(".dockerconfigjson", "{}")]),
        _ => Minimal::Fixed(&[]),
    }
}

/// The required keys that a Secret of this type lacks, with minimal values as JSON; none of them is random. `has`: whether it has a key.
#[must_use]
pub fn completion(type_: &str, has: impl Fn(&str) -> bool) -> Vec<(&'static str, String)> {
    let json = |value: &str| format!("\"{}\"", BASE64.encode(value));
    match minimal(type_) {
        // Either of the two is enough (`ValidateSecret`).
        Minimal::BasicAuth if has("username") || has("password") => Vec::new(),
        Minimal::BasicAuth => vec![("username", json(""))],
        Minimal::Fixed(entries) => {
            entries.iter().filter(|(key, _)| !has(key)).map(|(key, value)| (*key, json(value))).collect()
        }
    }
}

/// The required key of this type whose value, as JSON, the API server does not accept: it has to be JSON in base64.
#[must_use]
pub fn invalid(type_: &str, key: &str, value: &str) -> Option<&'static str> {
    let required = match type_ {
        "kubernetes.io/dockercfg" => ".dockercfg",
        "kubernetes.io/dockerconfigjson" => ".dockerconfigjson",
        _ => return None,
    };
    let is_json = || {
        let text: String = serde_json::from_str(value).ok()?;
        let bytes = BASE64.decode(text).ok()?;
        serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&bytes).ok()
    };
    (key == required && is_json().is_none()).then_some(required)
}

/// Whether the API server requires keys in a Secret of this type, so that it can never be without data.
#[must_use]
pub fn has_required_keys(type_: &str) -> bool {
    !matches!(minimal(type_), Minimal::Fixed([]))
}

/// Raw JSON of the `data` that a cleared Secret of this type has; `None`: no data.
#[must_use]
pub fn minimal_secret(type_: &str, entropy: Entropy<'_>) -> Option<String> {
    let password;
    let entries: Vec<(&str, &str)> = match minimal(type_) {
        Minimal::Fixed([]) => return None,
        Minimal::Fixed(entries) => entries.to_vec(),
        Minimal::BasicAuth => {
            password = random_password(entropy);
            vec![("password", &password), ("username", "")]
        }
    };
    let entries: Vec<String> =
        entries.iter().map(|(key, value)| format!(r#""{key}":"{}""#, BASE64.encode(value))).collect();
    Some(format!("{{{}}}", entries.join(",")))
}

/// Whether raw JSON `data` is what [`minimal_secret`] gives for this type. Any well-made random password will do.
#[must_use]
pub fn is_minimal_secret(type_: &str, data: Option<&str>) -> bool {
    let Ok(data) = serde_json::from_str::<BTreeMap<String, Option<String>>>(data.unwrap_or("{}")) else {
        return false;
    };
    let value = |key: &str| BASE64.decode(data.get(key)?.as_deref().unwrap_or_default()).ok();
    match minimal(type_) {
        Minimal::Fixed(entries) => {
            data.len() == entries.len()
                && entries.iter().all(|(key, expected)| value(key).is_some_and(|found| found == expected.as_bytes()))
        }
        Minimal::BasicAuth => {
            data.len() == 2
                && value("username").is_some_and(|found| found.is_empty())
                && value("password").is_some_and(|found| {
                    found.len() == PASSWORD_LENGTH && found.iter().all(|b| PASSWORD_CHARACTERS.contains(b))
                })
        }
    }
}

fn random_password(entropy: Entropy<'_>) -> String {
    let count = PASSWORD_CHARACTERS.len();
    // Bytes past the last whole multiple are thrown away, so that every character is as likely as any other.
    let fair = 256 / count * count;
    let mut password = String::with_capacity(PASSWORD_LENGTH);
    while password.len() < PASSWORD_LENGTH {
        let byte = usize::from(entropy());
        if byte < fair {
            password.push(char::from(PASSWORD_CHARACTERS[byte % count]));
        }
    }
    password
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter() -> impl FnMut() -> u8 {
        let mut next = 0u8;
        move || {
            next = next.wrapping_add(1);
            next
        }
    }

    #[test]
    fn each_type_keeps_its_required_keys() {
        let cases = [
            ("Opaque", None),
            ("example.com/own", None),
            ("", None),
            ("kubernetes.io/ssh-auth", Some(r#"{"ssh-privatekey":"ZW1wdHk="}"#)),
            ("kubernetes.io/tls", Some(r#"{"tls.crt":"","tls.key":""}"#)),
            ("kubernetes.io/dockercfg", Some(r#"{".dockercfg":"e30="}"#)),
            ("kubernetes.io/dockerconfigjson", Some(r#"{".dockerconfigjson":"e30="}"#)),
        ];
        for (type_, expected) in cases {
            let data = minimal_secret(type_, &mut counter());
            assert_eq!(data.as_deref(), expected, "{type_}");
            assert!(is_minimal_secret(type_, data.as_deref()), "{type_}");
            assert!(!is_minimal_secret(type_, Some(r#"{"other":"eA=="}"#)), "{type_}");
        }
    }

    #[test]
    fn keys_that_a_type_requires_are_completed() {
        // A type, the keys that are there, and those that are added.
        type Case<'a> = (&'a str, &'a [&'a str], &'a [(&'a str, &'a str)]);
        let cases: &[Case<'_>] = &[
            ("Opaque", &[], &[]),
            ("kubernetes.io/tls", &["tls.key"], &[("tls.crt", "\"\"")]),
            ("kubernetes.io/ssh-auth", &["other"], &[("ssh-privatekey", "\"ZW1wdHk=\"")]),
            ("kubernetes.io/basic-auth", &["other"], &[("username", "\"\"")]),
            // Either of the two is enough.
            ("kubernetes.io/basic-auth", &["username"], &[]),
            ("kubernetes.io/basic-auth", &["password"], &[]),
        ];
        for (type_, there, expected) in cases {
            let added = completion(type_, |key| there.contains(&key));
            let added: Vec<_> = added.iter().map(|(key, value)| (*key, value.as_str())).collect();
            assert_eq!(added, *expected, "{type_} {there:?}");
        }
    }

    #[test]
    fn values_that_a_type_does_not_allow_are_found() {
        let (cfg, json) = ("kubernetes.io/dockercfg", "kubernetes.io/dockerconfigjson");
        for (type_, key, value, is_invalid) in [
            (cfg, ".dockercfg", "\"e30=\"", false),
            (cfg, ".dockercfg", "\"W10=\"", true),
            (cfg, ".dockercfg", "\"eA==\"", true),
            (cfg, ".dockercfg", "\"?\"", true),
            (cfg, ".dockercfg", "null", true),
            (cfg, ".dockerconfigjson", "\"eA==\"", false),
            (json, ".dockerconfigjson", "\"e30=\"", false),
            (json, ".dockerconfigjson", "\"eA==\"", true),
            (json, "other", "\"eA==\"", false),
            ("Opaque", ".dockercfg", "\"eA==\"", false),
        ] {
            assert_eq!(invalid(type_, key, value), is_invalid.then_some(key), "{type_} {key} {value}");
        }
    }

    /// 256 is no multiple of 62: the last 8 bytes would make the first 8 characters more likely.
    #[test]
    fn bytes_that_would_make_some_characters_likelier_are_not_used() {
        let mut byte = 247u8;
        let password = random_password(&mut || {
            byte = byte.wrapping_add(1);
            byte
        });
        assert!(password.starts_with("ABCDEFGHIJ"), "{password}");
    }

    #[test]
    fn basic_auth_gets_a_random_password_of_letters_and_digits() {
        let type_ = "kubernetes.io/basic-auth";
        let data = minimal_secret(type_, &mut counter()).unwrap();
        let map: BTreeMap<String, String> = serde_json::from_str(&data).unwrap();
        assert_eq!(map.keys().collect::<Vec<_>>(), ["password", "username"]);
        assert_eq!(map["username"], "");
        let password = BASE64.decode(&map["password"]).unwrap();
        assert_eq!(password.len(), 128);
        assert!(password.iter().all(u8::is_ascii_alphanumeric));
        // From 256 distinct bytes, 248 are used: each of the 62 characters exactly 4 times, none more likely.
        let mut all = counter();
        let drawn: Vec<u8> = (0..2).flat_map(|_| random_password(&mut all).into_bytes()).collect();
        let most = (0..=255).map(|c| drawn.iter().filter(|d| **d == c).count()).max();
        assert!(most <= Some(5), "{most:?}");

        assert!(is_minimal_secret(type_, Some(&data)), "another random password is not needed");
        for other in [
            r#"{"password":"c2hvcnQ=","username":""}"#.to_owned(),
            data.replace(r#""username":"""#, r#""username":"YWRtaW4=""#),
            data.replace(r#""username":"""#, r#""username":"","x":"""#),
            data.replace("username", "user"),
            "null".to_owned(),
            "not json".to_owned(),
        ] {
            assert!(!is_minimal_secret(type_, Some(&other)), "{other}");
        }
        assert!(!is_minimal_secret(type_, None));
    }
}
