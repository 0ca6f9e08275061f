//! SPEC 11.7: pause.

use super::*;

/// SPEC 11.7.
#[test]
fn what_is_paused_is_left_as_it_is() {
    let rows: &[Row<'_>] = &[
        ("a source that pushes", "a/src to=b/t paused", "b/t", "refuse Paused a/src (a/src is paused)"),
        (
            "a source that is pulled",
            "a/src paused; b/t from=a/src version=1",
            "b/t",
            "refuse Paused a/src (a/src is paused)",
        ),
        (
            "the older of two sources, whose type is not known: it keeps the name",
            "a/src to=b/t paused type:service-account-token; c/src to=b/t",
            "b/t",
            "refuse Paused a/src (a/src is paused)",
        ),
        (
            "the same, and its type is known",
            "a/src to=b/t paused type:service-account-token known; c/src to=b/t",
            "b/t",
            "refuse Paused a/src (a/src is paused)",
        ),
        ("a target", "b/t from=a/src version=1 paused", "b/t", "refuse Paused a/src (b/t is paused)"),
        ("a replica", "b/t by=a/src paused", "b/t", "refuse Paused a/src (b/t is paused)"),
        (
            "a replica that says so in other words",
            "b/t by=a/src paused=yes",
            "b/t",
            "refuse Paused a/src (b/t is paused)",
        ),
        ("a namespace", "ns b paused; a/src to=b/t", "b/t", "refuse Paused a/src (the namespace b is paused)"),
        ("one that is not the target's", "ns a paused; b/t by=a/src", "b/t", "delete SourceMissing a/src ← ?a/src b/t"),
        (
            "what a combined object pulls from",
            "a/o allowed paused :one; a/src from=a/o to=b/t; b/t by=a/src from=a/o",
            "b/t",
            "refuse Paused a/src (a/o is paused)",
        ),
        ("a replica's false", "a/src #7 to=b/t; b/t by=a/src version=7 paused=false", "b/t", "nothing UpToDate a/src"),
    ];
    check(rows);
}
