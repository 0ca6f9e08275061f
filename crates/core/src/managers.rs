//! Who wrote what, as `metadata.managedFields` says (SPEC 3.1, 9.14, 9.15).
//!
//! Only three questions are asked of `managedFields`, and only their answers are kept. The controller is the field manager
//! [`FIELD_MANAGER`], which was v1.3.0's name too.

use std::sync::Arc;

/// The field manager's name under which the controller writes. It is stable: users name it, for example in Argo CD's
/// `ignoreDifferences`.
pub const FIELD_MANAGER: &str = "k8s-replicator";

/// Who owns some field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Owners {
    /// No manager owns it: it is not there, or the object has no `managedFields`.
    #[default]
    Nobody,
    /// The controller alone.
    Controller,
    /// The controller and at least one other manager.
    Shared,
    /// Only managers other than the controller.
    Others,
}

/// What an object's `managedFields` say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Managers {
    /// Who owns the data (any key of `data` or `binaryData`, or the field itself).
    pub data: Owners,
    /// Who owns the annotation `replicated-by`.
    pub replicated_by: Owners,
    /// The manager other than the controller that wrote last (by the entry's `time`) to the data or to an annotation under
    /// the prefix, if any: its name is told when it keeps undoing what the controller writes.
    pub other: Option<Arc<str>>,
}
