//! Kubeconfig files.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Whom a kubeconfig lets in, and where.
pub(crate) struct Access<'a> {
    /// URL of the server.
    pub(crate) server: &'a str,
    /// Certificates of the server's authority, PEM. None for plain HTTP.
    pub(crate) authority: Option<&'a [u8]>,
    /// Name and token of the user. None for a server that asks for none.
    pub(crate) user: Option<(&'a str, &'a str)>,
}

/// Writes `access` to `path`, readable by this user only.
pub(crate) fn write(path: &Path, access: &Access<'_>) -> Result<()> {
    let authority = match access.authority {
        Some(pem) => format!("\n    certificate-authority-data: {}", BASE64.encode(pem)),
        None => String::new(),
    };
    let (name, token) = match access.user {
        Some((name, token)) => (name, format!("\n    token: {token}")),
        None => ("nobody", " {}".to_owned()),
    };
    // A user without anything is an empty mapping, on the line of its key.
    let text = format!(
        "apiVersion: v1
kind: Config
clusters:
- name: k8s-replicator
  cluster:
    server: {server}{authority}
users:
- name: {name}
  user:{token}
contexts:
- name: k8s-replicator
  context:
    cluster: k8s-replicator
    user: {name}
current-context: k8s-replicator
",
        server = access.server,
    );
    write_private(path, &text)
}

/// Writes a file that only this user can read.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write {}", path.display()))
}
