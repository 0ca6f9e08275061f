//! Reads credentials, and notices when they change.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kube::Config;
use kube::config::KubeconfigError;

use super::super::causes::with_causes;
use super::kubeconfig::{self, Chosen};
use super::{ConnectError, LOOK_AGAIN, SHORTEST_PAUSE, plugin};

/// Credentials that expire are asked for anew so long before that.
const BEFORE_EXPIRY: Duration = Duration::from_secs(60);

/// Where the address and the credentials are read.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// The pod's ServiceAccount.
    Pod,
    /// This file.
    Kubeconfig(PathBuf),
    /// These files merged, as in `KUBECONFIG` (the first file that has a value wins); and this context in the place of the current
    /// one.
    Merged(Vec<PathBuf>, Option<String>),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod => f.write_str("the pod's ServiceAccount"),
            Self::Kubeconfig(path) => path.display().fmt(f),
            Self::Merged(paths, _) => {
                let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
                f.write_str(&paths.join(", "))
            }
        }
    }
}

/// The files that credentials were read from, by fingerprint, so that a change is noticed. Their contents are not kept.
pub(super) struct Credentials {
    files: Vec<(PathBuf, Option<u64>)>,
    expire_at: Option<Instant>,
}

impl Credentials {
    fn of(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let files = paths.into_iter().map(|path| (fingerprint(&path), path)).map(|(print, path)| (path, print));
        Self { files: files.collect(), expire_at: None }
    }

    /// The same credentials, which expire at this time.
    fn until(self, expires: Option<jiff::Timestamp>) -> Self {
        let left = expires.map(|at| at.duration_since(jiff::Timestamp::now()).unsigned_abs_or_zero());
        Self { expire_at: left.map(|left| Instant::now() + left.saturating_sub(BEFORE_EXPIRY)), ..self }
    }

    /// When to check them again. Never at once, even if they are about to expire when they are read.
    pub(super) fn check_at(&self, now: Instant) -> Instant {
        let again = now + LOOK_AGAIN;
        self.expire_at.map_or(again, |at| at.clamp(now + SHORTEST_PAUSE, again))
    }

    /// Whether they have to be read again: a file changed, or they are about to expire. A file that cannot be read counts as
    /// unchanged: it may be about to be replaced.
    pub(super) fn changed(&self, now: Instant) -> bool {
        let is_another = |(path, print): &(PathBuf, Option<u64>)| {
            let now = fingerprint(path);
            now.is_some() && now != *print
        };
        self.expire_at.is_some_and(|at| now >= at) || self.files.iter().any(is_another)
    }
}

trait OrZero {
    fn unsigned_abs_or_zero(self) -> Duration;
}

impl OrZero for jiff::SignedDuration {
    fn unsigned_abs_or_zero(self) -> Duration {
        Duration::try_from(self).unwrap_or_default()
    }
}

fn fingerprint(path: &Path) -> Option<u64> {
    let content = std::fs::read(path).ok()?;
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    Some(hasher.finish())
}

/// The configuration, and the proxy that it names itself. `longest_plugin`: for so long a credential plugin may run.
pub(super) async fn read(
    origin: &Origin,
    longest_plugin: Duration,
) -> Result<(Config, Option<String>, Credentials), ConnectError> {
    // Not by kube's own inference, which also looks at the environment and the home folder.
    let (mut config, proxy_url, mut files) = match origin {
        Origin::Kubeconfig(path) => from_files(std::slice::from_ref(path), None).await?,
        Origin::Merged(paths, context) => from_files(paths, context.as_deref()).await?,
        Origin::Pod => {
            let config =
                Config::incluster().map_err(|error| ConnectError::InCluster { reason: with_causes(&error) })?;
            (config, None, Vec::new())
        }
    };
    // The proxy is chosen in `proxy`.
    config.proxy_url = None;
    let auth = &mut config.auth_info;
    files.extend(
        [&auth.token_file, &auth.client_certificate, &auth.client_key].into_iter().flatten().map(PathBuf::from),
    );
    if let Some(file) = auth.token_file.take() {
        let token = std::fs::read_to_string(&file).map_err(|error| ConnectError::Client {
            origin: origin.to_string(),
            reason: format!("cannot read the token in {file}: {error}"),
        })?;
        // kubectl prefers the file to a token beside it, and trims it.
        auth.token = Some(token.trim().into());
    }
    let expires = plugin::replace(auth, longest_plugin)
        .await
        .map_err(|reason| ConnectError::Client { origin: origin.to_string(), reason })?;
    Ok((config, proxy_url, Credentials::of(files).until(expires)))
}

async fn from_files(
    paths: &[PathBuf],
    context: Option<&str>,
) -> Result<(Config, Option<String>, Vec<PathBuf>), ConnectError> {
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let read = std::fs::read(path).map_err(|error| ConnectError::Kubeconfig {
            path: path.to_owned(),
            reason: with_causes(&KubeconfigError::ReadConfig(error, path.to_owned())),
        })?;
        files.push((path.as_path(), read));
    }
    let files: Vec<(&Path, &[u8])> = files.iter().map(|(path, bytes)| (*path, bytes.as_slice())).collect();
    let Chosen { config, proxy_url, authority } = kubeconfig::choose(&files, context).await?;
    Ok((config, proxy_url, paths.iter().cloned().chain(authority).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_a_file_is_noticed_and_its_absence_is_none() {
        let folder = std::env::temp_dir().join(format!("k8s-replicator-credentials-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("token");
        std::fs::write(&file, "one").unwrap();
        let (credentials, now) = (Credentials::of([file.clone()]), Instant::now());
        assert!(!credentials.changed(now));
        std::fs::remove_file(&file).unwrap();
        assert!(!credentials.changed(now));
        std::fs::write(&file, "two").unwrap();
        assert!(credentials.changed(now));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn credentials_are_asked_for_anew_before_they_expire() {
        let now = Instant::now();
        let soon = Credentials::of([]).until(Some(jiff::Timestamp::now() + jiff::SignedDuration::from_secs(90)));
        assert!(!soon.changed(now));
        assert!(soon.check_at(now) < now + Duration::from_secs(31));
        assert!(soon.changed(now + Duration::from_secs(31)));
        let shorter = Credentials::of([]).until(Some(jiff::Timestamp::now() + jiff::SignedDuration::from_secs(9)));
        assert_eq!(shorter.check_at(now), now + SHORTEST_PAUSE, "not before each request");
        assert!(Credentials::of([]).until(Some(jiff::Timestamp::UNIX_EPOCH)).changed(Instant::now()));
    }

    /// As `KUBECONFIG` with several files: what the first says counts, and any context can be chosen.
    #[tokio::test]
    async fn kubeconfigs_are_merged_and_a_context_is_chosen() {
        let folder = std::env::temp_dir().join(format!("k8s-replicator-merged-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str| {
            let file = folder.join(name);
            let text = format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: {name}\n\
                 clusters: [{{name: {name}, cluster: {{server: 'https://{name}.example.com'}}}}]\n\
                 users: [{{name: {name}, user: {{token: x}}}}]\n\
                 contexts: [{{name: {name}, context: {{cluster: {name}, user: {name}, namespace: of-{name}}}}}]\n"
            );
            std::fs::write(&file, text).unwrap();
            file
        };
        let files = [write("one"), write("two")];
        for (context, server, namespace) in
            [(None, "https://one.example.com/", "of-one"), (Some("two"), "https://two.example.com/", "of-two")]
        {
            let (config, _, read) = from_files(&files, context).await.unwrap();
            assert_eq!((config.cluster_url.to_string().as_str(), &*config.default_namespace), (server, namespace));
            assert_eq!(read, files);
        }
        let error = from_files(&files, Some("three")).await.err().unwrap();
        assert!(
            error.to_string().ends_with("it has no context \"three\"; expected a kubeconfig file as kubectl reads it")
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
