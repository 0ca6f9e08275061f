//! Advice: annotations that are well-formed, and probably do not do what their author wanted. It is reported like a refusal, and
//! blocks nothing (SPEC 8).

use crate::reason::Reason;

/// The most pieces of advice that are kept for one object's annotations: a list has room for thousands of items that are wrong in
/// the same way.
pub const MAX_ADVICE: usize = 8;

/// One piece of advice about an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Advice {
    /// What kind of advice: one of the codes under "Advice" in `docs/reasons.md`.
    pub reason: Reason,
    /// The annotation, the item and what to do, in one sentence. Never shows data of a Secret.
    pub detail: String,
}
