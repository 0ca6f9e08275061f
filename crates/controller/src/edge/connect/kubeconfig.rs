//! Kubeconfig files: from their bytes to the configuration that a context means. Nothing is run here, and nobody is asked.
//!
//! `kube` understands them. What it does otherwise than kubectl is done here: the bytes become text (`kube` panics where UTF-16 ends in the
//! middle of a character), an empty path is none, and a server without a scheme has one (`kube` panics at the first request).

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use ::http::Uri;
use kube::Config;
use kube::config::{Cluster, KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::super::causes::with_causes;
use super::ConnectError;

/// What a context means.
pub(super) struct Chosen {
    pub(super) config: Config,
    /// The proxy that it names itself.
    pub(super) proxy_url: Option<String>,
    /// The file with the CA.
    pub(super) authority: Option<PathBuf>,
}

/// Merges these files, as kubectl does for `KUBECONFIG` (the first file that has a value wins), and chooses this context in the place of
/// the current one.
pub(super) async fn choose(files: &[(&Path, &[u8])], context: Option<&str>) -> Result<Chosen, ConnectError> {
    let unusable = |path: &Path, reason: String| ConnectError::Kubeconfig { path: path.to_owned(), reason };
    let last = files.last().map_or(Path::new(""), |(path, _)| path);
    let mut kubeconfig = Kubeconfig::default();
    for (path, bytes) in files {
        let read = parse(path, bytes).and_then(|read| std::mem::take(&mut kubeconfig).merge(read));
        kubeconfig = read.map_err(|error| unusable(path, with_causes(&error)))?;
    }
    if let Some(context) = context {
        if !kubeconfig.contexts.iter().any(|named| named.name == context) {
            return Err(unusable(last, format!("it has no context {context:?}")));
        }
        kubeconfig.current_context = Some(context.to_owned());
    }
    let cluster = complete(&mut kubeconfig);
    let proxy_url = cluster.as_ref().and_then(|cluster| cluster.proxy_url.clone()).filter(|url| !url.is_empty());
    let authority = cluster.and_then(|cluster| cluster.certificate_authority).map(PathBuf::from);
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| unusable(last, with_causes(&error)))?;
    if !is_server(&config.cluster_url) {
        let reason = "the server of its context is not the URL of an API server, such as https://host:6443";
        return Err(unusable(last, reason.to_owned()));
    }
    Ok(Chosen { config, proxy_url, authority })
}

/// A server's address, without the password that may stand in it.
pub(super) fn shown(server: &Uri) -> String {
    let text = server.to_string();
    match server.authority().and_then(|authority| authority.as_str().rsplit_once('@')) {
        Some((user, _)) => text.replacen(&format!("{user}@"), "", 1),
        None => text,
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Kubeconfig, KubeconfigError> {
    let no_text = || io::Error::new(io::ErrorKind::InvalidData, "it is neither UTF-8 nor UTF-16");
    let text = text(bytes).ok_or_else(|| KubeconfigError::ReadConfig(no_text(), path.to_owned()))?;
    let mut kubeconfig = Kubeconfig::from_yaml(&text)?;
    if let Some(folder) = path.parent() {
        relative_to(folder, &mut kubeconfig);
    }
    Ok(kubeconfig)
}

/// As kubectl reads it, and editors write it: UTF-8, or UTF-16 with a byte order mark.
fn text(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (units, rest) = bytes.as_chunks();
        let units: Vec<u16> = units.iter().copied().map(unit).collect();
        String::from_utf16(&units).ok().filter(|_| rest.is_empty()).map(Cow::Owned)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => std::str::from_utf8(rest).ok().map(Cow::Borrowed),
    }
}

/// Paths are relative to the folder of their kubeconfig. An empty one is none, and a command without a slash is looked up on the PATH.
fn relative_to(folder: &Path, kubeconfig: &mut Kubeconfig) {
    let resolve = |file: &mut Option<String>| {
        *file = file.take().filter(|file| !file.is_empty()).map(|file| match folder.join(&file).to_str() {
            Some(path) => path.to_owned(),
            None => file,
        });
    };
    for cluster in kubeconfig.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        resolve(&mut cluster.certificate_authority);
    }
    for user in kubeconfig.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut()) {
        [&mut user.client_certificate, &mut user.client_key, &mut user.token_file].into_iter().for_each(resolve);
        if let Some(exec) = &mut user.exec
            && exec.command.as_ref().is_some_and(|command| command.contains(std::path::MAIN_SEPARATOR))
        {
            resolve(&mut exec.command);
        }
    }
}

/// Gives the context's server a scheme, if it has none: `https` where TLS is configured, as client-go does (`DefaultServerURL`). Answers
/// the context's cluster.
fn complete(kubeconfig: &mut Kubeconfig) -> Option<Cluster> {
    let current = kubeconfig.current_context.as_ref()?;
    let context = kubeconfig.contexts.iter().find(|named| named.name == *current)?.context.clone()?;
    let user = kubeconfig.auth_infos.iter().find(|named| Some(&named.name) == context.user.as_ref());
    let user = user.and_then(|named| named.auth_info.as_ref());
    let has_certificate =
        user.is_some_and(|user| user.client_certificate.is_some() || user.client_certificate_data.is_some());
    let named = kubeconfig.clusters.iter_mut().find(|named| named.name == context.cluster)?;
    let cluster = named.cluster.as_mut()?;
    let has_authority = cluster.certificate_authority.is_some() || cluster.certificate_authority_data.is_some();
    let is_tls = has_certificate || has_authority || cluster.insecure_skip_tls_verify == Some(true);
    if let Some(server) = cluster.server.as_mut().filter(|server| !server.is_empty() && !server.contains("://")) {
        *server = format!("{}://{server}", if is_tls { "https" } else { "http" });
    }
    Some(cluster.clone())
}

fn is_server(url: &Uri) -> bool {
    matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some_and(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    /// What this kubeconfig's server is, or what is wrong.
    fn server(cluster: &str, user: &str) -> String {
        let text = format!(
            "contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\ncurrent-context: c\n\
             clusters: [{{name: c, cluster: {{{cluster}}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n"
        );
        understood(text.as_bytes())
    }

    fn understood(bytes: &[u8]) -> String {
        let files = [(Path::new("/nowhere/config"), bytes)];
        match choose(&files, None).now_or_never().unwrap() {
            Ok(chosen) => shown(&chosen.config.cluster_url),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_server_without_a_scheme_has_one_as_kubectl_gives_it() {
        for (cluster, user, expected) in [
            ("server: 'https://h:6443'", "", "https://h:6443/"),
            ("server: 'h:6443'", "", "http://h:6443/"),
            ("server: h", "", "http://h/"),
            ("server: '10.0.0.1:6443', insecure-skip-tls-verify: true", "", "https://10.0.0.1:6443/"),
            ("server: 'h:6443/at/a/path', certificate-authority-data: ''", "", "https://h:6443/at/a/path"),
            ("server: 'h:6443', certificate-authority: ''", "", "http://h:6443/"),
            ("server: 'h:6443'", "client-certificate: c.pem, client-key: c.key", "https://h:6443/"),
        ] {
            assert_eq!(server(cluster, user), expected, "{cluster} {user}");
        }
    }

    #[test]
    fn what_is_no_server_is_said_at_once() {
        for cluster in ["server: /only/a/path", "server: 'ftp://h'", "server: 'https://'", "server: ''"] {
            let said = server(cluster, "");
            assert!(said.starts_with("--kube-config /nowhere/config: "), "{cluster}: {said}");
        }
    }

    #[test]
    fn a_password_in_the_server_is_not_shown() {
        assert_eq!(server("server: 'https://u:hunter2@h:6443/x'", ""), "https://h:6443/x");
    }

    #[test]
    fn editors_write_utf_8_and_utf_16() {
        let text = "contexts: [{name: c, context: {cluster: c}}]\ncurrent-context: c\n\
                    clusters: [{name: c, cluster: {server: 'https://h'}}]\n";
        let units = || text.encode_utf16();
        let little: Vec<u8> = [0xff, 0xfe].into_iter().chain(units().flat_map(u16::to_le_bytes)).collect();
        let big: Vec<u8> = [0xfe, 0xff].into_iter().chain(units().flat_map(u16::to_be_bytes)).collect();
        for bytes in [&[b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat(), &little, &big] {
            assert_eq!(understood(bytes), "https://h/");
        }
        // Cut in the middle of a character.
        for bytes in [&little[..little.len() - 1], &big[..3], b"a: \xff"] {
            assert!(understood(bytes).contains("neither UTF-8 nor UTF-16"), "{}", understood(bytes));
        }
    }
}
