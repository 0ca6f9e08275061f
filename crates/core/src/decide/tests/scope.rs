//! `--namespaces`: nothing is concluded from what lies outside, and nothing is written there.

use super::table::check;
use super::world::World;

#[test]
fn a_source_outside_is_not_missing() {
    check(&[
        (
            "a pull of it keeps what it holds",
            "only b; a/src #8 allowed :new; b/t from=a/src version=7 :old",
            "b/t",
            "refuse SourceNotWatched a/src",
        ),
        (
            "the same if it is really missing",
            "only b; b/t from=a/src version=7 :old",
            "b/t",
            "refuse SourceNotWatched a/src",
        ),
        ("and if nothing was ever copied", "only b; b/t from=a/src :own", "b/t", "refuse SourceNotWatched a/src"),
        (
            "a replica that it made is not deleted",
            "only b; b/t by=a/src version=7 :old",
            "b/t",
            "refuse SourceNotWatched a/src",
        ),
        (
            "nor refilled",
            "only b; a/src #8 to=b/t :new; b/t by=a/src version=7 suspect :edited",
            "b/t",
            "refuse SourceNotWatched a/src",
        ),
        (
            "who pulls from one that pulls from outside has a source that is seen",
            "only b,c; b/t #7 from=a/src version=3 chain=.* origin=a/src allowed :old; c/u from=b/t",
            "c/u",
            "update FirstCopy b/t +version=7 +origin=a/src +chain=.* data=old as Opaque ← b/t",
        ),
        (
            "a combined push of it makes an empty replica, as one of a missing source",
            "only b; b/src from=a/src to=t",
            "b/t",
            "create NewTarget b/src {from=a/src by=b/src} Opaque - ← b/src",
        ),
        (
            "the target is refused, and keeps what it holds",
            "only b; b/src from=a/src to=t; b/t by=b/src from=a/src version=7 :old",
            "b/t",
            "refuse SourceNotWatched a/src ← b/src",
        ),
    ]);
}

#[test]
fn a_target_outside_is_not_written() {
    check(&[
        ("a push by name", "only a; a/src to=b/t :one", "b/t", "refuse NamespaceNotWatched a/src"),
        (
            "whether the object exists is not known",
            "only a; a/src to=b/t :one; b/t :own",
            "b/t",
            "refuse NamespaceNotWatched a/src",
        ),
        ("or the namespace", "only a; no-ns b; a/src to=b/t :one", "b/t", "refuse NamespaceNotWatched a/src"),
        ("nobody pushes there", "only a; a/src to=a/t :one; b/t by=a/src", "b/t", "nothing NotWanted"),
        (
            "inside all is as ever",
            "only a,b; a/src #7 to=b/t :one",
            "b/t",
            "create NewTarget a/src {by=a/src version=7} Opaque one ← a/src",
        ),
        (
            "a namespace that is named and missing",
            "only a,b; no-ns b; a/src to=b/t",
            "b/t",
            "nothing NamespaceMissing a/src",
        ),
    ]);
}

#[test]
fn who_is_looked_at_when_all_is_listed() {
    let world = World::new("only a,b; a/src to=t,b/t,c/t; a/all to=x to-ns=.*; a/some to=y to-ns=.*,c; c/src to=b/z");
    let looked_at: Vec<String> = world.queue.iter().map(ToString::to_string).collect();
    // A pattern means the namespaces that are there to be seen; a name outside has to be answered.
    assert_eq!(looked_at, ["a/all", "a/some", "a/src", "a/t", "a/x", "a/y", "b/t", "b/x", "b/y", "c/t", "c/y"]);
}
