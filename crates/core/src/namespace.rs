//! What is known of an existing namespace.

/// See the [module](self).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamespaceFacts {
    /// Whether it is being deleted: nothing can be created in it. Only the watch (or the poll) of namespaces says so.
    pub terminating: bool,
}
