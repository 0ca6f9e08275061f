//! An API server's refusals: what becomes a `Status`, as `k8s.io/apimachinery` (`pkg/api/errors`) makes them.

use super::object::Id;

/// See the [module](self).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub code: u16,
    /// `reason`; empty: none.
    pub reason: &'static str,
    /// `message`.
    pub message: String,
    /// What it is about; `None`: the server does not say.
    pub about: Option<Box<About>>,
    /// `details.causes`.
    pub causes: Vec<Cause>,
    /// `details.retryAfterSeconds`.
    pub retry_after: Option<u64>,
    /// `metadata.continue`: where a list could go on all the same; empty: nowhere.
    pub continue_: Box<str>,
}

/// What a refusal is about, in its `details`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// `name`; empty: it is not said.
    pub name: String,
    /// `group`.
    pub group: &'static str,
    /// `kind`: of an invalid object its kind, else the resource.
    pub kind: String,
}

/// One of `details.causes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// `reason`.
    pub reason: &'static str,
    /// `message`.
    pub message: String,
    /// `field`.
    pub field: String,
}

impl Cause {
    /// One.
    #[must_use]
    pub fn new(reason: &'static str, field: &str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), field: field.to_owned() }
    }

    /// A field that nothing may change.
    #[must_use]
    pub fn immutable(field: &str, value: &str) -> Self {
        Self::new("FieldValueInvalid", field, format!("Invalid value: {value}: field is immutable"))
    }

    /// A field that is missing.
    #[must_use]
    pub fn required(field: &str, why: &str) -> Self {
        let message = if why.is_empty() { "Required value".to_owned() } else { format!("Required value: {why}") };
        Self::new("FieldValueRequired", field, message)
    }
}

impl Refusal {
    /// One without details.
    #[must_use]
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            about: None,
            causes: Vec::new(),
            retry_after: None,
            continue_: Box::default(),
        }
    }

    /// One about an object of a resource.
    #[must_use]
    pub fn about(mut self, group: &'static str, kind: &str, name: &str) -> Self {
        self.about = Some(Box::new(About { name: name.to_owned(), group, kind: kind.to_owned() }));
        self
    }

    /// What is asked for does not exist.
    #[must_use]
    pub fn not_found(group: &'static str, resource: &str, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", qualified(resource, group));
        Self::new(404, "NotFound", message).about(group, resource, name)
    }

    /// The same for an object that is stored.
    #[must_use]
    pub fn missing(id: &Id) -> Self {
        Self::not_found("", id.resource.plural(), &id.name)
    }

    /// What is to be created exists.
    #[must_use]
    pub fn already_exists(group: &'static str, resource: &str, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", qualified(resource, group));
        Self::new(409, "AlreadyExists", message).about(group, resource, name)
    }

    /// Something else is there than the write expects.
    #[must_use]
    pub fn conflict(group: &'static str, resource: &str, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", qualified(resource, group));
        Self::new(409, "Conflict", message).about(group, resource, name)
    }

    /// Authorization or admission says no.
    #[must_use]
    pub fn forbidden(group: &'static str, resource: &str, name: &str, why: &str) -> Self {
        let what = qualified(resource, group);
        let what = if name.is_empty() { what } else { format!("{what} \"{name}\"") };
        Self::new(403, "Forbidden", format!("{what} is forbidden: {why}")).about(group, resource, name)
    }

    /// The object cannot be stored like this.
    #[must_use]
    pub fn invalid(group: &'static str, kind: &str, name: &str, causes: Vec<Cause>) -> Self {
        let whys: Vec<String> = causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let why = if let [why] = &*whys { why.clone() } else { format!("[{}]", whys.join(", ")) };
        let message = format!("{} \"{name}\" is invalid: {why}", qualified(kind, group));
        Self { causes, ..Self::new(422, "Invalid", message).about(group, kind, name) }
    }
}

/// As `GroupResource` and `GroupKind` are written.
fn qualified(what: &str, group: &str) -> String {
    if group.is_empty() { what.to_owned() } else { format!("{what}.{group}") }
}

/// What a version that is not the current one is answered.
pub const MODIFIED: &str =
    "the object has been modified; please apply your changes to the latest version and try again";
