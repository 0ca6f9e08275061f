//! Behaviour against a real API server: a map from the contract (SPEC) to the tests that show it.
//!
//! All tests share one control plane, and each has a part of it to itself: see `Scene`. A test's name says the rule, its
//! first line where the rule stands. One of them: `cargo test -p k8s-replicator-api-tests --test tests -- <name>`.
//! With `K8S_REPLICATOR_TESTS_AS=chart` all of them run with the chart's account, roles and arguments (issue 5).
#![allow(clippy::expect_used, clippy::panic)] // What tests share fails as they do.

// SPEC 1 to 3: what annotations say, and which of them decides.
mod annotations; // 2: how annotations are read
mod ill_formed; // 2, 9.10: what is ill-formed, and that it is left alone
mod who_decides; // 1, 3: which source decides about an object

// SPEC 4: pushes.
mod combined; // a push of what another object gives
mod push; // what a push installs

// SPEC 5 to 7: pulls.
mod chains; // 5: pulls from what was pulled; loops and rings
mod clear; // 7: clearing, and the types that are never touched
mod once; // 6, 9.2, 9.11, 9.12: what is copied once
mod pull; // 5: what a target gets from the source that it names

// SPEC 8: safety.
mod log; // one line for each action and refusal, with its reason
mod lost; // answers that are lost on their way are no double writes
mod restart; // killed, stopped, started again
mod safety; // preconditions, and nothing on half a view
mod secrecy; // what is never logged or shown

// SPEC 9: what is different from v1.3.0.
mod changes; // 9.3, 9.4, 9.12: which changes are written, and which are not
mod drift; // 9.2: what others do to replicas; names that become free
mod overload; // issue 13: a quota that refuses, a webhook that hangs
mod remake; // 9.5, 9.6, 9.7: what cannot be updated, what is emptied, namespaces that go
mod requests; // 9.3, 9.8: requests made, memory needed
mod retries; // 9.1, 9.9: failed writes, many at once, Retry-After

// SPEC 11: policy.
mod policy; // namespaces by label, acceptance, keys, labels, pause, removal; deletion by accident

// SPEC 12: the commands for people.
mod seeing; // explain and its remedies, list, wait, approve, diff, graph

// SPEC 10: the program.
mod events; // Kubernetes Events, as kubectl shows them
mod flags; // command lines and kubeconfigs
mod leadership; // 13: --leader-elect: who writes, and who goes on
mod metrics; // /metrics, as Prometheus reads it
mod namespaces; // --namespaces: Roles are enough, nothing outside
mod program; // status pages, SIGTERM, kinds

// Issue 5: how it is installed.
mod adoption; // what v1.3.0 left
mod chart; // lint, a matrix of values, bad values, manifests
mod image; // the static program in an empty root
mod least_rights; // no call is forbidden, and no verb is too many
mod upgrade; // from v1.3.0's installation

// Issue 12.
mod page; // the page, in a real browser

// Issue 3, "bad input".
mod faults; // an API server that is away, refuses or answers nonsense
mod rights; // accounts that lack rights, or that nobody knows
mod sizes; // the largest objects

// Issue 9.
mod field; // section 4: what users of the peers reported
mod lag; // section 1: an API server whose cache is late

// Issue 10.
mod certificates; // 11.9: half-issued certificates
mod gitops; // 11.10: stubs and combined objects that helm applies

// Issue 13.
mod model; // the model of the API server, against the real one
