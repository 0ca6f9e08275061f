//! The one Lease of the simulation: get, create and update, as kube-apiserver serves them. It counts its own versions.

use serde_json::{Value, json};

use super::http::{JSON, Refusal, Reply, Request};
use super::refusal::{Cause, MODIFIED};
use super::server::refused;

/// The Lease's namespace.
pub const NAMESPACE: &str = "a";
/// Its name.
pub const NAME: &str = "k8s-replicator";

const GROUP: &str = "coordination.k8s.io";

/// See the [module](self).
#[derive(Debug, Clone, Default)]
pub struct Leases {
    lease: Option<Value>,
    version: u64,
    /// How often it was created.
    created: u64,
}

impl Leases {
    /// Whether a request is about Leases.
    #[must_use]
    pub fn is_about(request: &Request) -> bool {
        request.uri.starts_with("/apis/coordination.k8s.io/v1/")
    }

    /// Whom it names as its holder.
    #[must_use]
    pub fn holder(&self) -> Option<&str> {
        self.lease.as_ref()?["spec"]["holderIdentity"].as_str()
    }

    /// It goes back to what it was in a backup; its versions do not.
    pub fn restore(&mut self, backup: &Self) {
        self.lease.clone_from(&backup.lease);
        self.version += 1_000;
        if let Some(lease) = &mut self.lease {
            lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        }
    }

    /// Answers a request.
    pub fn answer(&mut self, request: &Request) -> Reply {
        self.answered(request).unwrap_or_else(|refusal| refused(request, &refusal))
    }

    fn answered(&mut self, request: &Request) -> Result<Reply, Refusal> {
        let parts: Vec<&str> = request.path().split('/').skip(4).collect();
        let missing = || Refusal::not_found(GROUP, "leases", NAME);
        match (&*request.method, parts.as_slice()) {
            ("GET", ["namespaces", NAMESPACE, "leases", NAME]) => {
                self.lease.as_ref().map(|lease| reply(200, lease)).ok_or_else(missing)
            }
            ("POST", ["namespaces", NAMESPACE, "leases"]) if self.lease.is_some() => {
                Err(Refusal::already_exists(GROUP, "leases", NAME))
            }
            ("POST", ["namespaces", NAMESPACE, "leases"]) => self.keep(201, request),
            ("PUT", ["namespaces", NAMESPACE, "leases", NAME]) => {
                let sent = read(request)?;
                // A Lease is one of the few objects that an update makes, if they are not there.
                let is = self.lease.as_ref().map_or("", |lease| lease["metadata"]["uid"].as_str().unwrap_or_default());
                if let Some(uid) = sent["metadata"]["uid"].as_str().filter(|uid| *uid != is) {
                    let why = format!(
                        "StorageError: invalid object, Code: 4, Key: /registry/leases/{NAMESPACE}/{NAME}, ResourceVersion: 0, \
                         AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {is}"
                    );
                    return Err(Refusal::conflict(GROUP, "leases", NAME, &why));
                }
                let Some(now) = &self.lease else { return self.keep(201, request) };
                let version = sent["metadata"]["resourceVersion"].as_str().unwrap_or_default();
                if version.is_empty() {
                    let why = "Invalid value: 0: must be specified for an update";
                    let cause = Cause::new("FieldValueInvalid", "metadata.resourceVersion", why);
                    return Err(Refusal::invalid(GROUP, "leases", NAME, vec![cause]));
                }
                if now["metadata"]["resourceVersion"] != version {
                    return Err(Refusal::conflict(GROUP, "leases", NAME, MODIFIED));
                }
                self.keep(200, request)
            }
            _ => Err(Refusal::new(404, "NotFound", "the server could not find the requested resource")),
        }
    }

    fn keep(&mut self, status: u16, request: &Request) -> Result<Reply, Refusal> {
        let mut lease = read(request)?;
        if lease["metadata"]["name"] != NAME || !lease["spec"]["holderIdentity"].is_string() {
            return Err(Refusal::new(422, "Invalid", "metadata.name: Required value"));
        }
        // A write that changes nothing makes no new version.
        let is_new = self.lease.as_ref() != Some(&lease);
        self.version += u64::from(is_new);
        lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.created += u64::from(self.lease.is_none());
        let uid = self.lease.as_ref().map_or_else(
            || json!(format!("00000000-0000-4000-9000-{:012x}", self.created)),
            |lease| lease["metadata"]["uid"].clone(),
        );
        lease["metadata"]["uid"] = uid;
        Ok(reply(status, self.lease.insert(lease)))
    }
}

fn read(request: &Request) -> Result<Value, Refusal> {
    serde_json::from_slice(&request.body)
        .map_err(|_| Refusal::new(400, "BadRequest", "the body of the request was in an unknown format"))
}

fn reply(status: u16, lease: &Value) -> Reply {
    Reply { status, content_type: JSON, retry_after: None, body: lease.to_string().into_bytes() }
}
