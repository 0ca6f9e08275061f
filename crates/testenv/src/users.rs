//! The users that an API server knows from its token file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use rand::RngExt as _;
use rand::distr::Alphanumeric;

use crate::kubeconfig;

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Everything (group `system:masters`).
    Admin,
    /// Nothing, until the test binds a role to [`User::name`].
    Nothing,
}

/// Someone whom the API server knows, and whose requests can be told from all others'.
#[derive(Clone, Debug)]
pub struct User {
    /// The name that RBAC and the audit log know.
    pub name: String,
    /// The bearer token.
    pub token: String,
    /// A kubeconfig file for this user.
    pub kubeconfig: PathBuf,
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
    admins: Pool,
    nobodies: Pool,
}

struct Pool {
    users: Vec<(String, String)>,
    next: AtomicUsize,
}

impl Users {
    /// Invents the users, and writes them to the token file in `folder`.
    pub(crate) fn create(folder: &Path) -> Result<Self> {
        let admin_token = token();
        let (admins, nobodies) = (Pool::new("admin", 600), Pool::new("nobody", 100));
        let mut file = format!("{admin_token},{ADMIN},{ADMIN},\"system:masters\"\n");
        for (pool, groups) in [(&admins, ",\"system:masters\""), (&nobodies, "")] {
            for (name, token) in &pool.users {
                writeln!(file, "{token},{name},{name}{groups}")?;
            }
        }
        kubeconfig::write_private(&folder.join(TOKENS), &file)?;
        Ok(Self { folder: folder.to_owned(), admin_token, admins, nobodies })
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
