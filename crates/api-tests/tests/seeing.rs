//! SPEC 12, issue 11: what a person is told who asks.

mod explain;
mod plan;
