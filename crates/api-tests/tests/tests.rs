//! Behaviour against a real API server.

mod annotations; // SPEC 2: how annotations are read.
mod ill_formed; // SPEC 2, 9.10: what is ill-formed, and that it is left alone.
mod who_decides; // SPEC 1, 3: which source decides about an object.
mod push; // SPEC 4: what a push installs.
mod combined; // SPEC 4: a push of what another object gives.
mod pull; // SPEC 5: what a target gets from the source that it names.
mod chains; // SPEC 5: pulls from what was pulled; loops and rings.
mod once; // SPEC 6, 9.2, 9.11, 9.12: once.
mod clear; // SPEC 7: clearing, and the types that are never touched.
mod safety; // SPEC 8: preconditions, and nothing on half a view.
mod drift; // SPEC 9.2: what others do to replicas; names that become free.
mod retries; // SPEC 9.1, 9.9: failed writes, many at once, Retry-After.
mod changes; // SPEC 9.3, 9.4, 9.12: which changes are written, and which are not.
mod remake; // SPEC 9.5, 9.6, 9.7: what cannot be updated, what is emptied, namespaces that go.
mod restart; // SPEC 8: killed, stopped, started again.
mod requests; // SPEC 9.3, 9.8: requests made, memory needed.
mod faults; // Issue 3: an API server that is away, refuses or answers nonsense.
mod lost; // Issue 3: answers that are lost on their way.
mod rights; // Issue 3: accounts that lack rights, or that nobody knows.
mod sizes; // Issue 3: the largest objects.
