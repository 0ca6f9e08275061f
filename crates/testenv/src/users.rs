//! The users that an API server knows from its token file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt as _;
use rand::distr::Alphanumeric;
use serde_json::Value;

use crate::{audit, kubeconfig};

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Everything (group `system:masters`).
    Admin,
    /// Nothing, until the test binds a role to [`User::name`].
    Nothing,
}

/// A user of the API server, whose requests the audit log distinguishes from all others'.
#[derive(Clone, Debug)]
pub struct User {
    /// The name that RBAC and the audit log know.
    pub name: String,
    /// The bearer token.
    pub token: String,
    /// A kubeconfig file for this user.
    pub kubeconfig: PathBuf,
    /// What all lines of the audit log about it hold, and no others.
    pub(crate) mark: String,
}

impl User {
    /// A ServiceAccount, by one of its tokens: the audit log distinguishes its requests from those with another token.
    pub(crate) fn of_token(folder: &Path, name: &str, token: &str, server: &str, authority: &[u8]) -> Result<Self> {
        let id = token_id(token).context("the token names no id of itself")?;
        let kubeconfig = folder.join(format!("{id}.kubeconfig"));
        kubeconfig::write(
            &kubeconfig,
            &kubeconfig::Access { server, authority: Some(authority), user: Some(("service-account", token)) },
        )?;
        Ok(Self { name: name.to_owned(), token: token.to_owned(), kubeconfig, mark: format!("JTI={id}") })
    }
}

/// The claim `jti` of a JSON web token.
fn token_id(token: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims["jti"].as_str().map(str::to_owned)
}

/// The name of the administrator whose kubeconfig is the control plane's own.
pub(crate) const ADMIN: &str = "admin";

/// Name of the token file in the control plane's folder.
pub(crate) const TOKENS: &str = "tokens.csv";

/// All users, made at start since the server reads its token file only then.
pub(crate) struct Users {
    folder: PathBuf,
    /// Of the [`ADMIN`].
    pub(crate) admin_token: String,
    /// The node's user and its token.
    node: Option<(String, String)>,
    admins: Pool,
    nobodies: Pool,
}

struct Pool {
    users: Vec<(String, String)>,
    next: AtomicUsize,
}

impl Users {
    /// Invents the users, and writes them to the token file in `folder`.
    pub(crate) fn create(folder: &Path, node: Option<&str>) -> Result<Self> {
        let admin_token = token();
        let (admins, nobodies) = (Pool::new("admin", 3_000), Pool::new("nobody", 100));
        let mut file = format!("{admin_token},{ADMIN},{ADMIN},\"system:masters\"\n");
        let node = node.map(|name| (format!("system:node:{name}"), token()));
        if let Some((name, token)) = &node {
            writeln!(file, "{token},{name},{name},\"system:nodes\"")?;
        }
        for (pool, groups) in [(&admins, ",\"system:masters\""), (&nobodies, "")] {
            for (name, token) in &pool.users {
                writeln!(file, "{token},{name},{name}{groups}")?;
            }
        }
        kubeconfig::write_private(&folder.join(TOKENS), &file)?;
        Ok(Self { folder: folder.to_owned(), admin_token, node, admins, nobodies })
    }

    /// The node's kubeconfig.
    pub(crate) fn node(&self, server: &str, authority: &[u8]) -> Result<PathBuf> {
        let (name, token) = self.node.as_ref().context("this control plane was started without a node")?;
        let path = self.folder.join("node.kubeconfig");
        let access = kubeconfig::Access { server, authority: Some(authority), user: Some((name, token)) };
        kubeconfig::write(&path, &access)?;
        Ok(path)
    }

    /// The next user with these rights.
    pub(crate) fn next(&self, rights: Rights, server: &str, authority: &[u8]) -> Result<User> {
        let pool = match rights {
            Rights::Admin => &self.admins,
            Rights::Nothing => &self.nobodies,
        };
        let number = pool.next.fetch_add(1, Ordering::Relaxed);
        let (name, token) = pool
            .users
            .get(number)
            .with_context(|| format!("all {} users with rights {rights:?} are taken", pool.users.len()))?;
        let user = User {
            name: name.clone(),
            token: token.clone(),
            kubeconfig: self.folder.join(format!("{name}.kubeconfig")),
            mark: audit::mark_of_name(name),
        };
        let access = kubeconfig::Access { server, authority: Some(authority), user: Some((name, token)) };
        kubeconfig::write(&user.kubeconfig, &access)?;
        Ok(user)
    }
}

impl Pool {
    fn new(name: &str, size: usize) -> Self {
        let users = (1..=size).map(|number| (format!("{name}-{number}"), token())).collect();
        Self { users, next: AtomicUsize::new(0) }
    }
}

/// Unguessable, since others on this machine can reach the loopback address too.
fn token() -> String {
    rand::rng().sample_iter(Alphanumeric).take(32).map(char::from).collect()
}
