//! Behaviour against a real API server.
#![allow(clippy::expect_used, clippy::panic)] // What tests share fails as they do.

mod annotations; // SPEC 2: how annotations are read.
mod chains; // SPEC 5: pulls from what was pulled; loops and rings.
mod changes; // SPEC 9.3, 9.4, 9.12: which changes are written, and which are not.
mod clear; // SPEC 7: clearing, and the types that are never touched.
mod combined; // SPEC 4: a push of what another object gives.
mod drift; // SPEC 9.2: what others do to replicas; names that become free.
mod faults; // Issue 3: an API server that is away, refuses or answers nonsense.
mod flags; // SPEC 10, issue 3: command lines and kubeconfigs.
mod ill_formed; // SPEC 2, 9.10: what is ill-formed, and that it is left alone.
mod log; // SPEC 8, issue 3: the log.
mod lost; // Issue 3: answers that are lost on their way.
mod once; // SPEC 6, 9.2, 9.11, 9.12: once.
mod program; // SPEC 10, issue 3: status pages, SIGTERM, kinds.
mod pull; // SPEC 5: what a target gets from the source that it names.
mod push; // SPEC 4: what a push installs.
mod remake; // SPEC 9.5, 9.6, 9.7: what cannot be updated, what is emptied, namespaces that go.
mod requests; // SPEC 9.3, 9.8: requests made, memory needed.
mod restart; // SPEC 8: killed, stopped, started again.
mod retries; // SPEC 9.1, 9.9: failed writes, many at once, Retry-After.
mod rights; // Issue 3: accounts that lack rights, or that nobody knows.
mod safety; // SPEC 8: preconditions, and nothing on half a view.
mod secrecy;
mod sizes; // Issue 3: the largest objects.
mod who_decides; // SPEC 1, 3: which source decides about an object. // SPEC 8, issue 3: what is never told.
