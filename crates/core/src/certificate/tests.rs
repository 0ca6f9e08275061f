//! The pairs in `testdata` were made with OpenSSL for these tests alone, and are used nowhere else.

use super::Completeness::{Complete, Incomplete, Unreadable};
use super::*;

macro_rules! file {
    ($name:literal) => {
        include_str!(concat!("testdata/", $name))
    };
}

fn of(certificate: &str, key: &str) -> Completeness {
    let [certificate, key] = [certificate, key].map(|pem| BASE64.encode(pem));
    completeness(Some(&format!(r#"{{"ca.crt":"eA==","tls.crt":"{certificate}","tls.key":"{key}"}}"#)))
}

#[test]
fn a_pair_is_recognised_in_every_form_of_the_key() {
    let pairs = [
        ("RSA, PKCS#8", file!("rsa.crt"), file!("rsa.key")),
        ("RSA, PKCS#1", file!("rsa.crt"), file!("rsa-pkcs1.key")),
        ("P-256, PKCS#8", file!("p256.crt"), file!("p256.key")),
        ("P-256, SEC1", file!("p256.crt"), file!("p256-sec1.key")),
        ("P-384, PKCS#8", file!("p384.crt"), file!("p384.key")),
        ("P-384, SEC1", file!("p384.crt"), file!("p384-sec1.key")),
        ("Ed25519", file!("ed25519.crt"), file!("ed25519.key")),
    ];
    for (name, certificate, key) in pairs {
        assert_eq!(of(certificate, key), Complete, "{name}");
        let with_more = format!("# renewed\n{certificate}{}", file!("other.crt"));
        assert_eq!(of(&with_more, key), Complete, "{name}: the first certificate counts");
        let behind_another = format!("{}{certificate}", file!("other.crt"));
        assert_eq!(of(&behind_another, key), Incomplete, "{name}: the first certificate counts");
    }
}

#[test]
fn another_key_does_not_belong_to_it() {
    for (certificate, key) in [
        (file!("rsa.crt"), file!("other-rsa.key")),
        (file!("p256.crt"), file!("other-p256.key")),
        (file!("p256.crt"), file!("p384.key")),
        (file!("rsa.crt"), file!("ed25519.key")),
        (file!("ed25519.crt"), file!("rsa.key")),
    ] {
        assert_eq!(of(certificate, key), Incomplete);
    }
}

#[test]
fn one_half_is_incomplete_and_what_cannot_be_parsed_is_unreadable() {
    let (certificate, key) = (file!("p256.crt"), file!("p256.key"));
    assert_eq!(of("", key), Incomplete);
    assert_eq!(of(certificate, ""), Incomplete);
    assert_eq!(of("", ""), Incomplete);
    for data in [None, Some("{}"), Some(r#"{"tls.crt":"eA=="}"#), Some(r#"{"tls.crt":null,"tls.key":"eA=="}"#)] {
        assert_eq!(completeness(data), Incomplete, "{data:?}");
    }
    assert_eq!(of("no PEM", key), Unreadable);
    assert_eq!(of(certificate, "no PEM"), Unreadable);
    assert_eq!(of(certificate, certificate), Unreadable, "no key in it");
    assert_eq!(of(key, key), Unreadable, "no certificate in it");
    assert_eq!(of(&certificate.replace("MII", "AII"), key), Unreadable);
    assert_eq!(of(file!("p521.crt"), file!("p521.key")), Unreadable, "a curve that the library does not know");
    assert_eq!(of(certificate, file!("p256-encrypted.key")), Unreadable);
    assert_eq!(completeness(Some(r#"{"tls.crt":"not base64","tls.key":"eA=="}"#)), Unreadable);
    assert_eq!(completeness(Some("not json")), Unreadable);
}

/// The lengths in DER are others' to choose.
#[test]
fn no_length_goes_beyond_the_end() {
    for bytes in
        [&[][..], &[0x30], &[0x30, 5, 1], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[0x30, 0x8f], &[0x30, 0xff, 0]]
    {
        assert_eq!(der(bytes), None, "{bytes:?}");
    }
    assert_eq!(der(&[0x30, 1, 7, 8]), Some((&[7][..], &[8][..])));
    assert_eq!(der(&[0x30, 0x81, 1, 7, 8]), Some((&[7][..], &[8][..])));
    let long = [&[0x30, 0x82, 1, 2][..], &[7; 258], &[8]].concat();
    assert_eq!(der(&long), Some((&[7; 258][..], &[8][..])));
}
