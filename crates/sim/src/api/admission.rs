//! Admission: policies and webhooks that deny, change or hang, and quotas.

use super::object::{Id, Object, Resource};
use super::refusal::{Cause, Refusal};
use super::store::State;

/// The name of every policy and webhook.
const GUARD: &str = "guard.example.com";

/// What is done to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// A webhook denies with this status, and perhaps says when to come back; with 422 a ValidatingAdmissionPolicy does.
    Deny(u16, Option<u64>),
    /// A webhook denies, and quotes the values of the Secret that it was shown.
    Quote,
    /// A mutating webhook adds a label: harmless.
    AddLabel,
    /// A mutating webhook writes other data than it was given.
    ChangeData,
    /// A webhook never answers.
    Hang,
    /// A quota allows no more objects than there are.
    Quota,
}

/// One of them, in force in one namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Where.
    pub namespace: String,
    /// What it does.
    pub effect: Effect,
}

/// The outcome of admission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    /// The write goes on.
    Yes,
    /// It is refused.
    No(Refusal),
    /// No answer ever comes.
    Never,
}

/// Applies every policy to an object that is to be created (`is_new`) or updated.
pub fn admit(policies: &[Policy], live: &State, object: &mut Object, is_new: bool) -> Admitted {
    for policy in policies.iter().filter(|policy| policy.namespace == object.id.namespace) {
        match policy.effect {
            Effect::Deny(code, retry_after) => {
                return Admitted::No(denied(code, retry_after, object));
            }
            Effect::Quote => {
                // ConfigMaps hold no secrets: what is said of them is shown as it is.
                let is_secret = object.id.resource == Resource::Secret;
                let values: Vec<String> =
                    object.data.values().filter(|_| is_secret).map(|value| quoted(value)).collect();
                let message = format!("admission webhook \"{GUARD}\" denied the request: not {values:?}");
                return Admitted::No(Refusal::new(403, "Forbidden", message));
            }
            Effect::AddLabel => {
                object.labels.insert("seen-by".to_owned(), "webhook".to_owned());
            }
            Effect::ChangeData => {
                object.data.insert("injected".to_owned(), "d2ViaG9vaw==".to_owned());
            }
            Effect::Hang => return Admitted::Never,
            Effect::Quota if is_new && object.id.resource != Resource::Namespace => {
                let used = live.keys().filter(|id| in_same_place(id, &object.id)).count();
                let what = object.id.resource.plural();
                let why = format!(
                    "exceeded quota: objects, requested: count/{what}=1, used: count/{what}={used}, limited: count/{what}={used}"
                );
                return Admitted::No(Refusal::forbidden("", what, &object.id.name, &why));
            }
            Effect::Quota => {}
        }
    }
    Admitted::Yes
}

/// The refusal of a policy, or of a webhook that says all that a `Status` can say.
fn denied(code: u16, retry_after: Option<u64>, object: &Object) -> Refusal {
    let (Id { namespace, name, .. }, resource) = (&object.id, object.id.resource.plural());
    if code == 422 {
        let why =
            format!("ValidatingAdmissionPolicy '{GUARD}' with binding '{GUARD}' denied request: not in {namespace}");
        let causes = vec![Cause::new("", "", why.clone())];
        return Refusal { code, reason: "Invalid", causes, ..Refusal::forbidden("", resource, name, &why) };
    }
    let reason = match code {
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        _ => "Forbidden",
    };
    let message = format!("admission webhook \"{GUARD}\" denied the request: not in {namespace}");
    Refusal { retry_after, ..Refusal::new(code, reason, message) }
}

/// Applies every policy to an object that is to be deleted: webhooks see deletions too. What a mutating webhook changes, and a quota,
/// does not matter to them.
pub fn admit_deletion(policies: &[Policy], live: &State, object: &Object) -> Admitted {
    let matters = |policy: &&Policy| matches!(policy.effect, Effect::Deny(..) | Effect::Quote | Effect::Hang);
    let policies: Vec<Policy> = policies.iter().filter(matters).cloned().collect();
    admit(&policies, live, &mut object.clone(), false)
}

/// A value as it is, and in base64.
fn quoted(value: &str) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(value).unwrap_or_default();
    format!("{} ({value})", String::from_utf8_lossy(&bytes))
}

fn in_same_place(id: &Id, other: &Id) -> bool {
    id.resource == other.resource && id.namespace == other.namespace
}
