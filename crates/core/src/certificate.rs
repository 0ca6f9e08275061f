//! Whether a certificate and its key belong together (SPEC 11.9).
//!
//! A tool that renews a certificate may write the two halves one after the other. A copy of one half breaks every server that loads
//! it, so such a source is held until the pair is whole. The check is the TLS library's own view of both: the public key in the
//! first certificate of `tls.crt` is compared with that of `tls.key` (RSA, ECDSA P-256 and P-384, Ed25519; as PKCS#1, PKCS#8 or
//! SEC1). It verifies no signature, no name and no date.
//!
//! What cannot be parsed is [`Completeness::Unreadable`], never incomplete: a form that the library does not know must not
//! hold a copy back for ever.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ParsedCertificate;

/// The type of Secrets that hold a certificate and its key.
pub const TYPE: &str = "kubernetes.io/tls";

/// The keys that belong together.
pub const KEYS: [&str; 2] = ["tls.crt", "tls.key"];

/// Whether a source's certificate and key are both there and belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// They are, or objects of this type have no such keys.
    Complete,
    /// The certificate or the key is missing or empty, or the certificate is another key's.
    Incomplete,
    /// The certificate or the key cannot be parsed, so whether they belong together is not known.
    Unreadable,
}

#[derive(Default, serde::Deserialize)]
struct Pair<'a> {
    #[serde(borrow, default, rename = "tls.crt")]
    certificate: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "tls.key")]
    key: Option<Cow<'a, str>>,
}

/// Checks the raw JSON `data` of a Secret of [`TYPE`].
#[must_use]
pub fn completeness(data: Option<&str>) -> Completeness {
    let Ok(pair) = serde_json::from_str::<Pair<'_>>(data.unwrap_or("{}")) else { return Completeness::Unreadable };
    let (certificate, key) = (pair.certificate.unwrap_or_default(), pair.key.unwrap_or_default());
    if certificate.is_empty() || key.is_empty() {
        return Completeness::Incomplete;
    }
    match belong_together(&certificate, &key) {
        Some(true) => Completeness::Complete,
        Some(false) => Completeness::Incomplete,
        None => Completeness::Unreadable,
    }
}

/// Whether the key, base64 of PEM as the certificate, is that of the first certificate. `None`: not both can be parsed.
fn belong_together(certificate: &str, key: &str) -> Option<bool> {
    let certificate = CertificateDer::from_pem_slice(&BASE64.decode(certificate).ok()?).ok()?;
    let key = PrivateKeyDer::from_pem_slice(&BASE64.decode(key).ok()?).ok()?;
    let key = any_supported_type(&key).ok()?;
    let (of_key, certificate) = (key.public_key()?, ParsedCertificate::try_from(&certificate).ok()?);
    Some(public_key(&of_key)? == public_key(&certificate.subject_public_key_info())?)
}

/// The public key itself of a `SubjectPublicKeyInfo`, without its algorithm: the same RSA key may be written down for
/// RSA in general, or for RSA-PSS alone.
fn public_key(info: &[u8]) -> Option<&[u8]> {
    let (content, _) = der(info)?;
    let (_algorithm, rest) = der(content)?;
    Some(rest)
}

/// The content of the first DER element, and what follows it.
fn der(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, length) = match *bytes.get(1)? {
        short @ 0..=0x7f => (2, usize::from(short)),
        long => {
            let octets = bytes.get(2..2 + usize::from(long & 0x7f)).filter(|octets| octets.len() <= 4)?;
            (2 + octets.len(), octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)))
        }
    };
    bytes.get(header..)?.split_at_checked(length)
}

#[cfg(test)]
mod tests;
